"""Settings that are worth trying in the playground, each with what there is to see.

Example:
    >>> print(PRESETS["line-xor"].title)
    A straight line cannot do XOR
"""

from __future__ import annotations

from typing import Any, NamedTuple

from labkit_widgets import playground_settings as words
from labkit_widgets.playground_settings import Limits, Settings, SettingsError, read_settings


class Preset(NamedTuple):
    """Settings worth trying, and what to see in them."""

    title: str
    settings: dict[str, Any]
    comment: str


PRESETS: dict[str, Preset] = {
    "circle": Preset(
        "A circle from straight lines",
        {"data": "circle", "layers": [4, 2]},
        "Each neuron of the first layer draws one soft straight line. The next layers join four lines to a ring. "
        "Take neurons away until it fails: with two lines there is no ring.",
    ),
    "line-xor": Preset(
        "A straight line cannot do XOR",
        {"data": "xor", "layers": []},
        "Without a hidden layer the border is one straight line, and no line parts these corners: the loss stays near "
        "where it began. Add a layer of four neurons, or the feature x1·x2, and it is solved.",
    ),
    "feature-xor": Preset(
        "The right feature makes it easy",
        {"data": "xor", "features": ["x1*x2"], "layers": []},
        "x1·x2 is positive in two corners and negative in the others: that is the answer already. One weight is "
        "enough. Finding such features is what hidden layers do for us.",
    ),
    "zeros": Preset(
        "All weights zero: nobody moves",
        {"data": "circle", "layers": [4, 2], "initializer": "zeros"},
        "Where all weights are 0, every neuron is like its neighbour and no gradient comes through: the net stays as "
        "it is. Chance has to make the neurons different. Choose another initializer.",
    ),
    "dead-relu": Preset(
        "Dead ReLUs",
        {
            "data": "circle",
            "layers": [{"neurons": 6, "activation": "relu"}, {"neurons": 4, "activation": "relu"}],
            "initializer": "he",
            "learning_rate": 2,
        },
        "Large steps push neurons to where their sum is negative for every point. They give 0, their gradient is 0, "
        "and they never come back: look for maps without colour. Try a smaller rate, or leaky relu.",
    ),
    "too-fast": Preset(
        "Too fast",
        {"data": "circle", "layers": [4, 2], "learning_rate": 3},
        "Steps this large jump over the valley: the loss leaps about and the neurons saturate. Divide the rate by ten, "
        "again and again, until the curve goes down.",
    ),
    "explodes": Preset(
        "The loss explodes",
        {
            "data": "circle",
            "layers": [],
            "features": ["x1", "x2", "x1^2", "x2^2"],
            "learning_rate": 1,
            "loss": "hinge",
            "regularizer": "L2",
            "regularization": 2.1,
        },
        "L2 pulls every weight to 0. But rate times strength is 2.1, above 2: each pull goes past 0, farther every "
        "time, until the numbers end. labkit stops there. Any smaller rate mends it.",
    ),
    "spiral": Preset(
        "The spiral",
        {
            "data": "spiral",
            "features": ["x1", "x2", "sin x1", "sin x2"],
            "layers": [8, 8, 4],
            "optimizer": "adam",
            "learning_rate": 0.01,
            "speed": 5,
        },
        "The hard one: two arms wound round one another. Sine features, more layers and Adam find it in a few hundred "
        "epochs. With x1 and x2 alone it takes much longer.",
    ),
    "overfit": Preset(
        "Learned by heart",
        {
            "data": "moons",
            "noise": 45,
            "examples": 60,
            "layers": [8, 8],
            "optimizer": "adam",
            "learning_rate": 0.03,
            "speed": 5,
        },
        "Few points, much noise, a large net: the loss of the training points falls and that of the test points rises. "
        "The border bends round single points. Try L2, dropout, fewer neurons or more points.",
    ),
    "digits": Preset(
        "Digits",
        {"kind": "digits", "initializer": "small"},
        "Train for ten epochs, then draw a digit. The little pictures are weights: blue where ink speaks for the "
        "neuron, orange where it speaks against it.",
    ),
    "digits-templates": Preset(
        "Ten templates",
        {"kind": "digits", "layers": [], "initializer": "small"},
        "Without a hidden layer each digit has one template, and the ink that agrees with it is counted. That is "
        "already right nine times in ten. Which digits does it mix up?",
    ),
}


def preset_settings(name: str, limits: Limits = Limits()) -> Settings:  # noqa: B008  # immutable
    """The settings of a preset.

    Args:
        name: one of `PRESETS`.
        limits: how large the net may be.

    Returns:
        The settings.

    Raises:
        SettingsError: if there is no such preset.

    Example:
        >>> preset_settings("line-xor").layers
        ()
    """
    if not isinstance(name, str) or name not in PRESETS:  # pyright: ignore[reportUnnecessaryIsInstance]  # from a page
        raise SettingsError(f"preset must be one of {', '.join(PRESETS)}, not {name!r}.")
    return read_settings(PRESETS[name].settings, limits)


def choices_of(limits: Limits) -> dict[str, Any]:
    """What a page offers: words by setting, limits, presets by name, title and kind.

    Example:
        >>> choices_of(Limits())["presets"][1]
        ['line-xor', 'A straight line cannot do XOR', 'points']
    """
    return {
        "limits": limits._asdict(),
        "data": {kind: list(names) for kind, names in words.DATA.items()},
        "features": {kind: list(names) for kind, names in words.FEATURES.items()},
        "losses": {kind: list(names) for kind, names in words.LOSSES.items()},
        "activations": list(words.ACTIVATIONS),
        "optimizers": list(words.OPTIMIZERS),
        "regularizers": list(words.REGULARIZERS),
        "initializers": list(words.INITIALIZERS),
        "presets": [[name, preset.title, preset.settings.get("kind", "points")] for name, preset in PRESETS.items()],
    }
