"""TraceView's half in the kernel: columns against the trace they are made of, lanes and totals against a sweep over the
clock, the same bytes at every run, and nothing kept alive."""

import gc
import json
import random
import re
import weakref
import zlib

import numpy as np
import pytest
import traitlets
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
import labkit_widgets as lw
from labkit.critical_path import critical_path
from labkit.timeline import Timeline
from labkit.trace import Event, Output, Trace
from labkit_widgets import trace_columns, trace_picture
from labkit_widgets.view import MOST_BYTES
from tests.widgets.building import WIDGETS, hook

GPU = "/job:worker/replica:0/task:{}/device:GPU:0"


def decoded(view):
    """The columns that a view sends."""
    return json.loads(zlib.decompress(view.columns))


def measured():
    """A small training step, watched; its graph."""
    graph = tf.Graph()
    with graph.as_default():
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        w = tf.Variable(np.ones((4, 2), np.float32), name="w")
        loss = tf.reduce_mean(tf.square(tf.matmul(x, w)), name="loss")
        train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            _, trace = sess.watch([train, loss], {x: np.ones((3, 4))})
    return trace, graph


def simulated(count, devices=50, seed=0):
    """As a simulator would make it: ops on devices that are busy or not, and links between them."""
    chance, free, events = random.Random(seed), {}, []
    for i in range(count):
        makers = chance.sample(events[-80:], min(2, len(events)))
        row = GPU.format(i % devices) if i % 7 else f"{GPU.format(i % 9)} -> {GPU.format(i % 9 + 1)}"
        start = max([free.get(row, 0.0), *(maker.end_seconds for maker in makers)])
        free[row] = start + chance.expovariate(1e5)
        name = f"layer{i // 400}/block{i % 40}/{('MatMul', 'Add', 'Relu', 'Send')[i % 4]}_{i}"
        inputs = tuple(f"{maker.node}:0" for maker in makers)
        output = Output(f"{name}:0", "float32", (i % 30, 32), i % 30 * 128)
        events.append(
            Event(
                name, name.split("/")[2].split("_")[0], row, start, free[row] - start, 128, inputs, (output,), i, 64.0
            )
        )
    return Trace(sorted(events, key=lambda event: event.start_seconds), simulated=True)


@st.composite
def overlapping(draw):
    """Events that overlap on two rows; times are whole numbers."""
    spans = draw(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20), st.integers(0, 9)), min_size=1, max_size=25))
    events = [Event(f"n{i}", "AB"[i % 2], f"gpu {row}", start, length, 4, flops=i, moved_bytes=2 * i)
              for i, (row, start, length) in enumerate(spans)]  # fmt: skip
    return Trace(sorted(events, key=lambda event: event.start_seconds), simulated=True)


def test_the_columns_are_the_trace():
    """Names, times, costs, inputs and outputs come back as they went in."""
    trace = simulated(300, devices=3)
    made = decoded(lw.TraceView(trace))
    starts = np.cumsum(made["start"]) * made["tick"]
    origin = trace.events[0].start_seconds
    ins, outs = iter(made["ins"]), iter(zip(made["outs"], made["outType"], strict=True))

    def tensor(number):
        node, _, slot = made["tensors"][number].partition(":")
        return f"{made['nodes'][int(node)]}:{slot}"

    ordered = sorted(trace.events, key=lambda event: (event.start_seconds, event.end_seconds))
    for i, event in enumerate(ordered):
        row = made["rows"][made["row"][i]]
        assert (made["nodes"][made["node"][i]], made["ops"][made["op"][i]]) == (event.node, event.op)
        assert (row["name"], row["link"]) == (event.device, " -> " in event.device)
        assert abs(starts[i] - (event.start_seconds - origin)) <= 1e-12
        assert abs(made["duration"][i] * made["tick"] - event.duration_seconds) <= 2e-12
        assert (made["flops"][i], made["moved"][i]) == (event.flops, event.moved_bytes)
        assert tuple(tensor(next(ins)) for _ in range(made["inCount"][i])) == event.inputs
        found = [next(outs) for _ in range(made["outCount"][i])]
        assert [(tensor(t), made["types"][k]) for t, k in found] == [
            (output.name, f"float32 {output.shape}") for output in event.outputs
        ]
    assert not list(ins)
    assert not list(outs)


def test_fed_tensors_and_control_inputs_keep_their_names():
    trace = Trace([Event("a", "A", "", 0, 1, 4, inputs=("fed:0", "^before", "odd name", ":0"))])
    made = decoded(lw.TraceView(trace))
    names = [text[1:] if text[0] == "=" else f"{made['nodes'][int(text.split(':')[0])]}:0" for text in made["tensors"]]
    assert names == ["fed:0", "^before", "odd name", ":0"]


