"""Conditions of breakpoints, written as text: `max > 1e3`, `any nan`, `op == MatMul and shape == (100, 10)`.

A condition is about one value that a node has made. It is parsed here and never given to Python, so a condition that
comes from a file or from another person can do nothing but compare:

    condition   either ("or" either)*
    either      part ("and" part)*
    part        "not" part | "(" condition ")" | "any" what | "no" what | "all" what | quantity sign literal
    what        nan | inf | bad | zero | negative        (bad: NaN or infinity)
    quantity    max min mean std size rank nan inf zero negative value shape dtype name op
    sign        == != < <= > >= ~                         (~ compares a name with a pattern: layer1/*)
    literal     a number | a shape such as (?, 10) | a word | 'a text'

`max`, `min`, `mean` and `std` are those of the finite entries; `nan`, `inf`, `zero` and `negative` count entries.

Example:
    >>> import numpy as np
    >>> condition = Condition("max > 1e3 and no nan")
    >>> [condition.holds("y", "Add", np.array([top, 0.0])) for top in (1e4, 1.0, np.nan)]
    [True, False, False]
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import numpy as np

from labkit.debugger.values import Summary, summarize
from labkit.errors import LabkitError

_TOKEN = re.compile(
    r"\s*(?:(?P<shape>\(\s*(?:(?:\d+|\?)\s*(?:,\s*(?:\d+|\?)\s*)*,?)?\s*\)|\[[\d?,\s]*\])|(?P<sign>==|!=|<=|>=|<|>|~)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")|(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w/*])|[-+]inf\b)"
    r"|(?P<word>[\w./*?:\[\]-]+)|(?P<paren>[()]))"
)
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_COUNTS = ("nan", "inf", "zero", "negative")
_NUMBERS = ("max", "min", "mean", "std", "size", "rank", "value", *_COUNTS)
_WORDS = ("name", "op", "dtype")


class ConditionError(LabkitError, ValueError):
    """A condition that cannot be read.

    Example:
        >>> try:
        ...     Condition("maximum > 3")
        ... except ConditionError as error:
        ...     print(str(error).splitlines()[0])
        cannot read 'maximum > 3' at 'maximum': a quantity was expected.
    """


class _Seen(NamedTuple):
    """What a condition is asked about."""

    name: str
    op: str
    summary: Summary | None


Test = Callable[[_Seen], bool]


class Condition:
    """A condition, ready to be asked.

    Args:
        text: see the module.

    Raises:
        ConditionError: if it cannot be read; the message says where.

    Example:
        >>> Condition("op == MatMul").holds("y", "MatMul", None)
        True
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = self._split(text)
        self._at = 0
        self._test = self._condition()
        if self._at < len(self._tokens):
            raise self._error("'and' or 'or' was expected")

    def holds(self, name: str, op: str, value: Any) -> bool:
        """True if the condition is true of a value.

        Args:
            name: the node's name.
            op: its type.
            value: what it made; None for a node without a value, of which only `name` and `op` can be asked.
        """
        return self._test(_Seen(name, op, None if value is None else summarize(value)))

    def __repr__(self) -> str:
        return f"Condition({self.text!r})"

    def _split(self, text: str) -> list[tuple[str, str]]:
        tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise ConditionError(
                    f"cannot read {text!r} at {text[at:].strip()!r}: no such sign is known.", _ADVICE
                )  # fmt: skip
            kind = match.lastgroup or ""
            tokens.append((kind, match[kind]))
            at = match.end()
        return tokens

    def _error(self, expected: str) -> ConditionError:
        here = self._tokens[self._at][1] if self._at < len(self._tokens) else "its end"
        return ConditionError(f"cannot read {self.text!r} at {here!r}: {expected}.", _ADVICE)

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self, *kinds: str, expected: str) -> tuple[str, str]:
        if self._at >= len(self._tokens) or self._tokens[self._at][0] not in kinds:
            raise self._error(f"{expected} was expected")
        self._at += 1
        return self._tokens[self._at - 1]

    def _condition(self) -> Test:
        tests = [self._either()]
        while self._peek() == "or":
            self._at += 1
            tests.append(self._either())
        return lambda seen: any(test(seen) for test in tests)

    def _either(self) -> Test:
        tests = [self._part()]
        while self._peek() == "and":
            self._at += 1
            tests.append(self._part())
        return lambda seen: all(test(seen) for test in tests)

    def _part(self) -> Test:
        token = self._peek()
        if token == "not":
            self._at += 1
            inner = self._part()
            return lambda seen: not inner(seen)
        if token == "(":
            self._at += 1
            inner = self._condition()
            if self._peek() != ")":
                raise self._error("')' was expected")
            self._at += 1
            return inner
        if token in ("any", "no", "all"):
            self._at += 1
            return self._counted(token)
        return self._comparison()

    def _counted(self, how: str) -> Test:
        kind, what = self._take("word", expected="nan, inf, bad, zero or negative")
        if kind != "word" or what not in (*_COUNTS, "bad"):
            self._at -= 1
            raise self._error("nan, inf, bad, zero or negative was expected")

        def test(seen: _Seen) -> bool:
            if seen.summary is None:
                return False
            found = seen.summary.nan + seen.summary.inf if what == "bad" else getattr(seen.summary, what)
            return found > 0 if how == "any" else found == 0 if how == "no" else found == seen.summary.size > 0

        return test

    def _comparison(self) -> Test:
        quantity = self._peek()
        if quantity not in (*_NUMBERS, *_WORDS, "shape"):
            raise self._error("a quantity was expected")
        self._at += 1
        sign = self._take("sign", expected="a comparison such as > or ==")[1]
        if quantity in _WORDS:
            return self._word(quantity, sign)
        if quantity == "shape":
            return self._shape(sign)
        if sign == "~":
            self._at -= 1
            raise self._error("~ compares names; for numbers a sign such as >")
        kind, text = self._take("number", "word", expected="a number")
        if kind == "word" and text not in ("nan", "inf", "True", "False"):
            self._at -= 1
            raise self._error("a number was expected")
        limit = {"True": 1.0, "False": 0.0}.get(text) if kind == "word" else float(text)
        limit = float(text) if limit is None else limit
        return lambda seen: (found := _quantity(quantity, seen)) is not None and _SIGNS[sign](found, limit)

    def _word(self, quantity: str, sign: str) -> Test:
        if sign not in ("==", "!=", "~"):
            self._at -= 1
            raise self._error("names are compared by ==, != or ~")
        kind, text = self._take("word", "text", "number", expected="a name")
        pattern = text[1:-1] if kind == "text" else text

        def test(seen: _Seen) -> bool:
            found = {"name": seen.name, "op": seen.op}.get(quantity) or (seen.summary.dtype if seen.summary else "")
            if sign == "~":
                return fnmatchcase(found, pattern)
            return (found == pattern) is (sign == "==")

        return test

    def _shape(self, sign: str) -> Test:
        if sign not in ("==", "!="):
            self._at -= 1
            raise self._error("shapes are compared by == or !=")
        text = self._take("shape", expected="a shape such as (100, 10) or (?, 10)")[1]
        sizes = [None if part == "?" else int(part) for part in re.findall(r"\d+|\?", text)]

        def test(seen: _Seen) -> bool:
            if seen.summary is None:
                return False
            found = seen.summary.shape
            same = len(found) == len(sizes) and all(
                want is None or want == size for want, size in zip(sizes, found, strict=True)
            )
            return same is (sign == "==")

        return test


def _quantity(name: str, seen: _Seen) -> float | None:
    """A number about a value, or None if it has none."""
    summary = seen.summary
    if summary is None:
        return None
    if name == "rank":
        return len(summary.shape)
    if name == "value":
        if summary.shape or not summary.size:
            return None
        return summary.mean if not summary.is_bad else float(np.float64(summary.shown))
    names = {"max": "maximum", "min": "minimum"}
    return getattr(summary, names.get(name, name))


_ADVICE = (
    "max > 1e3, any nan, shape == (100, 10), op == MatMul, name ~ layer1/*, joined by and, or, not. Quantities: "
    f"{', '.join((*_NUMBERS, 'shape', *_WORDS))}."
)
