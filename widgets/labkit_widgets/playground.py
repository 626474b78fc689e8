"""`Net`: the playground's net, trained by labkit; nothing in it knows of a page.

    settings -> lines of Python (playground_code) -> a graph and a session (Program) -> steps, maps, losses (Net)

What changes the graph (layers, activations, features, losses, the seed) makes a new Program. What is fed (rates, batch
size, data, dropout's share) does not: the compiled step stays, the next step is fed another number. Programs that were
used lately are kept, so that going back to a net of a minute ago compiles nothing.

Training is as reproducible as the learner's own loop: examples in a fixed order, all chance from one seed.

Example:
    >>> net = Net(Settings(data="xor"))
    >>> net.train(2)
    >>> net.epoch, len(net.curve)
    (2, 3)
    >>> net.close()
"""

from __future__ import annotations

import hashlib
import linecache
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labkit import Graph, Session
from labkit_widgets.playground_code import graph_code, has_dropout
from labkit_widgets.playground_data import REACH, Examples, drawn_digits, points
from labkit_widgets.playground_settings import Settings

GRID = 48  # the output is mapped on 48 x 48 points of the plane
_PROGRAMS = 6  # that are kept, compiled
_CURVE = 400  # points of the loss curves; when there are more, every second one goes


def grid(side: int) -> NDArray[np.float32]:
    """The middles of side x side cells of the plane, row by row from above: (side², 2).

    Example:
        >>> grid(2).tolist()
        [[-3.0, 3.0], [3.0, 3.0], [-3.0, -3.0], [3.0, -3.0]]
    """
    middle = ((np.arange(side) + 0.5) / side * 2 - 1) * REACH
    x1, x2 = np.meshgrid(middle, -middle)
    return np.stack([x1.ravel(), x2.ravel()], axis=1).astype(np.float32)


class Program:
    """A graph made by running its lines, and a session on it.

    Args:
        code: what `graph_code` wrote.
        layers: how many hidden layers.
    """

    def __init__(self, code: str, layers: int) -> None:
        self.code = code
        self.file = f"playground {hashlib.sha256(code.encode()).hexdigest()[:6]}"
        # Where a node says which line made it, the line is found, as IPython does it for its cells.
        linecache.cache[self.file] = (len(code), None, code.splitlines(keepends=True), self.file)
        names: dict[str, Any] = {"__name__": "playground"}
        exec(compile(code, self.file, "exec"), names)  # the lines that are shown: see playground_code
        self.graph: Graph = names["graph"]
        self.weights: list[Any] = names["weights"]
        self._names = names
        self._hidden = [names[f"hidden{i + 1}"] for i in range(layers)]
        self.session = Session(graph=self.graph)
        self.reset()

    def reset(self) -> None:
        """A new session: first weights, chance from its beginning. Its graph's compiled programs stay."""
        self.session.close()
        self.session = Session(graph=self.graph)
        names, call = self._names, self.session.make_callable
        keep, noise, rest = self._fed()
        x, y = names["x"], names["y"]
        self.step: Callable[..., Any] = call(names["train"], [x, y, names["learning_rate"], *keep, *rest])
        self.look: Callable[..., Any] = call([names["inputs"], *self._hidden, names["prediction"]], [x, *keep, *noise])
        self.measure: Callable[..., Any] = call([names["loss"], names["accuracy"]], [x, y, *keep, *noise])
        self.session.run(names["init"])

    def warm(self, x: Any, y: Any, seen: Any, batch: int, rates: Sequence[Any], awake: Sequence[Any]) -> None:
        """Compiles step, look and measure, all three at once: compiling is what a new net waits for.

        Each is run in a session of its own; the compiled programs belong to the graph.
        """
        names = self._names
        keep, noise, rest = self._fed()
        tested = dict(zip([*keep, *noise], awake, strict=True))
        trained = dict(zip([names["learning_rate"], *keep, *rest], rates, strict=True))
        jobs: list[tuple[Any, dict[Any, Any]]] = [
            (names["train"], {names["x"]: x[:batch], names["y"]: y[:batch]} | trained),
            ([names["inputs"], *self._hidden, names["prediction"]], {names["x"]: seen} | tested),
            ([names["loss"], names["accuracy"]], {names["x"]: x, names["y"]: y} | tested),
        ]

        def run(job: tuple[Any, dict[Any, Any]]) -> None:
            session = Session(graph=self.graph)
            session.run(names["init"])
            session.run(*job)
            session.close()

        with ThreadPoolExecutor(len(jobs)) as threads:
            for _ in threads.map(run, jobs):
                pass

    def _fed(self) -> tuple[list[Any], list[Any], list[Any]]:
        """What is fed beside x, y and the learning rate: shares that dropout keeps, its noise, the penalty's rate."""
        names = self._names
        random = [op for op in self.graph.get_operations() if op.type == "RandomUniform"]
        noise = [op.outputs[0] for op in random if op.name.startswith("dropped")]
        rest = [names["regularization"]] if "regularization" in names else []
        return [names["keep"]] if "keep" in names else [], noise, rest

    def close(self) -> None:
        """Frees the variables and forgets the lines."""
        self.session.close()
        linecache.cache.pop(self.file, None)


class Score(NamedTuple):
    """Losses and accuracies, after so many epochs."""

    epoch: int
    train_loss: float
    test_loss: float
    train_accuracy: float
    test_accuracy: float