@given(overlapping())
def test_lanes_hold_one_event_at_a_time_and_there_are_no_more_than_needed(trace):
    made = trace_columns.columns([trace])
    starts = np.cumsum(made["start"]).tolist()
    spans = [
        (row, lane, start, start + length)
        for row, lane, start, length in zip(made["row"], made["lane"], starts, made["duration"], strict=True)
    ]
    for row, about in enumerate(made["rows"]):
        here = [span for span in spans if span[0] == row]
        for lane in range(about["lanes"]):
            ends = 0
            for _, _, start, end in sorted(span for span in here if span[1] == lane):
                assert start >= ends
                ends = end
        at_once = max(
            sum(start <= moment < max(end, start + 1) for _, _, start, end in here) for _, _, moment, _ in here
        )
        assert about["lanes"] <= at_once


@given(overlapping())
def test_the_critical_path_that_is_sent_is_labkit_s(trace):
    made = trace_columns.columns([trace])
    path = critical_path(trace)
    nodes = [made["nodes"][made["node"][i]] for i in made["critical"][0]["events"]]
    assert nodes == [trace.events[i].node for i in path.events]
    assert (made["critical"][0]["seconds"], made["critical"][0]["span"]) == (path.seconds, path.span_seconds)


def test_the_page_adds_up_what_python_adds_up(tmp_path):
    """The page's totals, run by Node, against plain sums over the events: over all, and over a stretch."""
    trace = simulated(400, devices=4)
    origin, whole = trace.events[0].start_seconds, max(event.end_seconds for event in trace.events)
    stretch = (0.25 * (whole - origin), 0.6 * (whole - origin))
    script = tmp_path / "totals.ts"
    source = (WIDGETS / "src" / "trace").as_posix()
    script.write_text(f"""
        import {{ readFileSync }} from "node:fs";
        import {{ Events, unpack }} from "{source}/events.ts";
        import {{ totals }} from "{source}/totals.ts";
        const bytes = readFileSync(process.argv[2]);
        const events = new Events(await unpack(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
        const spans = [[0, events.whole], {list(stretch)}];
        const found = by => spans.map(span => totals(events, events.groups(by), ...span));
        console.log(JSON.stringify({{ op: found("op"), device: found("device"), scope: found("scope") }}));
    """)
    build = hook()
    node = build.need("esbuild")
    bundle, data = tmp_path / "totals.mjs", tmp_path / "columns"
    data.write_bytes(lw.TraceView(trace).columns)
    options = ["--bundle", "--platform=node", "--format=esm", f"--outfile={bundle}", "--log-level=error"]
    build.run(node, [build.tool("esbuild"), str(script), *options], "esbuild")
    found = json.loads(build.run(node, [str(node.folder / "node"), str(bundle), str(data)], "totals"))
    labels = {row["name"]: row["label"] for row in trace_columns.columns([trace])["rows"]}
    groups = {
        "op": lambda event: event.op,
        "device": lambda event: labels[event.device],
        "scope": lambda event: event.node.split("/")[0],
    }
    for by, group in groups.items():
        for told, (start, end) in zip(found[by], [(0.0, whole - origin), stretch], strict=True):
            sums = {}
            for event in trace.events:
                inside = min(end, event.end_seconds - origin) - max(start, event.start_seconds - origin)
                if inside > 0:
                    sums.setdefault(group(event), []).append((inside, inside / event.duration_seconds * event.flops))
            assert {line["name"]: line["count"] for line in told["groups"]} == {
                name: len(s) for name, s in sums.items()
            }
            for line in told["groups"]:
                assert line["time"] == pytest.approx(sum(time for time, _ in sums[line["name"]]), rel=1e-6)
                assert line["flops"] == pytest.approx(sum(flops for _, flops in sums[line["name"]]), rel=1e-6)
            assert told["all"]["time"] == pytest.approx(sum(line["time"] for line in told["groups"]))


def test_what_stands_for_a_measured_trace_is_the_same_at_every_run():
    """No time in it: neither in the text nor in the picture nor in the outline."""
    first, second = (lw.TraceView(measured()[0]) for _ in range(2))
    assert repr(first) == repr(second)
    assert repr(first).startswith("<TraceView: ")
    assert first.still() == second.still()
    assert first.picture().count("v16h") == len(decoded(first)["node"])
    assert "loss/Mean" in first.still() or "loss: Mean" in first.still()


def test_the_picture_of_a_simulated_trace_shows_its_times_and_its_critical_path():
    a, b = Event("a", "Exp", "g0", 0.0, 3.0, 4), Event("b", "Neg", "g1", 3.0, 1.0, 4, inputs=("a:0",))
    drawn = trace_picture.picture(Trace([a, b, Event("c", "Abs", "g1", 0.0, 2.0, 4)], simulated=True))
    assert ">4.00 s</text>" in drawn
    frames = drawn.split('" fill="none" stroke="#000"')[0].rpartition('d="')[2]
    assert frames.count("M") == 2
    widths = [int(width) for width in re.findall(r"h(\d+)v16", drawn)][:3]
    assert widths == [279, 419, 139]  # of 560: 1/2, 3/4, 1/4
    assert drawn == trace_picture.picture(Trace([a, b, Event("c", "Abs", "g1", 0.0, 2.0, 4)], simulated=True))


