"""PipelineView's half in the kernel: its columns against the run's own events, and what cannot be."""

from __future__ import annotations

import json
import re
import zlib
from typing import Any

import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st

import labkit as tf
import labkit_widgets as lw
from labkit.cluster import ClusterError
from labkit.errors import LabkitError
from labkit.parallel import Pipeline, bubble_share
from labkit_widgets.view import MOST_BYTES
from tests.browser.views import HOSTILE

TIMES = st.sampled_from([0.25, 0.5, 1.0, 2.0, 3.5])


def decoded(view: Any) -> Any:
    """What travels to the page."""
    return json.loads(zlib.decompress(view.data))


def graph() -> Any:
    """The pipeline of three layers of a learner's graph."""
    with tf.Graph().as_default():
        x = h = tf.placeholder(tf.float32, [None, 30], name="x")
        for d in range(3):
            with tf.variable_scope(f"layer_{d}"):
                h = tf.layers.dense(h, 400 // (d + 1), tf.nn.relu)
        train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(tf.square(h)))
        return Pipeline.of(train, {x: [96, 30]}, [f"layer_{d}" for d in range(3)], microbatches=8)


@st.composite
def views(draw: st.DrawFn) -> Any:
    """A view of any schedules, on stages that may differ."""
    p = draw(st.integers(1, 5))
    schedule, other = (draw(st.sampled_from(names)) for names in (
        ["gpipe", "1f1b", "interleaved", "forward"], ["", "gpipe", "1f1b", "interleaved"]))  # fmt: skip
    chunked = "interleaved" in (schedule, other)
    m = p * draw(st.integers(1, 3)) if chunked else draw(st.integers(1, 9))
    each = st.lists(TIMES, min_size=p, max_size=p)
    pipeline = Pipeline(p, m, draw(each), draw(each), draw(st.sampled_from([0.0, 0.125, 2.0])), draw(each))
    slow = draw(st.integers(-1, p - 1))
    return lw.PipelineView(
        pipeline, schedule, other=other, chunks=draw(st.integers(1, 3)) if chunked else 1, slow=slow, factor=3.0
    )


@given(views())
@settings(max_examples=60, deadline=None)
def test_columns_are_the_events_of_the_runs(view: Any) -> None:
    """Every piece and transfer, at its time to a millionth of the whole; what is kept; shares and sums."""
    made = decoded(view)
    whole = max(run.seconds for run in view.runs)
    for run, one in zip(view.runs, made["runs"], strict=True):
        close = pytest.approx
        assert (one["seconds"], one["bubble"]) == (run.seconds, run.bubble)
        assert one["formula"] == bubble_share(run.pipeline.stages, run.pipeline.microbatches, run.chunks)
        for stage, columns in enumerate(one["stages"]):
            events = run.of_stage(stage)
            assert [t * made["tick"] for t in columns["start"]] == close(
                [e.start_seconds for e in events], abs=whole / 1e6
            )
            assert [t * made["tick"] for t in columns["end"]] == close([e.end_seconds for e in events], abs=whole / 1e6)
            assert list(columns["kind"]) == [event.op[0].upper() for event in events]
            assert columns["microbatch"] == [int(event.node.rpartition("_")[2]) for event in events]
            size = run.pipeline.bytes_of()[stage] / run.chunks
            curve = run.memory[run.devices[stage]]
            assert [held * size for held in columns["held"]] == close(list(curve.bytes))
            assert one["busy"][stage] == close(sum(event.duration_seconds for event in events))
        sent = [e for e in run.trace.events if e.op == "_Recv"]
        columns = one["sends"]
        names = run.devices
        assert [(names[a], names[b]) for a, b in zip(columns["from"], columns["to"], strict=True)] == [
            tuple(event.device.split(" -> ")) for event in sent
        ]
        assert [t * made["tick"] for t in columns["end"]] == close([e.end_seconds for e in sent], abs=whole / 1e6)


