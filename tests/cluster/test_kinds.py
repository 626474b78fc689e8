"""Devices and links against published figures and the roofline against its formula, by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
from labkit.cluster import KINDS, LINKS, ClusterError, DeviceKind, LinkKind, device_kind, link_kind, op_time
from labkit.graph import Cost


@pytest.mark.parametrize(
    ("kind", "dtype", "published"),
    [
        ("k40", "float32", 4.29e12), ("k40", "float64", 1.43e12), ("p100", "float16", 21.2e12),
        ("tpu_v1", "int8", 92e12), ("server_cpu", "float32", 18 * 2.3e9 * 32), ("h100", "bfloat16", 989e12),
    ],
)  # fmt: skip
def test_peak_rates_are_the_published_ones(kind, dtype, published):
    """Of the Xeon: 18 cores at 2.3 GHz with two AVX2 units for multiply-adds, which the paper rounds to 1.3."""
    assert device_kind(kind).rate(dtype) == pytest.approx(published, rel=0.02)


def test_the_tpu_s_peak_is_its_multipliers_times_its_clock():
    """65,536 multipliers at 700 MHz; a multiplication with an addition is two."""
    assert device_kind("tpu_v1").rate("int8") == pytest.approx(65536 * 700e6 * 2, rel=0.003)


def test_a_pod_of_64_boards_has_the_seeds_petaflops():
    assert 64 * 4 * device_kind("tpu_v2").rate("bfloat16") == pytest.approx(11.5e15, rel=0.002)


def test_every_kind_says_its_source_and_is_a_device_type():
    for kind in KINDS.values():
        assert len(kind.source) > 20
        assert kind.type in ("CPU", "GPU", "TPU")
        assert ("ssumed" in kind.source) or ("OSDI 2016" in kind.source)
    assert set(KINDS) == {
        "microcontroller", "phone", "laptop_cpu", "server_cpu", "k40", "p100", "h100", "tpu_v1", "tpu_v2"
    }  # fmt: skip
    assert KINDS["microcontroller"].memory_bytes == 256 * 1024
    assert all(link.source for link in LINKS.values())


@pytest.mark.parametrize(
    ("name", "gigabytes"),
    [("pcie3_x16", 15.754), ("pcie5_x16", 63.015), ("ethernet_40g", 5), ("nvlink1", 20), ("nvlink4", 450)],
)
def test_links_carry_what_their_standards_say(name, gigabytes):
    assert link_kind(name).bytes_per_second == pytest.approx(gigabytes * 1e9, rel=1e-4)


def test_six_hops_of_gigabit_ethernet_and_back_take_half_a_millisecond():
    """ "Round trip within same datacenter 500,000 ns": J. Dean, 2009."""
    assert 12 * link_kind("ethernet_1g").latency_seconds == pytest.approx(500e-6, rel=0.05)


def test_a_dtype_without_a_unit_is_computed_in_a_wider_one():
    assert device_kind("k40").rate("bfloat16") == device_kind("k40").rate(tf.float32)
    assert device_kind("tpu_v2").rate(tf.bfloat16) == 15 * device_kind("tpu_v2").rate("float16")
    assert device_kind("tpu_v1").rate(tf.uint8) == device_kind("tpu_v1").rate("int8")


@given(st.sampled_from(sorted(KINDS)), st.floats(0, 1e15), st.floats(0, 1e12))
def test_an_op_takes_the_roofline_s_time(name, flops, moved):
    kind = KINDS[name]
    dtype = next(iter(kind.peak))
    time = op_time(Cost(flops, moved), kind, dtype)
    assert time.seconds == max(flops / kind.peak[dtype], moved / kind.bytes_per_second) + kind.launch_seconds
    parts = {"compute": time.compute_seconds, "memory": time.memory_seconds, "launch": time.launch_seconds}
    assert parts[time.bound] == max(parts.values())
    assert time.flops_per_second <= kind.peak[dtype] * (1 + 1e-12)
    if time.bound == "compute":
        assert time.flops_per_byte >= kind.ridge(dtype) * (1 - 1e-9)


def test_a_large_product_waits_for_arithmetic_a_sum_for_memory_a_small_one_for_its_start():
    n = 4096.0
    assert op_time(Cost(2 * n**3, 12 * n**2), "p100").bound == "compute"
    assert op_time(Cost(n**2, 12 * n**2), "p100").bound == "memory"
    assert op_time(Cost(1, 12), "p100").bound == "launch"
    assert "arithmetic bounds it" in str(op_time(Cost(2 * n**3, 12 * n**2), "p100"))


def test_a_copy_needs_no_arithmetic_unit():
    assert op_time(Cost(0, 34e9), "tpu_v1", "float32").memory_seconds == 1.0
    assert "memory bounds it" in str(op_time(Cost(0, 34e9), "tpu_v1", "float32"))


@pytest.mark.parametrize(
    ("act", "said", "advice"),
    [
        (lambda: device_kind("h10"), "there is no kind of device called 'h10'.", "h100."),
        (lambda: link_kind("ethernet_20g"), "there is no kind of link called 'ethernet_20g'.", "ethernet_"),
        (lambda: op_time(Cost(1, 1), "tpu_v1"), "TPU v1 has no unit for float32; it computes in int8, int16.", "k40"),
        (lambda: op_time(Cost(-1, 1), "k40"), "the work of the op is -1 FLOPs; it must be a number at least zero.", ""),
        (lambda: LinkKind("x", "x", -1.0, 1.0, ""), "the latency of the link 'x' is -1.0 seconds", ""),
        (lambda: LinkKind("x", "x", 0.0, -1.0, ""), "the bandwidth of the link 'x' is -1.0 bytes/s", ""),
        (lambda: LinkKind("x", "x", 0.0, float("nan"), ""), "the bandwidth of the link 'x' is nan bytes/s", ""),
        (lambda: DeviceKind("x", "x", {}, 1, 1, 0, ""), "the kind 'x' computes in no dtype", ""),
        (lambda: DeviceKind("x", "x", {"float32": 0}, 1, 1, 0, ""), "the float32 rate of the kind 'x' is 0", ""),
        (lambda: DeviceKind("x", "x", {"int8": 1}, -2, 1, 0, ""), "the memory of the kind 'x' is -2 bytes", ""),
    ],
)
def test_what_cannot_be_is_an_error_that_says_so(act, said, advice):
    with pytest.raises(ClusterError) as caught:
        act()
    assert said in str(caught.value)
    assert advice in "".join(getattr(caught.value, "__notes__", [""]))
