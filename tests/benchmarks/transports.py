"""Transports of this machine, beside what is assumed where none are measured; orders of magnitude."""

from __future__ import annotations

from labkit.parallel import measure_transports

WITHIN = {"local": ((1e-8, 1e-5), (1e9, 1e12)), "rpc": ((1e-6, 1e-3), (1e8, 1e11)), "rdma": ((5e-7, 1e-3), (1e9, 1e12))}


def transports() -> None:
    """The table, and whether each figure is of a sane order; copying once against the way through the kernel."""
    measured = measure_transports(seconds=1.0)
    print(measured)
    for name, one in measured.items():
        latency, rate = WITHIN[name]
        sane = latency[0] <= one.latency_seconds <= latency[1] and rate[0] <= one.bytes_per_second <= rate[1]
        print(f"{name + ' is of the expected order':<62} {'yes' if sane else 'NO':>6}  wanted yes")
    if {"rpc", "rdma"} <= set(measured):
        ratio = measured["rdma"].bytes_per_second / measured["rpc"].bytes_per_second
        print(f"{'bandwidth, shared memory / TCP on loopback':<62} {ratio:6.1f}  wanted >= 1")


BENCHMARKS = (transports,)