def test_a_picture_of_much_stays_small():
    view = lw.TraceView(simulated(20_000))
    assert len(view.picture()) < 250_000
    assert "more rows" in view.picture()
    assert "and " in str(view.outline())
    assert repr(view) == "<TraceView: 20000 events on 50 devices and 9 links>"


def test_twenty_thousand_events_fit_in_a_message_and_more_leave_out_inputs():
    view = lw.TraceView(simulated(20_000))
    assert len(view.columns) < MOST_BYTES
    assert "ins" in decoded(view)


def test_what_did_not_fit_is_told_on_demand(monkeypatch):
    trace = simulated(50, devices=2)
    monkeypatch.setattr(trace_columns, "LARGEST", 100)
    view = lw.TraceView(trace)
    assert not set(decoded(view)) & set(trace_columns.DETAILS)
    event = trace.events[20]
    told = view._on_event(0, event.node, 0)
    assert told == {"inputs": list(event.inputs), "outputs": [[f"{event.node}:0", f"float32 {event.outputs[0].shape}"]]}
    for wrong in [(1, event.node, 0), (0, event.node, 1), (0, event.node, -1), (0, "nobody", 0), ("0", event.node, 0)]:
        with pytest.raises(ValueError, match="this"):
            view._on_event(*wrong)


def test_a_view_keeps_neither_values_nor_graph():
    trace, graph = measured()
    value, held = (
        weakref.ref(next(v for v in trace.values.values() if isinstance(v, np.ndarray) or hasattr(v, "devices"))),
        weakref.ref(graph),
    )
    view = lw.TraceView(trace, graph)
    assert any("line" in site for site in decoded(view)["sites"])
    del trace, graph
    tf.reset_default_graph()
    gc.collect()
    assert value() is None
    assert held() is None
    assert decoded(view)["nodes"]


def test_two_traces_stand_on_one_clock():
    late = Trace([Event("a", "A", "g", 100.0, 2.0, 4)], simulated=True)
    view = lw.TraceView(late, other=simulated(20, devices=2), names=("mine", "theirs"))
    made = decoded(view)
    assert made["runs"] == ["mine", "theirs"]
    assert [row["run"] for row in made["rows"]] == sorted(row["run"] for row in made["rows"])
    assert made["start"][0] == 0
    assert np.cumsum(made["start"])[made["row"].index(0)] == 0
    assert len(made["critical"]) == 2
    assert repr(view).startswith("<TraceView: 1 event on 1 device, beside 20 events on 2 devices and ")


def test_rows_are_in_the_order_of_their_numbers_links_last():
    devices = [GPU.format(10), "x -> y", GPU.format(9), "other"]
    made = trace_columns.columns([Trace([Event(f"n{i}", "A", d, i, 1, 4) for i, d in enumerate(devices)])])
    assert [row["label"] for row in made["rows"]] == ["task 9 GPU:0", "task 10 GPU:0", "other", "x → y"]


def test_another_trace_can_be_shown_and_windows_are_checked():
    view = lw.TraceView(simulated(20), window=[0.0, 1e-5])
    for wrong in ([1.0], [2.0, 1.0], [0.0, float("nan")], [1.0, 1.0]):
        with pytest.raises(traitlets.TraitError):
            view.window = wrong
    assert view.window == [0.0, 1e-5]
    view.show(simulated(10))
    assert view.window == []
    assert len(decoded(view)["node"]) == 10


def test_chrome_s_json_is_the_timeline_s(tmp_path):
    trace, _ = measured()
    path = lw.TraceView(trace).to_chrome(tmp_path / "made" / "trace.json")
    assert json.loads(path.read_text()) == json.loads(Timeline(trace).generate_chrome_trace_format())


def test_the_metadata_of_a_traced_run_will_do():
    with tf.Graph().as_default(), tf.Session() as sess:
        metadata = tf.RunMetadata()
        sess.run(
            tf.constant(1.0) + 2.0, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), run_metadata=metadata
        )
    assert repr(lw.TraceView(metadata)) == "<TraceView: 3 events on 1 device>"


def test_hostile_names_are_text():
    bad = "</script><img src=x onerror=alert(1)>\u202e" + "n" * 10_000
    view = lw.TraceView(Trace([Event(bad, bad, bad, 0, 1, 4, inputs=(bad,))], simulated=True))
    assert "<img src=x" not in view.still()
    assert "<img src=x" not in view.picture()
    assert len(view.still()) < 20_000


def test_errors_say_what_to_do():
    with pytest.raises(TypeError, match=r"not int[.]\n  Try: values, trace = session.watch\(fetches\)"):
        lw.TraceView(3)
    with pytest.raises(ValueError, match="no op ran"):
        lw.TraceView(Trace())
    with pytest.raises(ValueError, match=r"colour is one of .*'device'.*not 'size'"):
        lw.TraceView(simulated(3), colour="size")
