"""Pictures of replicated trainings: what is on them, not how pretty they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from labkit import draw
from labkit.draw.picture import LINES
from labkit.parallel import Happening, History, Lost, Point


def history(name: str = "sync", seconds: Any = (1, 2, 3, 4), updates: Any = None, loss: Any = None, **more: Any) -> Any:
    """A history with accuracies that rise and a loss that falls."""
    count = len(seconds)
    updates = list(range(10, 10 * count + 1, 10)) if updates is None else updates
    loss = [1 / (n + 1) for n in range(count)] if loss is None else loss
    points = tuple(
        Point(float(s), u, 32 * u, 2e6 * (n + 1), v, {"accuracy": 1 - v / 2})
        for n, (s, u, v) in enumerate(zip(seconds, updates, loss, strict=True))
    )
    return History(name, more.pop("workers", 4), points, **more)


def lines(axes: Any, colour: str) -> list[Any]:
    """The lines of a colour that are no marks."""
    return [one for one in axes.lines if to_hex(one.get_color()).lower() == colour.lower() and len(one.get_xdata()) > 1]


def marks(axes: Any) -> list[tuple[float, str]]:
    """Where a lane has which mark."""
    return [(float(one.get_xdata()[0]), str(one.get_marker())) for one in axes.lines if len(one.get_xdata()) == 1]


def words(picture: Any) -> list[str]:
    return [text.get_text() for text in picture.texts]


def test_a_curve_is_the_column_against_what_is_asked():
    """Each in its unit."""
    run = history()
    for against, xs, label in [
        ("seconds", [1, 2, 3, 4], "simulated seconds"), ("updates", [10, 20, 30, 40], "updates in the weights"),
        ("examples", [320, 640, 960, 1280], "examples in the weights"),
        ("bytes", [2, 4, 6, 8], "MB sent, weights and gradients"),
    ]:  # fmt: skip
        axes = draw.histories(run, "accuracy", against).axes[0]
        (line,) = lines(axes, LINES[0])
        np.testing.assert_allclose(line.get_xdata(), xs)
        np.testing.assert_allclose(line.get_ydata(), run.column("accuracy"))
        assert (axes.get_xlabel(), axes.get_ylabel()) == (label, "accuracy")


@pytest.mark.parametrize(
    ("end", "label", "last"),
    [
        (7200, "simulated hours", 2), (300, "simulated minutes", 5), (0.5, "simulated milliseconds", 500),
        (2e-4, "simulated microseconds", 200),
    ],
)  # fmt: skip
def test_long_and_short_trainings_have_units_of_their_own(end: float, label: str, last: float):
    """Hours, minutes, parts of a second."""
    axes = draw.histories(history(seconds=[end / 2, end])).axes[0]
    assert axes.get_xlabel() == label
    assert lines(axes, LINES[0])[0].get_xdata()[-1] == pytest.approx(last)


def test_real_seconds_are_measured_ones():
    """Beside simulated ones both are said."""
    real = history("real", settings={"real": True})
    assert draw.histories(real).axes[0].get_xlabel() == "measured seconds"
    assert draw.histories([real, history()]).axes[0].get_xlabel() == "simulated or measured seconds"


def test_the_target_is_marked_where_it_is_reached_first():
    """By an accuracy that rises above it and a loss that falls below; or never. The list says when."""
    runs = [history("quick", seconds=[1, 2, 3, 4]), history("slow", seconds=[10, 20, 30, 40])]
    picture = draw.histories(runs, "accuracy", target=0.8)
    found = [m for m in picture.axes[0].lines if len(m.get_xdata()) == 1 and m.get_ydata()[0] == 0.8]
    assert [float(m.get_xdata()[0]) for m in found] == [3.0, 30.0]
    assert "quick: accuracy 0.875, 0.8 reached after 3.00 s" in words(picture)
    assert "slow: accuracy 0.875, 0.8 reached after 30.0 s" in words(picture)
    picture = draw.histories(runs[0], "loss", "bytes", target=0.5)
    assert "quick: loss 0.25, 0.5 reached after 4.00 MB" in words(picture)
    picture = draw.histories(runs[0], "loss", "updates", target=0.1)
    assert "quick: loss 0.25, 0.1 never reached" in words(picture)
    picture = draw.histories(runs[0], "accuracy", "updates", target=0.6, below=True)
    assert "quick: accuracy 0.875, 0.6 reached after 10 updates" in words(picture)


def restored() -> Any:
    """Updates 30 and 40 are undone: the checkpoint has 20."""
    happenings = (
        Happening(2.0, "checkpoint", "", ""), Happening(4.5, "died", "server 0", ""),
        Happening(6.5, "noticed", "server 0", ""), Happening(8.0, "restarted", "server 0", ""),
        Happening(8.0, "restored", "", ""), Happening(8.5, "died", "worker 1", ""),
        Happening(9.5, "back", "worker 1", ""),
    )  # fmt: skip
    return history(seconds=[1, 2, 3, 4, 9, 10], updates=[10, 20, 30, 40, 30, 40], happenings=happenings,
                   lost=Lost(20, 1, 320, 6.0), dropped=3)  # fmt: skip


def test_what_a_checkpoint_undid_is_a_branch_of_its_own():
    """Dotted; the curve goes on from what was kept."""
    drawn = lines(draw.histories(restored()).axes[0], LINES[0])
    kept, branch, joint, after = sorted(drawn, key=lambda line: (line.get_xdata()[0], line.get_xdata()[-1]))
    assert [line.get_xdata().tolist() for line in (kept, branch, joint, after)] == [[1, 2], [2, 3, 4], [2, 9], [9, 10]]
    assert branch.get_linestyle() != kept.get_linestyle() == after.get_linestyle()
    assert joint.get_lw() < after.get_lw()


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.lists(st.integers(0, 20), max_size=3))
def test_no_kept_point_is_missing_and_no_undone_point_is_kept(steps: list[int], restores: list[int]):
    """Against a brute-force walk: a point is undone if the weights ever held fewer updates, or as many, again."""
    updates = np.cumsum(steps).tolist()
    for back in restores:
        updates += [back % updates[-1] + 1]
    run = history(seconds=list(range(1, len(updates) + 1)), updates=updates)
    shown = [line for line in lines(draw.histories(run).axes[0], LINES[0]) if line.get_lw() == 2.2]
    kept = sorted(x for line in shown for x in line.get_xdata())
    wanted = [n + 1 for n in range(len(updates)) if all(later > updates[n] for later in updates[n + 1 :])]
    # A single kept point is a line of one, which the helper does not count.
    alone = {float(m.get_xdata()[0]) for m in draw.histories(run).axes[0].lines if len(m.get_xdata()) == 1}
    assert set(kept) <= set(wanted) <= set(kept) | alone


def test_what_happened_is_on_a_line_of_its_own():
    """A mark for each, a grey bar while something is away; what it cost is said; the marks are explained."""
    picture = draw.histories([history("fine"), restored()], "loss")
    lane = picture.axes[1]
    assert marks(lane) == [(2.0, "|"), (4.5, "X"), (6.5, "o"), (8.0, "<"), (8.5, "X"), (9.5, "^")]
    bars = [line.get_xdata().tolist() for line in lane.lines if line.get_lw() == 11]
    assert bars == [[4.5, 8.0], [8.5, 9.5]]
    said = words(picture)
    assert "sync: loss 0.167, lost 20 updates, 1 gradient and 6.00 s, 3 gradients too late" in said
    assert "fine: loss 0.25" in said
    for meaning in ("fails", "is noticed", "works again", "back to the checkpoint", "checkpoint"):
        assert meaning in said
    assert "is replaced" not in said
    quiet = history(happenings=(Happening(1.0, "checkpoint", "", ""),))
    assert "checkpoint" not in words(draw.histories(quiet))


def test_what_happened_is_where_the_training_was():
    """Against bytes: at 3.5 s half-way between the points of 3 s and 4 s."""
    run = history(happenings=(Happening(3.5, "died", "worker 0", ""), Happening(9.0, "noticed", "worker 0", "")))
    assert marks(draw.histories(run, "loss", "bytes").axes[1]) == [(7.0, "X"), (8.0, "o")]


def test_a_training_that_never_made_an_update_is_listed():
    """And one that diverged."""
    wild = history("wild", loss=[1.0, 5.0, np.inf, np.nan])
    none = History("none", 2, ())
    picture = draw.histories([history(), wild, none])
    assert "none: no update" in words(picture)
    assert "wild: loss diverged" in words(picture)
    assert len(picture.png()) > 1000


def test_many_trainings_are_told_apart():
    """By colour, dashes and mark, each of which says something alone."""
    runs = [history(f"run {n}") for n in range(14)]
    axes = draw.histories(runs).axes[0]
    looks = []
    for n in range(14):
        line, end = axes.lines[2 * n], axes.lines[2 * n + 1]
        looks.append((line.get_color(), str(line._unscaled_dash_pattern), end.get_marker()))
    assert len(set(looks)) == 14
    assert len({(colour, dashes) for colour, dashes, _ in looks}) == 14
    assert len({marker for *_, marker in looks[:7]}) == 7


def test_long_texts_stay_on_the_picture():
    """Names of learners and long lists; dollars are dollars."""
    long = restored()
    names = ["M" * 200, "$x_{$ \\frac and so on", "one word and another " * 5]
    runs = [history(name, lost=Lost(10**6, 10**6, 0, 1e6), dropped=10**9, happenings=long.happenings) for name in names]
    for staleness in (False, True):
        picture = draw.histories(runs, "accuracy", target=0.8, staleness=staleness)
        picture.canvas.draw()
        width = picture.get_size_inches()[0] * picture.dpi
        for text in picture.texts:
            box = text.get_window_extent()
            assert box.x0 >= 0
            assert box.x1 <= width


@given(st.lists(st.lists(st.integers(0, 300), min_size=1, max_size=40), min_size=1, max_size=3))
def test_staleness_counts_updates_by_age(ages: list[list[int]]):
    """Shares as NumPy counts them; each age once; the mean."""
    runs = [History(f"run {n}", 3, (), staleness=tuple(own)) for n, own in enumerate(ages)]
    picture = draw.staleness(runs)
    axes = picture.axes[0]
    wide = -(-(max(map(max, ages)) + 1) // 60)
    stairs = [patch for patch in axes.patches if not patch.get_fill()]
    assert len(stairs) == len(runs)
    for own, patch in zip(ages, stairs, strict=True):
        values, edges, _ = patch.get_data()
        bins = np.bincount(np.array(own) // wide, minlength=len(values))
        np.testing.assert_allclose(values, 100 * bins / len(own))
        assert edges[0] == -0.5
        assert sum(values) == pytest.approx(100)
    means = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 2]
    np.testing.assert_allclose(means, [np.mean(own) for own in ages])


def test_a_panel_of_ages():
    """Beside the curves, if asked for."""
    run = history(staleness=(0, 1, 1, 2))
    assert "staleness" in [axes.get_xlabel()[:9] for axes in draw.histories(run, staleness=True).axes]
    assert "staleness" not in [axes.get_xlabel()[:9] for axes in draw.histories(run).axes]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: draw.histories([]), ValueError, "no history was given"),
        (lambda: draw.histories("sync"), TypeError, "not str"),
        (lambda: draw.histories([history(), 3]), TypeError, "not int"),
        (lambda: draw.histories(type("Trainer", (), {"run": 1})()), TypeError, "It has yet to run"),
        (lambda: draw.histories(History("a", 1, ())), ValueError, "no training has made an update"),
        (lambda: draw.histories(history(), "speed"), ValueError, "there is no 'speed' among"),
        (lambda: draw.histories(history(), "seconds"), ValueError, "belongs on the other axis"),
        (lambda: draw.histories(history(), against="hours"), ValueError, "no axis 'hours'; there are 'seconds'"),
        (lambda: draw.histories(history(), target="0.9"), ValueError, "the target is '0.9'"),
        (lambda: draw.histories(history(), target=float("nan")), ValueError, "the target is nan"),
        (lambda: draw.staleness([History("a", 1, ())]), ValueError, "no training has made an update"),
        (lambda: draw.staleness({"a": 1}), TypeError, "not dict"),
    ],
)  # fmt: skip
def test_bad_calls_teach(call: Any, error: type[Exception], message: str):
    """What was given, and what is drawn."""
    with pytest.raises(error, match=message):
        call()
