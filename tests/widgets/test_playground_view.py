"""PlaygroundView: what it says of itself, what it answers to a page, its thread, and its end."""

from __future__ import annotations

import gc
import json
import struct
import threading
import time
import weakref
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import labkit_widgets as lw
from labkit_widgets.playground import GRID, grid
from labkit_widgets.playground_player import Player
from labkit_widgets.playground_settings import SettingsError


class Page:
    """Stands in for the browser: hears messages, asks questions, and says that it has seen a frame."""

    def __init__(self, view: lw.PlaygroundView, looks: bool = True) -> None:
        self.view, self.looks, self.frames, self.said = view, looks, [], {}
        view.send = self._hear  # type: ignore[method-assign]
        view.observe(lambda change: self._frame(change["new"]) if view.playing else None, "frame")

    def _hear(self, content: dict[str, Any], buffers: Any = None) -> None:
        if content.get("kind") == "frame":
            self._frame(buffers[0])
        else:
            self.said[content["id"]] = content

    def _frame(self, frame: bytes) -> None:
        self.frames.append((time.monotonic(), unpack(frame)))
        if self.looks:
            self.view._hear_seen(self.view, {"kind": "seen"}, [])

    def ask(self, verb: str, **args: Any) -> dict[str, Any]:
        self.view._hear(self.view, {"id": 7, "verb": verb, "args": args}, [])
        return self.said.pop(7)


