"""How long a step takes when machines are slow now and then: many simulated steps with other luck.

Example:
    >>> from labkit.cluster import ready
    >>> from labkit.simulator.stragglers import SlowedSteps
    >>> from labkit.workload import Workload, WorkNode
    >>> work = Workload(tuple(WorkNode(f"replica_{n}", "MatMul", flops=10.6e9) for n in range(8)))
    >>> devices = {f"replica_{n}": f"/device:GPU:{n}" for n in range(8)}
    >>> distribution(work, devices, ready("gpu_server"), SlowedSteps(), runs=200)
    <200 runs: mean 0.00109 s, 95 % between 0.00108 and 0.00111 s>
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labkit.cluster import Cluster, Hop
from labkit.simulator.monte_carlo import Estimate, monte_carlo
from labkit.simulator.plan import OpSeconds, roofline_seconds
from labkit.simulator.step import plan_of, simulate_plan
from labkit.simulator.stragglers import Stragglers
from labkit.workload import Workload


def distribution(
    work: Workload,
    devices: Mapping[str, str],
    cluster: Cluster,
    stragglers: Stragglers,
    runs: int = 100,
    seed: int = 0,
    *,
    seconds: OpSeconds = roofline_seconds,
    failed: Sequence[str | Hop] = (),
    compress: str | None = None,
    recv_scheduling: bool = False,
    confidence: float = 0.95,
    **how: Any,
) -> Estimate:
    """The time of a step, over many runs.

    Args:
        work: the step.
        devices: the device, by its name in the cluster, of each op.
        cluster: the machines.
        stragglers: draws for each run by how much the ops of each device take longer.
        runs: how many; at least two.
        seed: of all that is random.
        seconds: how long an op takes on a kind of device, without bad luck.
        failed: what has failed; see `simulate`.
        compress: in what tensors cross; see `simulate`.
        recv_scheduling: delay Recvs; see `simulate`.
        confidence: how sure the bounds shall be.
        **how: more for `simulate`: its `order`, `memory`, `slow`; with `steps` the time is that of all of them.

    Raises:
        As `simulate`; and ClusterError if there are less than two runs.
    """
    plan = plan_of(
        work, devices, cluster, seconds=seconds, failed=failed, compress=compress, recv_scheduling=recv_scheduling
    )

    def once(source: np.random.Generator) -> float:
        return simulate_plan(plan, luck=(stragglers, source), **how).seconds

    return monte_carlo(once, runs, seed, confidence)
