"""What the playground's net is, in one value: `Settings`, checked, and the same as JSON.

`Settings` is what the page shows, what a notebook saves and what Python sets. Everything in it is a number or a word
from the tables below, so a value that was checked can be written into a program (see `playground_code`).

Example:
    >>> settings = read_settings({"data": "xor", "layers": [{"neurons": 3}]})
    >>> settings.layers
    (Layer(neurons=3, activation='tanh', dropout=0.0),)
    >>> read_settings({"data": "xor"}).to_json()["seed"]
    1
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from traitlets import TraitError

from labkit.errors import LabkitError

DATA = {"points": ("circle", "xor", "gauss", "spiral", "moons"), "digits": ("handwritten", "scanned")}
FEATURES = {
    "points": ("x1", "x2", "x1^2", "x2^2", "x1*x2", "sin x1", "sin x2"),
    "digits": ("28x28", "14x14", "7x7"),
}
ACTIVATIONS = ("tanh", "relu", "sigmoid", "linear", "elu", "leaky relu")
LOSSES = {"points": ("squared", "cross-entropy", "hinge"), "digits": ("cross-entropy", "squared")}
OPTIMIZERS = ("descent", "momentum", "adam")
REGULARIZERS = ("none", "L1", "L2")
INITIALIZERS = ("glorot", "he", "normal", "large", "small", "uniform", "zeros")


class SettingsError(LabkitError, ValueError, TraitError):
    """A setting of the playground that it does not have, or that is outside its limits.

    Example:
        >>> try:
        ...     read_settings({"noise": 70})
        ... except SettingsError as error:
        ...     print(error)
        noise must be from 0 to 50, not 70.
    """


class Limits(NamedTuple):
    """How large the net may become: these stand for the width of a page and the patience of a reader, and can be set.

    Example:
        >>> Limits(neurons=12)
        Limits(layers=6, neurons=12, digit_neurons=32)
    """

    layers: int = 6
    neurons: int = 8
    digit_neurons: int = 32

    def of(self, kind: str) -> int:
        """How many neurons a layer may have.

        Example:
            >>> Limits().of("points")
            8
        """
        return self.neurons if kind == "points" else self.digit_neurons


MOST = Limits(layers=12, neurons=64, digit_neurons=64)  # what a picture can still show and a message can hold
MOST_IN_ALL = 256  # neurons


@dataclasses.dataclass(frozen=True)
class Layer:
    """One hidden layer: how many neurons, what bends their sums, and the share that dropout silences in training."""

    neurons: int = 4
    activation: str = "tanh"
    dropout: float = 0.0


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that the learner can choose. Rates are per step, `noise` is in per cent, `seed` fixes all chance."""

    kind: str = "points"
    data: str = "circle"
    features: tuple[str, ...] = ("x1", "x2")
    layers: tuple[Layer, ...] = (Layer(4), Layer(2))
    loss: str = "squared"
    optimizer: str = "descent"
    learning_rate: float = 0.03
    regularizer: str = "none"
    regularization: float = 0.001
    initializer: str = "glorot"
    batch_size: int = 10
    noise: float = 0.0
    examples: int = 400
    train_share: float = 0.5
    speed: int = 1
    seed: int = 1

    def to_json(self) -> dict[str, Any]:
        """As dictionaries, lists, numbers and words.

        Returns:
            What `read_settings` reads.

        Example:
            >>> read_settings(Settings().to_json()) == Settings()
            True
        """
        values = dataclasses.asdict(self)
        return values | {"features": list(self.features), "layers": [dict(layer) for layer in values["layers"]]}

    @property
    def problem(self) -> tuple[Any, ...]:
        """What the data depend on."""
        return (self.kind, self.data, self.noise, self.examples, self.train_share, self.seed)


def _defaults(kind: str) -> Settings:
    if kind == "points":
        return Settings()
    return Settings(
        kind="digits", data="handwritten", features=("28x28",), layers=(Layer(16),), loss="cross-entropy",
        learning_rate=0.1, batch_size=50, examples=1500, train_share=0.8,
    )  # fmt: skip


def _word(name: str, value: Any, words: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in words:
        raise SettingsError(f"{name} must be one of {', '.join(words)}, not {_shown(value)}.")
    return value


def _number(name: str, value: Any, low: float, high: float) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not low <= value <= high:
        raise SettingsError(f"{name} must be from {low:g} to {high:g}, not {_shown(value)}.")
    return float(value)


def _count(name: str, value: Any, low: int, high: int) -> int:
    number = _number(name, value, low, high)
    if number != int(number):
        raise SettingsError(f"{name} must be a whole number from {low} to {high}, not {_shown(value)}.")
    return int(number)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _list(name: str, value: Any) -> list[Any]:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence):
        raise SettingsError(f"{name} must be a list, not {_shown(value)}.")
    return list(cast(Sequence[Any], value))