def test_the_bubble_is_taken_apart_into_formula_stages_and_transfers() -> None:
    equal = decoded(lw.PipelineView(Pipeline(4, 8), "1f1b"))["runs"][0]
    assert equal["bubble"] == pytest.approx(equal["formula"]) == equal["free"]
    slow = decoded(lw.PipelineView(Pipeline(4, 8), "1f1b", slow=2, factor=2.0))["runs"][0]
    assert slow["free"] == slow["bubble"] > slow["formula"] + 0.15
    both = decoded(lw.PipelineView(Pipeline(4, 8), "1f1b", slow=2, factor=2.0, transfer=0.5))["runs"][0]
    assert both["formula"] == slow["formula"]
    assert both["free"] == slow["bubble"] < both["bubble"]


def test_settings_change_what_is_run() -> None:
    view = lw.PipelineView(Pipeline(4, 8))
    assert view.runs[0].schedule == "1f1b"
    assert view.change(stages=3, microbatches=6).pipeline.stages == 3
    assert [run.schedule for run in view.change(other="gpipe").runs] == ["1f1b", "gpipe"]
    view.change(schedule="interleaved", chunks=3)
    assert [run.chunks for run in view.runs] == [3, 1]
    assert view.runs[0].bubble == pytest.approx(bubble_share(3, 6, 3))
    assert view.change(schedule="gpipe").settings["chunks"] == 1  # nobody shown has chunks any more
    assert view.change(slow=1, factor=2.5).pipeline.seconds_of(backward=False) == [1.0, 2.5, 1.0]
    assert view.change(slow=-1, transfer=0.25).pipeline.transfer == 0.25
    assert view.change(transfer=None).pipeline.transfer == 0.0
    assert lw.PipelineView(Pipeline(4, 8)).pipeline == Pipeline(4, 8)


def test_the_pipeline_of_a_graph_finds_its_costs_again_for_other_microbatches() -> None:
    view = lw.PipelineView(graph(), "gpipe")
    assert decoded(view)["names"] == ["layer_0", "layer_1", "layer_2"]
    assert decoded(view)["choices"] == {"stages": [3], "microbatches": [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 96]}
    before = view.pipeline
    view.change(microbatches=24)
    assert view.pipeline.bytes_of() == pytest.approx([size / 3 for size in before.bytes_of()])
    assert before.forward[0] / 3 < view.pipeline.forward[0] < before.forward[0]  # launching ops costs the same
    with pytest.raises(ClusterError, match="cannot be cut into 7"):
        view.change(microbatches=7)
    with pytest.raises(ClusterError, match="times of their own, and cannot have 4"):
        view.change(stages=4)
    assert view.pipeline.microbatches == 24


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"schedule": "2f2b"}, "no schedule of a pipeline called '2f2b'"),
        ({"other": "pipe"}, "no schedule of a pipeline called 'pipe'"),
        ({"schedule": None}, "called None"),
        ({"schedule": ["gpipe"]}, "called ['gpipe']"),
        ({"schedule": "gpipe", "chunks": 2}, "'gpipe' is one piece, not 2 chunks"),
        ({"schedule": "interleaved", "microbatches": 6}, "in groups of 4"),
        ({"stages": 0}, "number of stages is 0"),
        ({"stages": "4"}, "number of stages is '4'"),
        ({"stages": 100}, "at most 64"),
        ({"microbatches": -1}, "number of microbatches is -1"),
        ({"microbatches": 2.0}, "number of microbatches is 2.0"),
        ({"microbatches": 10_000}, "at most 1,024"),
        ({"stages": 64, "microbatches": 1024}, "more than 20,000 bars"),
        ({"chunks": 0}, "number of chunks is 0"),
        ({"slow": 4}, "the slow stage is 4"),
        ({"slow": "stage 1"}, "the slow stage is 'stage 1'"),
        ({"slow": None}, "the slow stage is None"),
        ({"slow": True}, "the slow stage is True"),
        ({"factor": 0}, "the factor of the slow stage is 0"),
        ({"factor": float("nan")}, "nan"),
        ({"factor": 1e6}, "at most 1000"),
        ({"transfer": -1}, "-1 seconds"),
        ({"transfer": "fast"}, "'fast' seconds"),
        ({"transfer": float("inf")}, "inf seconds"),
        ({"colour": "red"}, "no setting 'colour'"),
    ],
)
def test_what_cannot_be_says_so_and_changes_nothing(wrong: dict[str, Any], says: str) -> None:
    view = lw.PipelineView(Pipeline(4, 8))
    before = dict(view.settings), view.data
    with pytest.raises((LabkitError, TypeError)) as caught:
        view.change(**wrong)
    assert says in str(caught.value)
    assert (view.settings, view.data) == before
    told: list[Any] = []
    view.send = lambda content, buffers=None: told.append(content)
    view._hear(view, {"id": 1, "verb": "change", "args": {"settings": wrong}}, [])
    assert says in told[0]["error"]


