"""Pictures of machines: what is on them."""

import numpy as np
import pytest

from labkit import draw
from labkit.cluster import (
    JUPITER,
    KINDS,
    Borg,
    Cell,
    Clos,
    Cluster,
    ClusterError,
    Device,
    Job,
    Machine,
    Resources,
    ring,
    single,
    star,
    torus,
)  # fmt: skip
from labkit.graph import Cost


def texts(picture):
    return [text.get_text() for axes in picture.axes for text in axes.texts]


def dots(picture):
    """How many markers, by kind of node."""
    return sorted(len(group.get_offsets()) for group in picture.axes[0].collections)


def test_a_roof_rises_with_the_bandwidth_and_ends_at_the_peak():
    (line,) = draw.roofline(["k40"]).axes[0].lines
    xs, ys = line.get_data()
    assert ys[-1] == ys[-2] == 4.29e12
    assert ys[0] == pytest.approx(xs[0] * 288e9)
    assert xs[1] == pytest.approx(4.29e12 / 288e9)


def test_ops_are_points_below_the_roofs():
    picture = draw.roofline(KINDS, {"MatMul": Cost(1e9, 1e7), "copy": Cost(0, 1e6)})
    axes = picture.axes[0]
    (points, empty) = (group.get_offsets() for group in axes.collections)
    assert len(points) == len(axes.lines) == len(KINDS)
    assert len(empty) == 0  # a copy computes nothing: no place on this plane
    for (x, y), line in zip(points, axes.lines, strict=True):
        assert y <= np.interp(np.log(x), np.log(line.get_xdata()), line.get_ydata()) * (1 + 1e-9)
    assert "TPU v1 in int8" in repr(picture)
    assert picture.png().startswith(b"\x89PNG")


def test_a_clos_network_stands_level_upon_level():
    picture = draw.cluster(Clos(4, 3))
    assert dots(picture) == [16, 20]
    heights = {round(float(y), 6) for group in picture.axes[0].collections for _, y in group.get_offsets()}
    assert len(heights) == 4
    assert len(picture.axes[0].lines) == 48
    assert picture.png().startswith(b"\x89PNG")


def test_jupiter_is_a_box_for_each_level_and_says_both_countings():
    picture = draw.cluster(JUPITER)
    shown = " | ".join(texts(picture))
    assert "100,000 hosts" in shown
    assert "level 4: 2,048 switches" in shown
    assert "Half of the hosts send the others 500 Tb/s; both directions together: 1.00 Pb/s" in shown


@pytest.mark.parametrize(
    ("network", "lines"), [(star(5, "ethernet_1g"), 5), (ring(8, "nvlink1"), 8), (torus(4, 5, "tpu_v2_link"), 40 + 9)]
)
def test_every_link_is_a_line_those_around_a_torus_are_two(network, lines):
    assert len(draw.cluster(network).axes[0].lines) == lines


def test_devices_are_drawn_with_the_ends_of_their_names():
    gpus = [Device(f"/task:{n}/device:GPU:{g}", "p100", f"h{n}", "pcie3_x16") for n in range(2) for g in range(2)]
    picture = draw.cluster(Cluster("four", star(2, "ethernet_10g"), gpus))
    assert texts(picture).count("GPU:1") == 2
    assert repr(picture) == "<four: 4 devices (4 x P100) on 2 hosts; half of the hosts send the others 10.0 Gb/s>"
    assert repr(draw.cluster(Cluster("phone", single(), [Device("cpu", "phone", "h0")]))).startswith("<phone: 1 device")
    assert dots(draw.cluster(Cluster("clos", Clos(4, 2).network(), [Device("cpu", "phone", "h7")]))) == [1, 6, 8]


def test_what_cannot_be_drawn_says_why():
    with pytest.raises(ValueError, match="no kinds of devices were given"):
        draw.roofline([])
    with pytest.raises(ClusterError, match="no kind of device called 'k41'"):
        draw.roofline(["k41"])
    with pytest.raises(ValueError, match="300 hosts are too many to draw; 256 are the most"):
        draw.cluster(star(300, "ethernet_1g"))


def test_leftovers_are_those_of_the_cell() -> None:
    """A dot a living machine at what it has free; those that cannot hold the task are marked, and summed in words."""
    gib = 1 << 30
    machines = [Machine(f"m{i}", Resources(4000, 8 * gib)) for i in range(4)]
    cell = Cell(machines)
    cell.free[:, 0] = [4000, 500, 2000, 4000]
    cell.free[:, 1] = [8 * gib, 8 * gib, gib, 2 * gib]
    cell.alive[3] = False
    picture = draw.leftovers({"mine": cell}, Resources(1000, 2 * gib))
    fits, lost = [np.asarray(dots.get_offsets()).tolist() for dots in picture.axes[0].collections]
    assert fits == [[4.0, 8.0]]
    assert lost == [[0.5, 8.0], [2.0, 1.0]]
    assert repr(picture) == "<mine: 2,500 of 12,000 milli-cores and 9 of 24 GiB are stranded>"
    assert "20.8% of CPU, 37.5% of memory" in picture.axes[0].get_title()
    with pytest.raises(ValueError, match="no cells were given"):
        draw.leftovers({}, Resources(1, 1))


def test_a_cell_over_time_shows_what_was_sampled() -> None:
    """Steps through the samples, a line for each moment of failure; without a run there is nothing."""
    borg = Borg(Cell([Machine("m0", Resources(4000, 1 << 30)), Machine("m1", Resources(4000, 1 << 30))]))
    with pytest.raises(ValueError, match="let time pass"):
        draw.cell_over_time(borg)
    borg.submit(Job("sort", "ada", "batch", 2, Resources(3000, 1 << 29), seconds=60))
    borg.fail("m1", at_seconds=30, repair_seconds=10)
    borg.run()
    picture = draw.cell_over_time(borg)
    cpu = picture.axes[0].patches[0].get_data()
    assert cpu.values.tolist()[:3] == [75.0, 75.0, 75.0]  # of two machines, of the one that is left, of both again
    assert [sample.running for sample in borg.samples][:3] == [2, 1, 2]
    assert [line.get_xdata()[0] for line in picture.axes[0].lines] == [30.0]
    assert "1 failure, 0 preemptions, at most 1 task waiting" in repr(picture)
