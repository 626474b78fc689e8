"""Samples of `labkit.ops.parsing`: messages written down byte by byte."""

import numpy as np

from labkit.dtypes import float32, int64
from labkit.ops.parsing import ParseExample, ParseSingleExample, ParseSingleSequenceExample
from labkit.ops.parsing_features import FixedLenFeature, FixedLenSequenceFeature, VarLenFeature, as_attribute
from tests.ops.sample import Sample


def field(number: int, content: bytes) -> bytes:
    """A field of a message that has a length."""
    return bytes([number << 3 | 2, len(content)]) + content


def entry(key: str, feature: bytes) -> bytes:
    """An entry of a map from names to messages."""
    return field(1, field(1, key.encode()) + field(2, feature))


INTS = field(3, field(1, b"\x05\x07"))  # Feature: int64_list, values 5 and 7
FLOATS = field(2, field(1, np.float32([1.5, -2]).tobytes()))
EXAMPLE = np.array(field(1, entry("n", INTS) + entry("x", FLOATS)), object)
LISTS = entry("n", field(1, INTS) + field(1, INTS))
SEQUENCE = np.array(field(1, entry("x", FLOATS)) + field(2, LISTS), object)
TWO = as_attribute([("n", VarLenFeature(int64)), ("x", FixedLenFeature((2,), float32))])
STEPS = as_attribute([("n", FixedLenSequenceFeature((2,), int64))])
NONE = (np.empty(0, np.int64), np.empty(0, np.float32))
PLACES = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
X = np.float32([1.5, -2])

SAMPLES = [
    Sample(ParseExample(TWO), (np.array([EXAMPLE.item()] * 2, object), *NONE),
           lambda *_: (PLACES, np.array([5, 7, 5, 7]), np.array([2, 2]), np.stack([X, X]))),
    Sample(ParseSingleExample(TWO), (EXAMPLE, *NONE),
           lambda *_: (np.array([[0], [1]]), np.array([5, 7]), np.array([2]), X)),
    Sample(ParseSingleSequenceExample(TWO[1:], STEPS), (SEQUENCE, NONE[1]),
           lambda *_: (X, np.array([[5, 7], [5, 7]]))),
]  # fmt: skip