class Net:
    """A net, its examples, and how far it is trained.

    Args:
        settings: what to begin with.

    Attributes:
        settings: as they are now.
        examples: the data.
        epoch: how many times all training examples were seen.
        curve: a `Score` now and then, the first before training, the last now.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.examples = _examples(settings)
        self.epoch = 0
        self.curve: list[Score] = []
        self._every = 1  # epochs between two scores of the curve
        self._programs: OrderedDict[str, Program] = OrderedDict()
        self._closed = False
        self.program = self._program()
        self._restart()

    def configure(self, settings: Settings) -> bool:
        """Takes other settings. What changes the graph or the data begins anew; the rest holds from the next step.

        Args:
            settings: the new ones.

        Returns:
            True if the net begins anew.

        Raises:
            RuntimeError: if the net is closed.
        """
        self._check_open()
        old, self.settings = self.settings, settings
        other_data = settings.problem != old.problem
        if other_data:
            self.examples = _examples(settings)
        program = self._program()
        anew = program is not self.program or other_data
        self.program = program
        if anew:
            self.reset()
        return anew

    def reset(self) -> None:
        """First weights, epoch 0."""
        self._check_open()
        self.program.reset()
        self._restart()

    def train(self, epochs: int = 1) -> None:
        """Goes through the training examples, batch after batch; stops when the loss is no number any more.

        Args:
            epochs: how many times.
        """
        self._check_open()
        x, y, size = self.examples.train_x, self.examples.train_y, self.settings.batch_size
        rates = self._rates()
        for _ in range(epochs):
            if not self.is_finite:
                return
            for start in range(0, len(x) - (size - 1), size):
                self.program.step(x[start : start + size], y[start : start + size], *rates)
            self.epoch += 1
            self._note()

    @property
    def score(self) -> Score:
        """Losses and accuracies now."""
        return self.curve[-1]

    @property
    def is_finite(self) -> bool:
        """False once the loss is infinite or no number: nothing can be learned from there."""
        return bool(np.isfinite(self.score.train_loss))

    def look(self, x: NDArray[np.floating[Any]]) -> list[NDArray[np.float32]]:
        """What every neuron gives for some examples.

        Args:
            x: (examples, 2) or (examples, 784).

        Returns:
            Arrays of (examples, neurons): the inputs, each hidden layer, the prediction.
        """
        self._check_open()
        return self.program.look(x, *self._awake())

    def weights(self) -> list[NDArray[np.float32]]:
        """Kernel (inputs, neurons) and bias (neurons,), layer after layer; the output's last."""
        self._check_open()
        return self.program.session.run(self.program.weights)

    def set_weight(self, array: int, position: tuple[int, ...], value: float) -> None:
        """Sets one weight by hand.

        Args:
            array: which of `weights`.
            position: where in it.
            value: the new value.

        Raises:
            ValueError: if there is no such weight, or the value is no number.
        """
        arrays = self.weights()
        shape = arrays[array].shape if 0 <= array < len(arrays) else ()
        inside = len(position) == len(shape) and all(0 <= i < n for i, n in zip(position, shape, strict=True))
        if not shape or not inside:
            raise ValueError(f"there is no weight {list(position)} in array {array} of {len(arrays)}.")
        if not np.isfinite(value) or abs(value) > 1e6:
            raise ValueError(f"a weight is a number between -1e6 and 1e6, not {value!r}.")
        arrays[array][position] = value
        self.program.weights[array].load(arrays[array], self.program.session)
        self.curve[-1:] = [self._score()]

    def close(self) -> None:
        """Ends all sessions: no array stays."""
        if self._closed:
            return
        self._closed = True
        for program in self._programs.values():
            program.close()
        self._programs.clear()
        del self.program

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("this playground is closed: its net is gone. Make a new one.")

    def _program(self) -> Program:
        code = graph_code(self.settings)
        program = self._programs.pop(code, None)
        if program is None:
            program, data = Program(code, len(self.settings.layers)), self.examples
            seen = grid(GRID) if self.settings.kind == "points" else np.zeros((1, 784), np.float32)
            program.warm(data.train_x, data.train_y, seen, self.settings.batch_size, self._rates(), self._awake())
        self._programs[code] = program
        while len(self._programs) > _PROGRAMS:
            self._programs.popitem(last=False)[1].close()
        return program

    def _rates(self) -> list[Any]:
        settings = self.settings
        keep = [np.array([1 - layer.dropout for layer in settings.layers], np.float32)]
        rest = [] if settings.regularizer == "none" else [np.float32(settings.regularization)]
        return [np.float32(settings.learning_rate), *(keep if has_dropout(settings) else []), *rest]

    def _awake(self) -> list[Any]:
        """What is fed so that nothing is silenced; the random numbers too, so that looking draws none."""
        if not has_dropout(self.settings):
            return []
        layers = self.settings.layers
        return [np.ones(len(layers), np.float32), *(np.zeros((1, x.neurons), np.float32) for x in layers if x.dropout)]

    def _restart(self) -> None:
        self.epoch, self._every = 0, 1
        self.curve = [self._score()]

    def _score(self) -> Score:
        data, keep = self.examples, self._awake()
        train_loss, train_accuracy = self.program.measure(data.train_x, data.train_y, *keep)
        test_loss, test_accuracy = self.program.measure(data.test_x, data.test_y, *keep)
        return Score(self.epoch, *map(float, (train_loss, test_loss, train_accuracy, test_accuracy)))

    def _note(self) -> None:
        """Adds to the curve; the last entry is always the present."""
        if len(self.curve) > 1 and self.curve[-1].epoch % self._every:
            self.curve.pop()
        self.curve.append(self._score())
        if len(self.curve) > _CURVE:
            self._every *= 2
            self.curve = [score for score in self.curve if score.epoch % self._every == 0 or score is self.curve[-1]]


def _examples(settings: Settings) -> Examples:
    data, count, share, seed = settings.data, settings.examples, settings.train_share, settings.seed
    if settings.kind == "digits":
        return drawn_digits(data, count, share, seed)
    return points(data, settings.noise, count, share, seed)