def unpack(frame: bytes) -> dict[str, Any]:
    """The reverse of `playground_frame.pack`, written from its description."""
    (length,) = struct.unpack_from("<I", frame)
    found: dict[str, Any] = json.loads(frame[4 : 4 + length])
    at = 4 + length
    for name, kind, count in found["sections"]:
        dtype = np.dtype({"f4": "<f4", "i1": "i1", "u1": "u1"}[kind])
        found[name] = np.frombuffer(frame, dtype, count, at)
        at += -(-count * dtype.itemsize // 4) * 4
    assert at == len(frame)
    return found


@pytest.fixture
def view() -> Iterator[lw.PlaygroundView]:
    """A small one."""
    made = lw.PlaygroundView(data="xor", layers=(3, 2), seed=4)
    yield made
    made.close()


@pytest.fixture(scope="module")
def quiet() -> Iterator[lw.PlaygroundView]:
    """One for tests that leave it as it was."""
    made = lw.PlaygroundView(data="xor", layers=(2,))
    yield made
    made.close()


def until(condition: Any, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "labkit playground"]


def test_it_says_the_same_at_every_run(view: lw.PlaygroundView) -> None:
    """repr, picture and outline: equal for equal settings, and without numbers that depend on the machine."""
    other = lw.PlaygroundView(data="xor", layers=(3, 2), seed=4)
    assert repr(view.train(3)) == repr(other.train(3)) == "<PlaygroundView: xor, 2-3-2-1, epoch 3>"
    assert view.still() == other.still()
    root = ElementTree.fromstring(view.picture())
    assert len(root.findall(".//{*}circle")) == 2 + 3 + 2 + 1
    assert all(
        float(v) == int(float(v)) for e in root.iter() for k, v in e.attrib.items() if k in ("x", "y", "cx", "cy")
    )
    assert view.outline()[1][1] == "hidden layer 1: 3 neurons, tanh"
    assert view.outline()[3][-1] == "trained for 3 epochs"
    other.close()


def test_a_frame_holds_what_the_net_gives(view: lw.PlaygroundView) -> None:
    """Weights exactly, maps to 8 bits, every second point of the grid for neurons."""
    view.train(5)
    frame = unpack(view.frame)
    net = view._net
    assert frame["epoch"] == 5
    np.testing.assert_array_equal(frame["weights"], np.concatenate([w.ravel() for w in net.weights()]))
    np.testing.assert_array_equal(frame["curve"].reshape(-1, 5)[-1], np.array(net.score, np.float32))
    *inner, output = net.look(grid(GRID))
    np.testing.assert_allclose(frame["output"] / 127, output[:, 0], atol=0.5 / 127 + 1e-6)
    hidden = np.concatenate(inner, axis=1)  # (GRID², 2 + 3 + 2)
    maps = frame["maps"].reshape(7, GRID // 2, GRID // 2) * frame["scales"][:, None, None] / 127
    expected = hidden.T.reshape(7, GRID, GRID)[:, ::2, ::2]
    np.testing.assert_allclose(maps, expected, atol=frame["scales"].max() * 0.51 / 127)


def test_points_and_digits_travel_as_examples() -> None:
    """Points with labels; 20 test pictures, two of each digit."""
    view = lw.PlaygroundView(examples=100, train_share=0.7)
    sent = unpack(view.examples)
    assert (sent["train"], sent["test"]) == (70, 30)
    np.testing.assert_array_equal(sent["points"].reshape(-1, 3)[:70, :2], view._net.examples.train_x)
    view.settings = {"kind": "digits", "data": "scanned", "layers": [3]}
    sent = unpack(view.examples)
    assert sorted(sent["labels"]) == [digit for digit in range(10) for _ in range(2)]
    assert sent["pictures"].shape == (20 * 784,)
    view.close()


def test_python_changes_the_net_by_its_settings(view: lw.PlaygroundView) -> None:
    """`settings` is one JSON-able trait: set it, and graph, code and frame follow; nonsense leaves all as it was."""
    graph = view.graph
    view.settings = view.settings | {"layers": [5]}
    assert view.graph is not graph
    assert "tf.layers.dense(inputs, 5, tf.tanh" in view.code_lines
    assert unpack(view.frame)["shapes"] == [[2, 5], [5], [5, 1], [1]]
    assert json.loads(json.dumps(view.settings)) == view.settings
    before = view.settings
    with pytest.raises(SettingsError, match="at most 6 hidden layers"):
        view.settings = before | {"layers": [1] * 9}
    assert view.settings == before
    again = lw.PlaygroundView(**view.settings)
    assert repr(again) == repr(view)
    again.close()


def test_arguments_and_presets() -> None:
    """Activation for the layers that do not say; a preset that is changed; a larger playground."""
    view = lw.PlaygroundView(layers=(2, {"neurons": 3, "activation": "elu"}), activation="relu", max_neurons=20)
    assert [layer["activation"] for layer in view.settings["layers"]] == ["relu", "elu"]
    view.settings = view.settings | {"layers": [20]}
    view.close()
    view = lw.PlaygroundView(preset="line-xor", noise=10)
    assert (view.settings["data"], view.settings["layers"], view.settings["noise"]) == ("xor", [], 10)
    assert view.comment.startswith("Without a hidden layer")
    view.close()
    with pytest.raises(SettingsError, match="preset must be one of circle"):
        lw.PlaygroundView(preset="nothing")
    with pytest.raises(SettingsError, match="max_layers must be"):
        lw.PlaygroundView(max_layers=100)


def test_the_page_asks_and_is_answered(view: lw.PlaygroundView) -> None:
    """Every verb that the page has."""
    page = Page(view)
    assert page.ask("step") == {"id": 7, "result": None}
    assert view.epoch == 1
    said = page.ask("configure", settings=view.settings | {"learning_rate": 0.1})
    assert said["result"].startswith("The graph stays")
    said = page.ask("configure", settings=view.settings | {"layers": [2]})
    assert said["result"] == f"A new graph: {len(view.graph.get_operations())} operations."
    assert page.ask("weight", array=0, position=[1, 0], value=-1.5)["result"] is None
    assert view._net.weights()[0][1, 0] == -1.5
    page.ask("preset", name="zeros")
    assert view.settings["initializer"] == "zeros"
    assert "nobody" not in view.comment
    page.ask("step")
    page.ask("reset")
    assert view.epoch == 0
    page.ask("graph", show=True)
    assert isinstance(view.graph_box, lw.GraphView)
    assert view.graph_box.graph is view.graph
    box = view.graph_box
    page.ask("configure", settings=view.settings | {"layers": [2]})
    assert view.graph_box is not box
    assert view.graph_box.graph is view.graph
    assert view.saved_state()["graph_box"]["kind"] == "GraphView"
    page.ask("graph", show=False)
    assert view.graph_box is None


def test_digits_are_drawn_and_recognised() -> None:
    """A drawing is run through the net's own graph; a trained net knows most of the test digits."""
    view = lw.PlaygroundView("digits", "scanned", layers=(12,), learning_rate=0.3)
    page = Page(view)
    view.train(10)
    data = view._net.examples
    right = 0
    for x, y in zip(data.test_x[:30], data.test_y[:30], strict=True):
        assert "error" not in page.ask("draw", pixels=[round(255 * float(ink)) for ink in x])
        frame = unpack(view.frame)
        right += int(frame["probabilities"].argmax() == y.argmax())
    np.testing.assert_allclose(frame["probabilities"], view._net.look(np.round(x * 255)[None] / 255)[-1][0], atol=1e-5)
    assert frame["activations"].shape == (12,)
    kernel = view._net.weights()[0]
    np.testing.assert_allclose(
        frame["maps"].reshape(12, 784) * frame["scales"][:, None] / 127, kernel.T, atol=np.abs(kernel).max() / 127
    )
    assert right >= 24
    assert sum(view.draw(np.zeros((28, 28))).values()) == pytest.approx(1, abs=1e-4)
    view.close()


HOSTILE: list[tuple[str, dict[str, Any]]] = [
    ("configure", {"settings": {"data": "</script><script>alert(1)</script>"}}),
    ("configure", {"settings": {"layers": [{"neurons": 10**9}]}}),
    ("configure", {"settings": {"layers": [{"neurons": 2, "activation": "tf.tanh); import os; ("}]}}),
    ("configure", {"settings": {"seed": "1); import os"}}),
    ("configure", {"settings": [[]]}),
    ("configure", {"settings": {"examples": 1e18}}),
    ("configure", {}),
    ("preset", {"name": ["circle"]}),
    ("preset", {"name": "__init__"}),
    ("weight", {"array": 0, "position": [0, 99], "value": 1}),
    ("weight", {"array": 0, "position": "00", "value": 1}),
    ("weight", {"array": "0", "position": [0, 0], "value": 1}),
    ("weight", {"array": 0, "position": [0, 0], "value": "1"}),
    ("weight", {"array": 0, "position": [0, 0], "value": 1e300}),
    ("weight", {"array": True, "position": [0, 0], "value": 1}),
    ("draw", {"pixels": [0] * 784}),  # this net is for points
    ("draw", {"pixels": [0] * 10}),
    ("draw", {"pixels": ["0"] * 784}),
    ("turn", {}),
    ("close", {}),
    ("_net", {}),
]


@pytest.mark.parametrize(("verb", "args"), HOSTILE, ids=[f"{verb}{n}" for n, (verb, _) in enumerate(HOSTILE)])
def test_a_page_cannot_ask_for_anything_else(quiet: lw.PlaygroundView, verb: str, args: dict[str, Any]) -> None:
    """It is told what is wrong; settings, weights and graph stay."""
    view = quiet
    page, graph, settings, weights = Page(view), view.graph, view.settings, view._net.weights()
    said = page.ask(verb, **args)
    assert said["error"]
    assert view.graph is graph
    assert view.settings == settings
    for before, after in zip(weights, view._net.weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_state_that_a_page_sends_is_checked_too(view: lw.PlaygroundView) -> None:
    """ipywidgets lets a page write any trait: settings are checked, the rest decides nothing here."""
    before = view.settings
    with pytest.raises(SettingsError):
        view.set_state({"settings": before | {"data": "nowhere"}})
    assert view.settings == before
    view.set_state({"drawing": b"no picture", "code_lines": "import os", "playing": True, "frame": b"", "choices": {}})
    view.train(1)
    assert unpack(view.frame)["epoch"] == 1


def test_it_plays_as_long_as_somebody_looks(view: lw.PlaygroundView) -> None:
    """At most 20 frames a second, each after the last was seen; pause ends the thread."""
    page = Page(view)
    page.ask("play")
    until(lambda: len(page.frames) >= 8)
    page.ask("pause")
    assert not view.playing
    assert threads() == []
    times = [at for at, _ in page.frames]
    assert all(later - earlier > 0.045 for earlier, later in pairwise(times))
    epochs = [frame["epoch"] for _, frame in page.frames]
    assert epochs == sorted(epochs)
    assert view.epoch == unpack(view.frame)["epoch"] >= epochs[-1]


def test_changes_while_it_plays(view: lw.PlaygroundView) -> None:
    """Another net goes on playing, from its own beginning."""
    page = Page(view)
    page.ask("play")
    until(lambda: view.epoch > 2)
    page.ask("configure", settings=view.settings | {"layers": [4]})
    until(lambda: page.frames and page.frames[-1][1]["shapes"][0] == [2, 4])
    assert view.playing
    page.ask("pause")


def test_it_stops_when_nobody_looks(view: lw.PlaygroundView) -> None:
    """A page that does not answer gets one frame; then the thread ends and says why."""
    Page(view, looks=False)
    view._player.patience_seconds = 0.1
    view.play()
    until(lambda: not view.playing)
    until(lambda: threads() == [])
    assert view.epoch <= 2
    assert "nobody was looking" in view.note


def test_it_stops_when_the_loss_is_no_number() -> None:
    """And refuses to play on, until it is reset."""
    view = lw.PlaygroundView(preset="explodes")
    Page(view)
    view.play()
    until(lambda: not view.playing)
    assert "no number" in view.note
    view.play()
    assert not view.playing
    assert np.isnan(unpack(view.frame)["curve"]).any() or np.isinf(unpack(view.frame)["curve"]).any()
    view.reset()
    assert view.note == ""
    view.close()


def test_a_closed_view_leaves_no_thread_and_no_array() -> None:
    """Sessions closed, graph gone; what is asked afterwards is refused."""
    view = lw.PlaygroundView(layers=(3,))
    Page(view)
    view.play()
    view.settings = view.settings | {"layers": [2]}
    graph, session = weakref.ref(view.graph), view.session
    variable = weakref.ref(next(iter(session._store.values())))
    view.close()
    assert threads() == []
    assert session.is_closed
    with pytest.raises(RuntimeError, match="closed"):
        view.play()
    with pytest.raises(RuntimeError, match="closed"):
        view.train()
    del session
    gc.collect()
    assert variable() is None
    assert graph() is None
    view.close()  # a second time does no harm


def test_a_player_ends_with_its_owner() -> None:
    """The thread holds its owner weakly."""

    class Owner:
        turns = 0

        def turn(self) -> bool:
            Owner.turns += 1
            return True

        def ended(self, unseen: bool) -> None: ...

    owner = Owner()
    player = Player(owner, pause_seconds=0.01)
    player.start()
    until(lambda: Owner.turns > 0)
    del owner
    player.seen()
    until(lambda: not player.is_playing)
    until(lambda: threads() == [])


def test_a_saved_page_has_the_net_in_it(view: lw.PlaygroundView, tmp_path: Any) -> None:
    """One file, no kernel, nothing from elsewhere."""
    text = view.train(2).to_html(tmp_path / "net.html").read_text()
    assert "PlaygroundView" in text
    assert '"seed": 4' in text
    assert "https://" not in text.partition("const text")[0]


def test_the_graph_is_an_ordinary_one(view: lw.PlaygroundView) -> None:
    """It can be looked into with GraphView, with values from the net's session."""
    shown = view.graph_view()
    assert repr(shown).startswith("<GraphView: ")
    assert shown.graph is view.graph
    assert view.session.run("prediction:0", {"x:0": [[1.0, 1.0]]}).shape == (1, 1)
    shown.close()
