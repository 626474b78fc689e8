"""Samples of the ops on strings and files: `strings`, `hashing`, `splitting`, `decoding`, `files`."""

import base64
import os
from pathlib import Path

import numpy as np

from labkit.dtypes import float32, int32, uint8
from labkit.ops.decoding import DecodeCSV, DecodeRaw, ParseTensor, SerializeTensor
from labkit.ops.files import MatchingFiles, ReadFile, WriteFile
from labkit.ops.hashing import StringToHashBucket, StringToHashBucketFast, StringToHashBucketStrong
from labkit.ops.py_func import PyFunc, PyFuncStateless
from labkit.ops.splitting import ReduceJoin, StringSplit
from labkit.ops.strings import (
    AsString,
    DecodeBase64,
    EncodeBase64,
    RegexReplace,
    StringJoin,
    StringToNumber,
    Substr,
)
from tests.ops.sample import Ints, Sample


def text(*entries: str) -> np.ndarray:
    """A vector of strings."""
    return np.array([entry.encode() for entry in entries], object)


def one(entry: str) -> np.ndarray:
    """A scalar string."""
    return np.array(entry.encode(), object)


WORDS = text("ab", "", "cde")
GRID = np.array([[b"a", b"b"], [b"c", b"d"]], object)
GOLDEN = "tests/strings compares with TensorFlow's numbers"
# A TensorProto of [[1, -2]] in int32 (dtype 3; shape 1, 2; tensor_content), written down byte by byte.
PROTO = b"\x08\x03\x12\x08\x12\x02\x08\x01\x12\x02\x08\x02\x22\x08\x01\x00\x00\x00\xfe\xff\xff\xff"

SAMPLES = [
    Sample(StringJoin("-"), (WORDS, one("x")), lambda a, b: text("ab-x", "-x", "cde-x")),
    Sample(Substr(), (text("hello", "world"), np.array(1), np.array([2, 9])), lambda *_: text("el", "orld")),
    Sample(AsString(precision=2), ("a b",), lambda x: np.array([b"%.2f" % v for v in x.flat], object).reshape(x.shape)),
    Sample(AsString(), (Ints("a"),), lambda x: np.array([b"%d" % v for v in x], object)),
    Sample(StringToNumber(float32), (text("1.5", "-2e3"),), lambda _: np.float32([1.5, -2000])),
    Sample(RegexReplace(), (text("a1b2", "c"), one("[0-9]"), one("#")), lambda *_: text("a#b#", "c")),
    Sample(EncodeBase64(True), (WORDS,), lambda x: np.array([base64.urlsafe_b64encode(v) for v in x], object)),
    Sample(DecodeBase64(), (text("YWI", "", "Y2Rl"),), lambda _: WORDS),
    Sample(StringToHashBucket(100), (WORDS,), None, why=GOLDEN),
    Sample(StringToHashBucketFast(100), (WORDS,), None, why=GOLDEN),
    Sample(StringToHashBucketStrong(100, (1, 2)), (WORDS,), None, why=GOLDEN),
    Sample(ReduceJoin(False, "-"), (GRID, np.array([0], np.int32)), lambda *_: text("a-c", "b-d")),
    Sample(ReduceJoin(True), (GRID, np.array([1, 0], np.int32)), lambda *_: np.array([[b"abcd"]], object)),
    Sample(StringSplit(), (text("a b", "", "c"), one(" ")),
           lambda *_: (np.array([[0, 0], [0, 1], [2, 0]]), text("a", "b", "c"), np.array([3, 2]))),
    Sample(DecodeCSV((int32, float32)), (text("1,2.5", "3,"), np.array([0], np.int32), np.array([9], np.float32)),
           lambda *_: (np.int32([1, 3]), np.float32([2.5, 9]))),
    Sample(DecodeRaw(uint8), (text("ab", "cd"),), lambda _: np.uint8([[97, 98], [99, 100]])),
    Sample(ParseTensor(int32), (np.array(PROTO, object),), lambda _: np.int32([[1, -2]])),
    Sample(SerializeTensor(), (np.int32([[1, -2]]),), lambda _: np.array(PROTO, object)),
    Sample(ReadFile(), (one(__file__),), lambda path: np.array(Path(os.fsdecode(path.item())).read_bytes(), object)),
    Sample(WriteFile(), (one("/dev/null"), one("gone")), None, why="it has no output; tests/files reads what it wrote"),
    Sample(MatchingFiles(), (one(__file__),), lambda path: path.reshape(1)),
    Sample(PyFunc(np.sort, (int32,)), (Ints("n"),), np.sort),
    Sample(PyFuncStateless(np.add, (int32,)), (Ints("n"), Ints("n")), np.add),
]  # fmt: skip