def _layer(position: int, value: Any, most: int) -> Layer:
    """One entry of `layers`: a number of neurons, or a dictionary."""
    name = f"layers[{position}]"
    fields = cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {"neurons": value}
    unknown = set(fields) - {"neurons", "activation", "dropout"}
    if unknown:
        raise SettingsError(
            f"{name} has neurons, activation and dropout, but no {_shown(min(unknown, key=str))}."
        )  # fmt: skip
    return Layer(
        _count(f"{name}: neurons", fields.get("neurons", 4), 1, most),
        _word(f"{name}: activation", fields.get("activation", "tanh"), ACTIVATIONS),
        _number(f"{name}: dropout", fields.get("dropout", 0.0), 0, 0.9),
    )


def read_limits(layers: int, neurons: int | None = None) -> Limits:
    """Checks limits that a learner asked for.

    Args:
        layers: the most hidden layers.
        neurons: the most neurons of a layer; None for the usual ones.

    Returns:
        The limits.

    Raises:
        SettingsError: if a page could not show them.

    Example:
        >>> read_limits(3).layers
        3
    """
    plain = Limits()
    limits = Limits(layers, neurons or plain.neurons, neurons or plain.digit_neurons)
    for name, value, most in zip(limits._fields, limits, MOST, strict=True):
        if not isinstance(value, int) or not 0 <= value <= most:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise SettingsError(f"max_{name.removeprefix('digit_')} must be from 1 to {most}, not {value!r}.")
    return limits


def read_settings(values: Mapping[str, Any], limits: Limits = Limits()) -> Settings:  # noqa: B008  # immutable
    """Checks settings that come from a program, a file or a page, and fills in what is missing.

    Args:
        values: settings by name, as `Settings.to_json` writes them; `layers` may hold plain numbers of neurons.
        limits: how large the net may be.

    Returns:
        The settings.

    Raises:
        SettingsError: naming the setting, what it may be, and what it was.

    Example:
        >>> read_settings({"layers": [2, {"neurons": 3, "activation": "relu"}]}).layers[1].activation
        'relu'
    """
    if not isinstance(values, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # pages are not typed
        raise SettingsError(f"settings must be a dictionary, not {_shown(values)}.")
    names = [field.name for field in dataclasses.fields(Settings)]
    for name in values:
        if name not in names:
            raise SettingsError(f"there is no setting {_shown(name)}.", f"one of {', '.join(names)}.")
    kind = _word("kind", values.get("kind", "points"), tuple(DATA))
    given = {**_defaults(kind).to_json(), **values}
    features = tuple(dict.fromkeys(_word("features", f, FEATURES[kind]) for f in _list("features", given["features"])))
    if not features or (kind == "digits" and len(features) > 1):
        raise SettingsError(f"features must name {'at least one' if kind == 'points' else 'one'} of {FEATURES[kind]}.")
    listed = _list("layers", given["layers"])
    if len(listed) > limits.layers:
        raise SettingsError(f"at most {limits.layers} hidden layers, not {len(listed)}.", "a larger max_layers.")
    layers = tuple(_layer(i, value, limits.of(kind)) for i, value in enumerate(listed))
    if sum(layer.neurons for layer in layers) > MOST_IN_ALL:
        raise SettingsError(f"at most {MOST_IN_ALL} hidden neurons in all.")
    examples = _count("examples", given["examples"], 40, 2000 if kind == "points" else 10000)
    share = _number("train_share", given["train_share"], 0.1, 0.9)
    return Settings(
        kind=kind,
        data=_word("data", given["data"], DATA[kind]),
        features=tuple(f for f in FEATURES[kind] if f in features),
        layers=layers,
        loss=_word("loss", given["loss"], LOSSES[kind]),
        optimizer=_word("optimizer", given["optimizer"], OPTIMIZERS),
        learning_rate=_number("learning_rate", given["learning_rate"], 1e-6, 100),
        regularizer=_word("regularizer", given["regularizer"], REGULARIZERS),
        regularization=_number("regularization", given["regularization"], 0, 10),
        initializer=_word("initializer", given["initializer"], INITIALIZERS),
        batch_size=_count("batch_size", given["batch_size"], 1, min(500, int(examples * share))),
        noise=_number("noise", given["noise"], 0, 50),
        examples=examples,
        train_share=share,
        speed=_count("speed", given["speed"], 1, 100),
        seed=_count("seed", given["seed"], 0, 2**31 - 1),
    )
