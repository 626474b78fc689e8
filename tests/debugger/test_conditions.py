"""The little language of conditions: what it says is what NumPy says, and nothing of it is run."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from labkit.debugger import Condition, ConditionError, summarize

VALUE = np.array([[1e4, -np.inf], [0.0, np.nan]])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max > 1e3", True), ("max < 1e3", False), ("any nan", True), ("no nan", False), ("any zero", True),
        ("all zero", False), ("any bad", True), ("inf == 1", True), ("nan >= 2", False), ("shape == (2, 2)", True),
        ("shape == [2, ?]", True), ("shape != (4,)", True), ("shape == ()", False), ("rank == 2", True),
        ("size < 4", False), ("op == MatMul", True), ("op ~ Mat*", True), ("name ~ layer1/*", True),
        ("name == 'layer1/y'", True), ("dtype == float64", True), ("min == 0", True), ("mean > 4999", True),
        ("not any nan", False), ("not (max < 3) and op != Add", True), ("max < 3 or any inf and rank == 2", True),
        ("(max < 3 or any inf) and rank == 1", False), ("value > 3", False), ("max > -inf", True),
        ("any negative", True),
    ],
)  # fmt: skip
def test_what_holds(text: str, expected: bool) -> None:
    """Quantities, counts, names, shapes, and the precedence of not, and, or."""
    assert Condition(text).holds("layer1/y", "MatMul", VALUE) is expected


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "its end"), ("max", "its end"), ("max >", "its end"), ("max > x", "'x'"), ("maximum > 3", "'maximum'"),
        ("max > 3 max", "'max'"), ("any foo", "'foo'"), ("shape > (1,)", "'>'"), ("op > 3", "'>'"), ("max ~ 3", "'~'"),
        ("(max > 3", "its end"), ("max > 1; 2", "'; 2'"), ("shape == 3", "'3'"), ("__import__('os')", "'__import__'"),
        ("lambda: 1", "'lambda:'"), ("max > 3 and", "its end"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_where(text: str, found: str) -> None:
    """The error names the word, and lists the language."""
    with pytest.raises(ConditionError) as error:
        Condition(text)
    assert found.strip("'") in str(error.value)
    assert "any nan" in error.value.__notes__[0]


@given(st.text(max_size=30))
def test_no_text_does_anything_but_compare(text: str) -> None:
    """Any text is a condition or a ConditionError."""
    with contextlib.suppress(ConditionError):
        assert isinstance(Condition(text).holds("y", "Add", VALUE), bool)


@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=4)))
def test_summaries_are_numpys(array: Any) -> None:
    """Counts, range and mean of the finite entries; the first bad index."""
    summary = summarize(array)
    finite = array[np.isfinite(array)].astype(np.float64)
    assert (summary.nan, summary.inf) == (np.isnan(array).sum(), np.isinf(array).sum())
    assert summary.zero == (array == 0).sum()
    if finite.size:
        assert (summary.minimum, summary.maximum) == (finite.min(), finite.max())
        np.testing.assert_allclose(summary.mean, finite.mean())
    bad = np.argwhere(~np.isfinite(array))
    assert summary.first_bad == (tuple(bad[0]) if len(bad) else None)
