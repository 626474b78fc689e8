"""`PlaygroundView`: a small net that the learner builds, watches and trains, in the notebook.

The net is a labkit graph (`playground.Net`), made anew when a change asks for it, and trained in a thread of the
kernel (`playground_player`). The page draws what it is sent (`playground_frame`) and asks for changes:

    configure(settings) preset(name) play() pause() step() reset() weight(array, position, value) draw(pixels)
    graph(show)

Without a page, `train` trains at once, and everything is the same at every run with the same seed.

The traits, all written by the kernel:

    settings    what the net is: `Settings` as JSON; setting it from Python rebuilds the net
    choices     the words and limits that the page offers, and the presets
    frame       the last moment, as bytes; while training, frames come as messages and the trait follows now and then
    examples    the data, as bytes
    playing     whether it trains now
    comment     what to look at: the preset's words
    note        why it stopped
    drawing     digits: the picture that is being drawn, 784 bytes
    code_lines  the program that builds this net
    graph_box   the GraphView of the net's graph, while it is shown
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import traitlets
from ipywidgets import widget_serialization  # pyright: ignore[reportUnknownVariableType]

from labkit import Graph
from labkit_widgets import playground_picture as still
from labkit_widgets.graph_view import GraphView
from labkit_widgets.playground import Net, Score
from labkit_widgets.playground_code import whole_code
from labkit_widgets.playground_frame import encode, encode_examples
from labkit_widgets.playground_player import Player
from labkit_widgets.playground_presets import PRESETS, choices_of, preset_settings
from labkit_widgets.playground_settings import read_limits, read_settings
from labkit_widgets.view import View

_TRAIT_SECONDS = 2.0  # while it plays, the saved frame follows this often
_UNSEEN = "Training paused: nobody was looking. Press Play to go on."
_ENDED = "Training stopped: the loss is no number any more. Reset, and try a smaller learning rate."


class PlaygroundView(View):
    """A small net on points in a plane or on digits that you draw.

    Args:
        kind: "points" or "digits".
        data: of points: "circle", "xor", "gauss", "spiral" or "moons"; of digits: "handwritten" or "scanned".
        layers: neurons of each hidden layer; an entry may be a dictionary with neurons, activation and dropout.
        activation: of the layers that do not say: "tanh", "relu", "sigmoid", "linear", "elu" or "leaky relu".
        preset: begin with one of `PRESETS`, such as "line-xor"; the other arguments change it.
        max_layers: how many hidden layers the page lets you add.
        max_neurons: how many neurons a layer may have.
        **settings: every other field of `Settings`: features, loss, optimizer, learning_rate, regularizer,
            regularization, initializer, batch_size, noise, examples, train_share, speed, seed.

    Raises:
        SettingsError: for what the playground does not have, or what is outside its limits.

    Example:
        >>> import labkit_widgets as lw
        >>> view = lw.PlaygroundView(data="xor", layers=(3, 2), activation="relu", seed=4)
        >>> view.train(10)
        <PlaygroundView: xor, 2-3-2-1, epoch 10>
    """

    _kind = "PlaygroundView"

    settings = traitlets.Dict().tag(sync=True)
    choices = traitlets.Dict().tag(sync=True)
    frame = traitlets.Bytes().tag(sync=True)
    examples = traitlets.Bytes().tag(sync=True)
    playing = traitlets.Bool().tag(sync=True)
    comment = traitlets.Unicode().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    drawing = traitlets.Bytes(bytes(784)).tag(sync=True)
    code_lines = traitlets.Unicode().tag(sync=True)
    graph_box: Any = traitlets.Instance(GraphView, allow_none=True).tag(sync=True, **widget_serialization)

    def __init__(
        self, kind: str | None = None, data: str | None = None, layers: Sequence[Any] | None = None,
        activation: str | None = None, *, preset: str = "", max_layers: int = 6, max_neurons: int | None = None,
        **settings: Any,
    ) -> None:  # fmt: skip
        self._limits = read_limits(max_layers, max_neurons)
        given: dict[str, Any] = {} if not preset else dict(preset_settings(preset, self._limits).to_json())
        given |= settings
        given |= {name: value for name, value in (("kind", kind), ("data", data)) if value is not None}
        given |= {} if layers is None else {"layers": layers}
        first = read_settings(given, self._limits)
        if activation is not None:
            if layers is None:  # all layers of the default, or of the preset
                given["layers"] = [entry | {"activation": activation} for entry in first.to_json()["layers"]]
            else:
                given["layers"] = [{"activation": activation} | _fields(entry) for entry in layers]
            first = read_settings(given, self._limits)
        self._guard = threading.RLock()  # one change or turn at a time
        self._told_seconds = 0.0
        self._ink = bytes(784)  # what is drawn; the trait is the page's copy
        self._net = Net(first)
        self._player = Player(self)
        super().__init__(
            settings=first.to_json(), choices=choices_of(self._limits),
            comment=PRESETS[preset].comment if preset else "",
        )  # fmt: skip
        self.on_msg(self._hear_seen)
        self._show_all()

    # What it is.

    @property
    def graph(self) -> Graph:
        """The graph of the net as it is now; another one after a change that needs another."""
        return self._net.program.graph

    @property
    def session(self) -> Any:
        """The session that trains the graph, and keeps its variables."""
        return self._net.program.session

    @property
    def epoch(self) -> int:
        """How many times all training examples were seen."""
        return self._net.epoch

    @property
    def score(self) -> Score:
        """Losses and accuracies now."""
        return self._net.score

    def describe(self) -> str:
        """One line: data, sizes, epoch."""
        if not hasattr(self, "_net"):
            return ""
        now = self._net.settings
        sizes = "-".join(str(size) for _, _, size in still.columns(now))
        return f"{now.data}, {sizes}, epoch {self._net.epoch}"

    def picture(self) -> str:
        """The net with its sizes."""
        return still.picture(self._net.settings, f"A net: {self.describe()}")

    def outline(self) -> list[Any]:
        """Layers and settings."""
        return still.outline(self._net.settings, self._net.epoch)

    def code(self, epochs: int = 100) -> str:
        """The program that makes these data, builds exactly this graph and trains it.

        Args:
            epochs: how long it trains.

        Returns:
            Lines of Python for a cell.

        Example:
            >>> import labkit_widgets as lw
            >>> print(lw.PlaygroundView(layers=()).code().splitlines()[0])
            from labkit_widgets.playground_data import points
        """
        return whole_code(self._net.settings, epochs)

    def graph_view(self) -> GraphView:
        """The net's graph, to look into.

        Returns:
            A `GraphView` of `self.graph`, which can ask the net's session for values.
        """
        return GraphView(self.graph, session=self.session)

    # What it does.

    def train(self, epochs: int = 100) -> PlaygroundView:
        """Trains at once, here, and returns when it is done; the same at every run with the same seed.

        Args:
            epochs: how many times to go through the training examples.

        Returns:
            This view.
        """
        with self._guard:
            self._net.train(epochs)
            self._show()
        return self

    def reset(self) -> PlaygroundView:
        """Gives the net its first weights again.

        Returns:
            This view.
        """
        with self._guard:
            self._net.reset()
            self.note = ""
            self._show()
        return self

    def set_weight(self, array: int, position: Sequence[int], value: float) -> None:
        """Sets one weight by hand.

        Args:
            array: kernels and biases are counted from 0: kernel and bias of the first layer, of the second, ...
            position: (input, neuron) of a kernel, (neuron,) of a bias.
            value: the new weight.
        """
        with self._guard:
            self._net.set_weight(array, tuple(position), value)
            self._show()

    def draw(self, pixels: Any) -> dict[int, float]:
        """Digits: takes a picture and asks the net what it is.

        Args:
            pixels: (28, 28), bytes from 0 (paper) to 255 (ink), or floats from 0 to 1.

        Returns:
            The probability of each digit.

        Raises:
            ValueError: if it is no picture of 28 x 28, or the net is one for points.
        """
        self._check_digits()
        picture = np.asarray(pixels)
        if picture.size != 784 or picture.dtype.kind not in "biuf":
            raise ValueError(f"a drawing is 28 x 28 numbers, not {picture.dtype} of shape {picture.shape}.")
        inked = picture * 255 if picture.dtype.kind == "f" else picture
        with self._guard:
            self._ink = self.drawing = np.clip(np.nan_to_num(inked), 0, 255).astype(np.uint8).tobytes()
            self._show()
            found = self._net.look(np.frombuffer(self._ink, np.uint8).astype(np.float32)[None] / 255)[-1][0]
        return {digit: float(p) for digit, p in enumerate(found)}

    def play(self) -> None:
        """Trains in a thread, as long as a page shows it; see `train` for training here and now."""
        self._net._check_open()  # pyright: ignore[reportPrivateUsage]
        if self._net.is_finite:
            self.note = ""
            self.playing = True
            self._player.start()
        else:
            self.note = _ENDED

    def pause(self) -> None:
        """Stops the thread after its turn."""
        self._player.stop()
        self.playing = False
        with self._guard:
            self._show()

    def close(self) -> None:
        """Ends the thread and frees the net."""
        if not hasattr(self, "_player"):  # it was never finished
            return
        self._player.stop()
        box, self.graph_box = self.graph_box, None
        if box is not None:
            box.close()
        with self._guard:
            self._net.close()
        super().close()

    def saved_state(self) -> dict[str, Any]:
        """The traits, with those of the graph's view inside."""
        state = super().saved_state()
        box = state["graph_box"]
        return state | {"graph_box": None if box is None else box.saved_state()}

    def to_html(self, path: str | Path) -> Path:
        """Writes one file that shows this net as it is now; see `View.to_html`."""
        with self._guard:
            self._show()
        return super().to_html(path)

    # Turns of the player.

    def turn(self) -> bool:
        """Trains a bit and sends a frame; the player calls it."""
        with self._guard:
            self._net.train(self._net.settings.speed)
            frame = encode(self._net, self._ink)
            now = time.monotonic()
            if now - self._told_seconds > _TRAIT_SECONDS:
                self._told_seconds = now
                self.frame = frame
            else:
                self.send({"kind": "frame"}, [frame])
            return self._net.is_finite

    def ended(self, unseen: bool) -> None:
        """The player's thread ends by itself."""
        with self._guard:
            self._show()  # first: who sees that it has stopped sees the last frame
            self.note = _UNSEEN if unseen else _ENDED
            self.playing = False

    # Questions of the page.

    def _on_configure(self, settings: dict[str, Any]) -> str:
        before = self.graph
        self.settings = read_settings(settings, self._limits).to_json()
        if self.graph is before:
            return (
                "The graph stays: this is fed to it, from the next step on."
                if self.epoch
                else "Other data, same graph."
            )
        return f"A new graph: {len(self.graph.get_operations())} operations."

    def _on_preset(self, name: str) -> None:
        settings = preset_settings(name, self._limits)
        if self.playing:
            self.pause()
        self.settings = settings.to_json()
        self.reset()
        self.comment = PRESETS[name].comment

    def _on_play(self) -> None:
        self.play()

    def _on_pause(self) -> None:
        self.pause()

    def _on_step(self) -> None:
        self.pause()
        self.train(self._net.settings.speed)
        self.note = "" if self._net.is_finite else _ENDED

    def _on_reset(self) -> None:
        self.reset()

    def _on_weight(self, array: Any, position: Any, value: Any) -> None:
        place: list[Any] = cast(list[Any], position) if isinstance(position, list) else [None]
        if not all(type(number) is int for number in [array, *place]) or type(value) not in (int, float):
            raise ValueError("a weight has an array, a position of whole numbers, and a value.")
        self.set_weight(array, place, value)

    def _on_draw(self, pixels: Any) -> None:
        listed = cast(list[Any], pixels) if isinstance(pixels, list) else []
        if len(listed) != 784 or not all(type(pixel) is int for pixel in listed):
            raise ValueError("a drawing is a list of 784 whole numbers.")
        self.draw(np.array([min(255, max(0, pixel)) for pixel in listed], np.uint8))

    def _on_graph(self, show: bool) -> None:
        with self._guard:
            old = self.graph_box
            self.graph_box = self.graph_view() if show is True else None
            if old is not None:
                old.close()

    def _hear_seen(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if isinstance(content, Mapping) and content.get("kind") == "seen":
            self._player.seen()

    # Keeping the page right.

    @traitlets.validate("settings")
    def _checked(self, proposal: Any) -> dict[str, Any]:
        return read_settings(proposal["value"], self._limits).to_json()

    @traitlets.observe("settings")
    def _apply(self, change: Any) -> None:
        settings = read_settings(change["new"], self._limits)
        if settings == self._net.settings:
            return
        with self._guard:
            if settings.kind != self._net.settings.kind:
                self._ink = self.drawing = bytes(784)
            self._net.configure(settings)
            self.note = ""
            self._show_all()
            if self.graph_box is not None and self.graph_box.graph is not self.graph:
                before, self.graph_box = self.graph_box, self.graph_view()
                before.close()

    def _show(self) -> None:
        self.frame = encode(self._net, self._ink)

    def _show_all(self) -> None:
        with self.hold_sync():
            self.examples = encode_examples(self._net)
            self.code_lines = self.code()
            self._show()

    def _check_digits(self) -> None:
        if self._net.settings.kind != "digits":
            raise ValueError("this net looks at points: there is nothing to draw. Try kind='digits'.")


def _fields(layer: Any) -> dict[str, Any]:
    return dict(cast(Mapping[str, Any], layer)) if isinstance(layer, Mapping) else {"neurons": layer}
