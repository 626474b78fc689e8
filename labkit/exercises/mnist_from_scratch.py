"""The exercises of notebook 03: bytes, accuracy, counting parameters."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from labkit.datasets import Images, mnist
from labkit.datasets.idx import read_bytes
from labkit.exercises.exercise import Exercise, NotTried, Wrong, close, function, number, tensor, value
from labkit.graph import Graph
from labkit.ops.source import placeholder


def file_of(digits: Images) -> bytes:
    """The bytes of the IDX file of training pictures; where a stand-in has no such file, what it would hold."""
    folder = mnist.find()
    if digits.name == "MNIST" and folder is not None:
        return read_bytes(next(iter(sorted(folder.glob("train-images*")))))
    return struct.pack(">IIII", 2051, *digits.train_images.shape) + digits.train_images.tobytes()


def _judge_header(answer: Any) -> None:
    read = function(answer, "header(data)")
    for right in ((2051, 60000, 28, 28), (2051, 7, 300, 2)):
        data = struct.pack(">IIII", *right) + bytes(range(64))
        result = read(data)
        if result is ...:
            raise NotTried
        if result is None:
            raise Wrong("header(data) gave None. Did you forget `return`?")
        if isinstance(result, (bytes, str)) or not np.iterable(result):
            raise Wrong(f"header(data) gave {result!r}, and four whole numbers were asked for.")
        got = tuple(result)
        if got == right:
            continue
        if any(isinstance(part, (bytes, bytearray)) for part in got):
            raise Wrong('these are still bytes. int.from_bytes(part, "big") makes a number of them.')
        if got == struct.unpack("<IIII", data[:16]):
            raise Wrong("you read the bytes from the wrong end: in these files the largest byte comes first.")
        if len(got) != 4:
            raise Wrong(f"four numbers were asked for, and you gave {len(got)}.")
        if got == struct.unpack(">IIII", data[4:20]):
            raise Wrong("you began at the fifth byte. The first four are the magic number.")
        if got == tuple(data[:4]) or got == tuple(data[3:16:4]):
            raise Wrong("each number has four bytes, and you took one of them.")
        if got == (2051, 60000, 28, 28):
            raise Wrong("right for this file, but another file has other numbers: read them from `data`.")
        raise Wrong(f"for a file of {right[1]} pictures of {right[2]}×{right[3]} you gave {got}.")


def _judge_accuracy(answer: Any) -> None:
    build = function(answer, "accuracy(scores, labels)")
    scores = np.array([[9, 1, 0], [0, 5, 1], [1, 7, 8], [3, 2, 1], [0, 1, 4]], np.float32)
    labels = np.array([0, 1, 1, 0, 0], np.int64)
    with Graph().as_default() as graph:
        fed_scores = placeholder(np.float32, [None, 3], name="scores")
        fed_labels = placeholder(np.int64, [None], name="labels")
        result = tensor(build(fed_scores, fed_labels), "accuracy(scores, labels)")
        got = value(graph, result, {fed_scores: scores, fed_labels: labels})
    if close(got, 0.6):
        return
    said = f"3 of 5 are right, and you gave {np.array2string(np.asarray(got), precision=3)}"
    if close(got, 0.4):
        raise Wrong(f"{said}: that is the share of mistakes.")
    if close(got, 3.0):
        raise Wrong(f"{said}: how many, but not which share. Take the mean.")
    if np.asarray(got).dtype == bool:
        raise Wrong(f"{said}: right or wrong for each. Cast it to float32 and take the mean.")
    if np.ndim(got) > 0:
        raise Wrong(f"{said}: one number was asked for.")
    raise Wrong(f"{said}. The guess of a row is the column with the highest score: tf.argmax(scores, 1).")


def count_parameters(image: int = 28, biases: bool = True, pools: int = 2) -> int:
    """The weights of notebook 03's convolutional net."""
    side = image // 2**pools
    layers = [(5 * 5 * 1, 32), (5 * 5 * 32, 64), (side * side * 64, 512), (512, 10)]
    return sum(inputs * outputs + (outputs if biases else 0) for inputs, outputs in layers)


def _judge_parameters(answer: Any) -> None:
    given = number(answer, "parameters")
    right = count_parameters()
    if given == right:
        return
    mistakes = {
        count_parameters(biases=False): "you left out the biases: one for each output of a layer.",
        count_parameters(pools=0): "the two poolings halve each side twice: 28, 14, 7.",
        count_parameters(pools=1): "there are two poolings: 28, 14, 7.",
        right - 512 * 10 - 10: "the last layer, from 512 to 10, is missing.",
        right - (49 * 64 * 512 + 512): "the layer from 7×7×64 to 512 is missing, and it is nearly all of the net.",
        4: "those are the layers. How many numbers does training have to find?",
        8: "those are the variables. How many numbers are in them?",
    }
    if given in mistakes:
        raise Wrong(mistakes[int(given)])
    raise Wrong(
        f"{given:,.0f} is too {'many' if given > right else 'few'}. Which layer has most of them, and how many?"
    )


EXERCISES = (
    Exercise(
        "03.1",
        _judge_header,
        "sixteen bytes say everything about the millions that follow.",
        (
            "four numbers, four bytes each: data[0:4], data[4:8], data[8:12], data[12:16].",
            'int.from_bytes(data[0:4], "big") is the first.',
        ),
        'def header(data):\n    return tuple(int.from_bytes(data[i:i + 4], "big") for i in (0, 4, 8, 12))',
    ),
    Exercise(
        "03.2",
        _judge_accuracy,
        "the share of right guesses, computed by the graph itself.",
        (
            "tf.argmax(scores, 1) is the guess of each row; tf.equal compares.",
            "tf.cast(right, tf.float32) makes ones and zeros, and tf.reduce_mean their share.",
        ),
        "def accuracy(scores, labels):\n    right = tf.equal(tf.argmax(scores, 1), labels)\n"
        "    return tf.reduce_mean(tf.cast(right, tf.float32))",
    ),
    Exercise(
        "03.3",
        _judge_parameters,
        "97 of 100 of them sit in one layer, between the last picture and the 512.",
        (
            "a layer has inputs × outputs weights and one bias for each output; a 5×5 filter on 32 channels has "
            "5·5·32 inputs.",
            "(25·1+1)·32 + (25·32+1)·64 + (7·7·64+1)·512 + (512+1)·10.",
        ),
        "parameters = (25 * 1 + 1) * 32 + (25 * 32 + 1) * 64 + (7 * 7 * 64 + 1) * 512 + (512 + 1) * 10",
    ),
)
