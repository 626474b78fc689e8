"""From what a learner gives to a `TrainingView` to a `Program`: checked, and completed with what the graph says."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, cast

from labkit.graph import Operation, Tensor, constant_value
from labkit.session import Session
from labkit_widgets.training import Program, Rate, Timed
from labkit_widgets.training_checkpoints import Keeper
from labkit_widgets.training_graph import gradients_of, rate_of, variables_needed, variables_of
from labkit_widgets.training_samples import Peek, is_picture

_MOST_IMAGES, _MOST_HISTOGRAMS, _MOST_GRADIENTS = 4, 8, 16
_EVERY = 50


def make_program(
    session: Any, train_step: Any, feed: Any, curves: Any, weights: Any, histograms: Any, gradients: Any,
    learning_rate: Any, checkpoints: Any = None, save_seconds: Any = 0,
) -> Program:  # fmt: skip
    """The program.

    Raises:
        TypeError, ValueError: if something is not what it must be.
    """
    if not isinstance(session, Session):
        raise TypeError(
            f"the first argument is a tf.Session, not {session!r}.\n"
            "  Try: TrainingView(sess, train_step, feed=..., curves={'loss': loss})."
        )
    elements = _listed(train_step)
    if not elements or not all(isinstance(each, Operation) or hasattr(each, "op") for each in elements):
        raise TypeError(
            f"train_step is what to run at each step, such as optimizer.minimize(loss), and not {train_step!r}."
        )
    if feed is not None and not callable(feed) and not isinstance(feed, Mapping):
        if not hasattr(feed, "__next__"):
            raise TypeError(
                "feed is a dictionary, a function that makes one from the number of the step, an iterator of them, or "
                f"None; not {type(feed).__name__}."
            )
        feed = _Next(feed)
    if callable(cast(object, feed)) and not _takes_a_number(feed):
        raise TypeError(
            "feed is called with the number of the step, and this function cannot be called with one argument.\n"
            "  Try: def next_batch(step): return {x: ..., y: ...}."
        )
    needed = set(variables_needed(train_step))  # others may belong to another model, and hold no value
    trained = [v for v in variables_of(session.graph) if v.dtype.is_floating and v in needed]
    shown = _chosen(weights, [v for v in trained if _looks_like_images(v)][:_MOST_IMAGES], "weights")
    counted = _chosen(histograms, trained[:_MOST_HISTOGRAMS], "histograms")
    pairs = _gradients(train_step, gradients)
    with_step = False
    if feed is None and pairs and not Peek(session, [tensor for tensor, _ in pairs]).possible(()):
        with_step = gradients is not None
        pairs = pairs if with_step else []
    each, timed = _curves(curves)
    keeper = None
    if checkpoints is not None:
        keeper = Keeper(checkpoints, [train_step, *each.values(), *(one.tensor for one in timed)], save_seconds)
    return Program(
        train_step, each, timed, dict(cast("Mapping[Any, Any]", feed)) if isinstance(feed, Mapping) else feed,
        _rate(train_step, learning_rate, feed), shown, counted, pairs, with_step, keeper=keeper,
    )  # fmt: skip


class _Next:
    """An iterator of feeds as a function of the step."""

    def __init__(self, feeds: Any) -> None:
        self._feeds = feeds

    def __call__(self, _step: int) -> Any:
        return next(self._feeds)


def _takes_a_number(function: Any) -> bool:
    try:
        inspect.signature(function).bind(0)
    except TypeError:
        return False
    except ValueError:  # of a function of C's, nothing is known
        return True
    return True


def _listed(given: Any) -> list[Any]:
    """A list, whether one thing was given or several."""
    return list(cast("list[Any]", given)) if isinstance(given, (list, tuple)) else [given]


def _curves(curves: Any) -> tuple[dict[str, Any], list[Timed]]:
    if curves is None:
        return {}, []
    if not isinstance(curves, Mapping):
        curves = {each.op.name if hasattr(each, "op") else repr(each): each for each in _listed(curves)}
    fetched: dict[str, Any] = {}
    timed: list[Timed] = []
    for key, given in cast("Mapping[Any, Any]", curves).items():
        name = str(key)
        if not isinstance(given, tuple):
            fetched[name] = _number(name, given)
            continue
        parts: list[Any] = [*cast("tuple[Any, ...]", given), _EVERY]
        tensor, feed, every = parts[:3] if len(parts) in (3, 4) else (None, None, 0)
        if tensor is None or isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise ValueError(
                f"curve {name!r} is a tensor, or (tensor, feed, every): a tensor, what to feed, and after how many "
                f"steps; not {given!r}."
            )
        if feed is not None and not callable(feed) and not isinstance(feed, Mapping):
            raise TypeError(f"the feed of curve {name!r} is a dictionary or a function that makes one, or None.")
        timed.append(Timed(name, _number(name, tensor), feed, every))
    return fetched, timed


def _number(name: str, tensor: Any) -> Any:
    shape = getattr(tensor, "static_shape", None)
    if not isinstance(tensor, Tensor) and not hasattr(tensor, "op"):
        raise TypeError(f"curve {name!r} must be a tensor of the graph, not {tensor!r}.")
    if shape not in ((), None):
        raise ValueError(
            f"a curve needs one number for each step, and {name!r} has the shape {tensor.shape}.\n"
            "  Try: tf.reduce_mean(...) of it."
        )
    return tensor


def _chosen(given: Any, found: list[Any], what: str) -> dict[str, Any]:
    if given is None:
        chosen = found
    elif given is False:
        chosen = []
    else:
        chosen = _listed(given)
    for each in chosen:
        if not hasattr(each, "ref"):
            raise TypeError(f"{what} are variables, and {each!r} is none.\n  Try: {what}=[W].")
    return {each.op.name: each for each in chosen}


def _looks_like_images(variable: Any) -> bool:
    shape = variable.static_shape
    if not is_picture(shape):
        return False
    return len(shape) == 4 or (len(shape) == 2 and round(shape[0] ** 0.5) ** 2 == shape[0] >= 25 and shape[1] <= 100)


def _gradients(train_step: Any, gradients: Any) -> list[tuple[Any, str]]:
    if gradients is False:
        return []
    if gradients is None or gradients is True:
        return gradients_of(train_step)[:_MOST_GRADIENTS]
    pairs: list[tuple[Any, str]] = []
    for pair in _listed(gradients):
        both = _listed(pair)
        gradient, variable = both if len(both) == 2 else [cast("Any", None)] * 2
        if not hasattr(variable, "op"):
            raise TypeError(f"gradients are pairs (gradient, variable), as from compute_gradients; not {pair!r}.")
        if gradient is not None:  # of an IndexedSlices, the rows that it has
            pairs.append((gradient if isinstance(gradient, Tensor) else gradient.values, variable.op.name))
    return pairs


def _rate(train_step: Any, given: Any, feed: Any) -> Rate | None:
    if given is False:
        return None
    value: float | None = None
    if isinstance(given, tuple) and len(cast("tuple[Any, ...]", given)) == 2:
        placeholder, first = cast("tuple[Any, Any]", given)
        return Rate(_rate_source(placeholder), float(first), always=not hasattr(placeholder, "initializer"))
    source = rate_of(train_step) if given is None else _rate_source(given)
    if source is None:
        return None
    if isinstance(feed, Mapping) and source in feed:
        value = float(cast("Mapping[Any, Any]", feed)[source])
    elif isinstance(source, Tensor):
        constant = constant_value(source)
        if constant is None and source.op.type == "PlaceholderWithDefault":
            constant = constant_value(source.op.inputs[0])
        value = None if constant is None else float(constant)
    return Rate(source, value)


def _rate_source(given: Any) -> Any:
    if (isinstance(given, Tensor) or hasattr(given, "initializer")) and given.static_shape in ((), None):
        return given
    raise TypeError(
        f"learning_rate is a variable or a placeholder of one number, and not {given!r}.\n"
        "  Try: rate = tf.placeholder_with_default(0.1, []), and learning_rate=rate."
    )
