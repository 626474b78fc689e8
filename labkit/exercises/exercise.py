"""What an exercise is, and what judges have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.graph import Graph, Operators
from labkit.session import Session
from labkit.variables import global_variables_initializer


class NotTried(Exception):  # noqa: N818  # a state, not an error
    """The answer is still the `...` of the notebook."""


class Wrong(Exception):  # noqa: N818  # a state, not an error
    """The answer is wrong; the message says what the mistake is."""


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Args:
        number: notebook and exercise, such as "01.1".
        judge: returns if the answer is right, raises `Wrong` or `NotTried` otherwise.
        shows: what a right answer shows, in a sentence.
        hints: from a nudge to nearly the answer.
        solution: Python source that can take the place of the learner's cell.
    """

    number: str
    judge: Callable[[Any], None]
    shows: str
    hints: tuple[str, ...]
    solution: str


def function(answer: Any, call: str) -> Callable[..., Any]:
    """`answer` if it is a function; `call` shows how it will be called."""
    if not callable(answer):
        raise Wrong(f"pass the function itself, without calling it: it will be called as {call}.")
    return answer


def tensor(result: Any, what: str) -> Operators:
    """`result` if it is a tensor; else what went wrong."""
    if result is ...:
        raise NotTried
    if result is None:
        raise Wrong(f"{what} gave None. Did you forget `return`?")
    if isinstance(result, Operators):
        return result
    if isinstance(result, (list, tuple)):
        raise Wrong(f"{what} gave a {type(result).__name__}, not one tensor.")  # pyright: ignore[reportUnknownArgumentType]
    raise Wrong(
        f"{what} gave the value {result!r}, not a tensor. Build the graph only; whoever calls you runs it in a session."
    )


def value(graph: Graph, fetch: Any, feeds: Any = None) -> Any:
    """The value of `fetch` in a new session with initialized variables."""
    with graph.as_default():
        start = global_variables_initializer()
    with Session(graph=graph) as session:
        session.run(start)
        return session.run(fetch, feeds)


def close(x: Any, y: Any, tolerance: float = 1e-4) -> bool:
    """True if two numbers or arrays of the same shape agree to a relative tolerance."""
    a, b = np.asarray(x, np.float64), np.asarray(y, np.float64)
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=tolerance, atol=tolerance))


def number(result: Any, what: str) -> float:
    """`result` as a float, if it is one number."""
    if result is ...:
        raise NotTried
    if result is None:
        raise Wrong(f"{what} gave None. Did you forget `return`?")
    if isinstance(result, Operators):
        raise Wrong(f"{what} gave a tensor, and a number was asked for. Run it in a session.")
    if isinstance(result, (list, tuple)):
        raise Wrong(f"{what} gave a {type(result).__name__}. Take the number out of it with [0].")  # pyright: ignore[reportUnknownArgumentType]
    array = np.asarray(result)
    if array.shape not in {(), (1,)} or array.dtype.kind not in "fiu":
        raise Wrong(f"{what} gave {result!r}, and one number was asked for.")
    return float(array.reshape(-1)[0])
