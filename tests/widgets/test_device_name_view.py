"""DeviceNameView in the kernel: names, merging and matching against plain dictionaries and against the placer."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import pytest
import traitlets
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
import labkit_widgets as lw
from labkit.devices import DeviceNameError, DeviceSpec
from labkit.errors import LabkitError
from labkit.placement import place
from labkit_widgets import device_names
from labkit_widgets.device_name_view import MOST_SCOPES
from tests.browser.views import HOSTILE

NAMES = {  # those of the slides, and one more: job, replica, task, type, index
    "/job:localhost/device:cpu:0": ["localhost", "", "", "cpu", "0"],
    "/job:worker/task:17/device:gpu:3": ["worker", "", "17", "gpu", "3"],
    "/job:parameters/task:4/device:cpu:0": ["parameters", "", "4", "cpu", "0"],
    "/job:worker/task:1/device:gpu:0": ["worker", "", "1", "gpu", "0"],
}
WRONG = ["/gpus:1", "/job:9", "/cpu:0/gpu:0", "/task:x", "/device:GPU:one", "worker"]

said = st.fixed_dictionaries(
    {}, optional={"job": st.sampled_from(["worker", "ps"]), "replica": st.integers(0, 2), "task": st.integers(0, 20),
                  "type": st.sampled_from(["CPU", "GPU", "gpu"]), "index": st.integers(0, 3)},
)  # fmt: skip


def written(parts: dict[str, Any]) -> str:
    """The name, put together here."""
    text = "".join(f"/{part}:{parts[part]}" for part in ("job", "replica", "task") if part in parts)
    return text + (f"/device:{parts['type']}:{parts.get('index', '*')}" if "type" in parts else "")


def printed(parts: dict[str, Any]) -> dict[str, Any]:
    """What can be said with a name: an index without a type cannot."""
    return parts if "type" in parts else {part: value for part, value in parts.items() if part != "index"}


def ask(view: Any, verb: str, **args: Any) -> Any:
    """As the page asks; the body of the answer."""
    answers: list[Any] = []
    view.send = lambda content, buffers=None: answers.append(content)
    view._hear(None, {"id": 1, "verb": verb, "args": args}, [])
    return answers[-1]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_taken_apart_and_put_together_as_it_was_written(name: str) -> None:
    view = lw.DeviceNameView(name)
    assert view.device == name
    assert view.shown["rows"][0]["parts"] == NAMES[name]
    parts = dict(zip(device_names.TITLES, NAMES[name], strict=True))
    assert ask(view, "compose", parts=parts)["result"] == {"name": name, "error": ""}


@given(said)
def test_parts_become_the_name_that_has_them(parts: dict[str, Any]) -> None:
    texts = {part: str(value) for part, value in printed(parts).items()}
    assert device_names.composed(texts) == written(parts)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_name_has_the_error_that_tf_device_raises(name: str) -> None:
    view = lw.DeviceNameView("/job:worker", name)
    with pytest.raises(DeviceNameError) as raised, tf.device(name):
        pass
    assert view.shown["rows"][1]["error"] == raised.value.args[0]
    assert (view.shown["wrong"], view.shown["merged"], view.shown["devices"]) == ([2], None, None)
    assert repr(view) == "<DeviceNameView: block 2 of 2 does not parse>"
    with pytest.raises(DeviceNameError, match="block 2 is no device name"):
        _ = view.device


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ({"task": "-1"}, "task of a device name must be a whole number from 0 on, not '-1'."),
        ({"replica": "x"}, "replica of a device name must be a whole number"),
        ({"job": "9"}, "unknown attribute 'job:9'"),
        ({"index": "1"}, "say which type"),
        ({"type": "GPU/task", "index": "3"}, "'/device:GPU/task:3' would be read as something else"),
    ],
)
def test_parts_that_cannot_be_are_told(parts: dict[str, str], error: str) -> None:
    found = ask(lw.DeviceNameView(), "compose", parts=parts)["result"]
    assert found["name"] == ""
    assert error in found["error"]


@given(st.lists(st.none() | said, min_size=1, max_size=5))
def test_blocks_merge_part_by_part_and_each_part_says_where_it_is_from(blocks: list[dict[str, Any] | None]) -> None:
    """Against a walk from the outer to the inner: None forgets, what is said later wins."""
    wins: dict[str, tuple[Any, int]] = {}
    for number, block in enumerate(blocks, 1):
        wins = {} if block is None else wins | {part: (value, number) for part, value in printed(block).items()}
    scopes = [None if block is None else written(block) for block in blocks]
    merged = lw.DeviceNameView(*scopes).shown["merged"]
    assert merged["from"] == [wins.get(part, (None, None))[1] for part in device_names.TITLES]
    assert merged["parts"] == [str(wins[part][0]) if part in wins else "" for part in device_names.TITLES]


def test_the_example_of_tensorflow_s_own_test() -> None:
    """device_test.py, nested merging."""
    view = lw.DeviceNameView("/device:GPU:0", "/job:worker", "/device:CPU:0", "/job:ps")
    assert view.device == "/job:ps/device:CPU:0"
    assert view.shown["merged"]["from"] == [4, None, None, 3, 3]


@pytest.mark.parametrize("scopes", [["/job:worker", None, "/gpu:1"], ["/task:3", "/job:ps/cpu:0"], [None], [""]])
def test_the_program_asks_for_what_is_shown(scopes: list[Any]) -> None:
    view, out = lw.DeviceNameView(*scopes), io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(view.code, {"tf": tf})
    assert out.getvalue() == f"{view.device}\n"


def devices_of(view: Any) -> list[str]:
    return [name for name, _ in view.shown["devices"]["list"]]


@pytest.mark.parametrize("scope", ["", "/job:worker", "/task:1", "/cpu:0", "/job:worker/gpu:1", "/replica:0"])
@pytest.mark.parametrize("there", [device_names.FEW, ["/gpu:1", "/cpu:0", "/device:NPU:0", "/gpu:0", "/device:TPU:0"]])
def test_devices_match_as_their_parts_do_and_stand_in_the_placer_s_order(scope: str, there: Any) -> None:
    """The placer is asked for the first, then for the first of those that are left, and so on."""
    asked = DeviceSpec.from_string(scope)
    left, order = list(lw.DeviceNameView(cluster=there)._devices.names), []
    with tf.Graph().as_default() as graph, tf.device(scope):
        tf.constant(1.0, name="x")
    while left:
        try:
            order.append(place(graph, left).device_of("x"))
        except tf.errors.InvalidArgumentError:
            break
        left.remove(order[-1])
    view = lw.DeviceNameView(scope, cluster=there)
    assert devices_of(view) == order
    assert view.shown["devices"]["count"] == len(order)
    for name in device_names.FEW if there is device_names.FEW else ():
        spec = DeviceSpec.from_string(name)
        wanted = [asked.job in (None, spec.job), asked.task in (None, spec.task), asked.replica in (None, 0),
                  (asked.device_type or "").upper() in ("", spec.device_type),
                  asked.device_index in (None, spec.device_index)]  # fmt: skip
        full = name.replace("/task", "/replica:0/task")
        assert (full in order) == all(wanted)


def test_of_fifty_machines_a_dozen_are_listed_and_all_are_counted() -> None:
    view = lw.DeviceNameView("/gpu:0", cluster=tf.cluster.ready("gpu_machines"))
    devices = view.shown["devices"]
    assert (devices["cluster"], devices["of"], devices["count"], len(devices["list"])) == ("gpu_machines", 100, 50, 12)
    assert devices["list"][0] == ["/job:worker/replica:0/task:0/device:GPU:0", "K40"]
    assert devices["why"] == "Of 50 GPUs the first by name is taken."
    assert view.outline()[-1][-1] == "and 38 more"
    assert repr(view) == "<DeviceNameView: /device:GPU:0, 50 of 100 devices>"


def test_where_nothing_matches_the_placer_s_error_stands_or_soft_placement_finds_one() -> None:
    view = lw.DeviceNameView("/job:worker/task:1/gpu:7")
    assert devices_of(view) == []
    error = view.shown["devices"]["error"]
    assert error.startswith("Operation 'x' was explicitly assigned to /job:worker/task:1/device:GPU:7 but available")
    assert error.endswith("Try: one of these devices, or allow_soft_placement=True.")
    view.soft = True
    assert devices_of(view) == ["/job:worker/replica:0/task:1/device:GPU:0"]
    assert view.shown["devices"]["why"].startswith("None matches; soft placement")


def test_what_is_set_from_python_is_shown() -> None:
    view = lw.DeviceNameView("/gpu:0", "/cpu:0")
    assert view.chosen == 1
    assert lw.DeviceNameView("/gpu:0", "/cpu:0", chosen=0).chosen == 0
    view.scopes = ["/job:ps"]
    assert (view.device, view.chosen) == ("/job:ps", 0)


def test_the_page_changes_blocks_and_is_not_trusted() -> None:
    view = lw.DeviceNameView("/gpu:0")
    assert ask(view, "change", scopes=["/job:ps", None, "/cpu:0"], chosen=2, soft=True)["result"] is True
    assert (view.device, view.scopes, view.chosen, view.soft) == ("/device:CPU:0", ["/job:ps", None, "/cpu:0"], 2, True)
    before = view.shown
    for wrong in [
        {"scopes": []}, {"scopes": ["/cpu:0"] * (MOST_SCOPES + 1)}, {"scopes": ["/" * 1001]}, {"scopes": [3]},
        {"scopes": None}, {"scopes": ["\ud800"]}, {"chosen": "0"}, {"chosen": None}, {"soft": 1},
        {"more": 1},
    ]:  # fmt: skip
        assert "error" in ask(view, "change", **({"scopes": ["/gpu:0"], "chosen": 0, "soft": False} | wrong)), wrong
        assert view.shown == before
    for parts in [None, [], {}, {"job": 3}, {"job": "a" * 100}]:
        assert "error" in ask(view, "compose", parts=parts), parts
    ask(view, "change", scopes=["/gpu:0"], chosen=99, soft=False)
    assert view.chosen == 0


def test_the_faces_are_the_same_at_every_run_and_hold_no_markup() -> None:
    names = [name[:999] for name in HOSTILE.values()]
    first, second = (lw.DeviceNameView(*names) for _ in range(2))
    assert first.still() == second.still()
    assert "<img src=x" not in first.still()
    assert "<img src=x" not in first.picture()
    assert len(first.still()) < 20_000
    with pytest.raises(traitlets.TraitError, match="longer than 1,000"):
        lw.DeviceNameView(HOSTILE["long"])
    two = lw.DeviceNameView("/job:worker", "/gpu:1")
    assert two.picture().count("<rect") == 1 + 3  # the sheet, and a frame for each part that counts
    assert "asked for together: /job:worker/device:GPU:1" in two.outline()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: lw.DeviceNameView(3), TypeError, "given a name, a DeviceSpec or None, not 3"),
        (lambda: lw.DeviceNameView(lambda op: "/cpu:0"), TypeError, "look at op.device"),
        (lambda: lw.DeviceNameView(cluster="/cpu:0"), TypeError, "not '/cpu:0'"),
        (lambda: lw.DeviceNameView(cluster=[3]), TypeError, r"cluster is a tf.cluster.Cluster.*not \[3\]"),
        (lambda: lw.DeviceNameView(cluster=[]), LabkitError, "at least one, such as /cpu:0"),
        (lambda: lw.DeviceNameView(cluster=["/gpu"]), DeviceNameError, "names no single device"),
        (lambda: lw.DeviceNameView(cluster=["/cpu:0", "/device:CPU:0"]), LabkitError, "listed twice"),
    ],
)
def test_errors_say_what_was_wanted(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_a_device_spec_will_do() -> None:
    view = lw.DeviceNameView(
        tf.DeviceSpec(job="ps", task=2), cluster=[tf.DeviceSpec.from_string("/job:ps/task:2/cpu:0")]
    )
    assert repr(view) == "<DeviceNameView: /job:ps/task:2, 1 of 1 devices>"