@pytest.mark.parametrize(
    ("pipeline", "says"),
    [(4, "not int"), ("1f1b", "not str"), (None, "not NoneType"), ([Pipeline(2, 2)], "not list")],
)
def test_what_is_no_pipeline_is_refused(pipeline: Any, says: str) -> None:
    with pytest.raises(TypeError, match=re.escape(says)):
        lw.PipelineView(pipeline)


def test_a_pipeline_that_takes_no_time_is_refused() -> None:
    with pytest.raises(ClusterError, match="no stage takes any time"):
        lw.PipelineView(Pipeline(4, 4, 0.0))


def test_the_page_is_not_trusted() -> None:
    view = lw.PipelineView(Pipeline(4, 8))
    for value in ({}, {"schedule": "gpipe"}, {**view.settings, "more": 1}):
        with pytest.raises(traitlets.TraitError):
            view.settings = value
    told: list[Any] = []
    view.send = lambda content, buffers=None: told.append(content)
    for settings_asked in (None, [1], "gpipe", {"__class__": 1}):
        view._hear(view, {"id": 1, "verb": "change", "args": {"settings": settings_asked}}, [])
    assert all("error" in content for content in told)
    view._hear(view, {"id": 2, "verb": "change", "args": {"settings": {"schedule": "gpipe"}}}, [])
    assert told[-1] == {"id": 2, "result": True}
    assert view.runs[0].schedule == "gpipe"


def test_what_is_saved_is_small() -> None:
    """The most bars that a view takes, twice."""
    view = lw.PipelineView(Pipeline(32, 256, transfer=0.1), "gpipe", other="1f1b")
    assert len(view.data) < MOST_BYTES / 2
    assert len(lw.PipelineView(Pipeline(4, 8), "gpipe", other="1f1b").data) < 2000


def test_the_still_picture_and_outline_say_the_same_each_time() -> None:
    made = [lw.PipelineView(Pipeline(3, 4, transfer=0.25), "gpipe", other="1f1b") for _ in range(2)]
    assert made[0].picture() == made[1].picture()
    assert made[0].still() == made[1].still()
    picture = made[0].picture()  # (m + p - 1)(f + b) and four transfers: 18 s + 1 s, of which 12 s are work
    assert picture.count(">F3<") == picture.count(">B3<") == 6
    assert ">GPipe: 19.0 s, bubble 36.8% (formula 33.3%)<" in picture
    assert made[0].outline()[0] == "GPipe: 19.0 s, bubble 36.8% (formula 33.3%)"
    assert made[0].outline()[1][1] == "stage 1: . F0 F1 F2 F3 . B3 B2 B1 B0; keeps at most 4 microbatches"
    assert made[0].outline()[3][2] == "stage 2: . F0 B0 F1 B1 . F2 B2 . F3 B3; keeps at most 1 microbatch"
    chunks = lw.PipelineView(Pipeline(2, 2), "interleaved", chunks=2)
    assert "stage 1: . F0a F1a F0b B0b F1b B1b" in str(chunks.outline())


def test_hostile_names_are_text_in_the_still_picture() -> None:
    names = list(HOSTILE.values())
    still = lw.PipelineView(Pipeline(len(names), 2, devices=names)).still()
    assert "<script" not in still
    assert "<img src=x" not in still


def test_a_view_of_a_learner_says_what_came_out() -> None:
    assert repr(lw.PipelineView(Pipeline(2, 2), "gpipe")) == (
        "<PipelineView: 2 stages, 2 microbatches; GPipe: 9.00 s, bubble 33.3% (formula 33.3%), "
        "keeps at most 2 microbatches>"
    )
    assert re.fullmatch(
        r"<PipelineView: 3 stages, 8 microbatches; 1F1B: \d+ us, bubble \d\d\.\d% \(formula 20\.0%\), "
        r"keeps at most 3 microbatches, .* kB>",
        repr(lw.PipelineView(graph())),
    )
