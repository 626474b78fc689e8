"""Samples of the random ops, against Philox in plain Python integers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from labkit.dtypes import float32, float64
from labkit.ops.accidental_hits import AccidentalHits, ComputeAccidentalHits
from labkit.ops.candidates import (
    FixedUnigramCandidateSampler,
    LearnedUnigramCandidateSampler,
    LogUniformCandidateSampler,
    UniformCandidateSampler,
)
from labkit.ops.random import RandomStandardNormal, RandomUniform, RandomUniformInt, TruncatedNormal
from labkit.ops.sampling import Multinomial, Orthonormalize, RandomGamma, RandomPoisson, RandomShuffle
from tests.ops.sample import Floats, Ints, Sample, Sizes

SEEDS = (87654321, 42)


def block(index: int) -> list[int]:
    """Four words of 32 bits: block `index` of the stream of `SEEDS`."""
    mask = 2**32 - 1
    c = [index & mask, index >> 32, SEEDS[1], 0]
    key = [SEEDS[0], 0]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ key[0], b & mask, a >> 32 ^ c[3] ^ key[1], a & mask]
        key = [(key[0] + 0x9E3779B9) & mask, (key[1] + 0xBB67AE85) & mask]
    return c


def words(count: int) -> list[int]:
    """The first words of the stream."""
    return [word for index in range(-(-count // 4)) for word in block(index)][:count]


def uniform(shape: Any) -> np.ndarray[Any, Any]:
    """23 bits of each word are the digits behind the point."""
    return np.array([(w & 0x7FFFFF) / 2**23 for w in words(math.prod(shape))], np.float32).reshape(tuple(shape))


def doubles(count: int) -> list[float]:
    """52 bits of each pair of words."""
    w = words(2 * count)
    return [((a & 0xFFFFF) * 2**32 + b) / 2**52 for a, b in zip(w[::2], w[1::2], strict=True)]


def normal(shape: Any) -> np.ndarray[Any, Any]:
    """Box and Muller, in float64."""
    count = math.prod(shape)
    u = doubles(count + count % 2)
    pairs = zip(u[::2], u[1::2], strict=True)
    turns = [(math.sqrt(-2 * math.log(max(r, 1e-7))), 2 * math.pi * a) for r, a in pairs]
    numbers = [radius * part(angle) for radius, angle in turns for part in (math.sin, math.cos)]
    return np.array(numbers[:count]).reshape(tuple(shape))


def integers(shape: Any, low: Any, high: Any) -> np.ndarray[Any, Any]:
    """Each word modulo the size of the interval."""
    span = int(high) - int(low)
    return np.array([int(low) + w % span for w in words(math.prod(shape))], np.int32).reshape(tuple(shape))


def shuffled(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Swaps each row with one at or behind it."""
    order = list(range(len(x)))
    for place, word in enumerate(words(len(x))[: max(len(x) - 1, 0) if x.size > 1 else 0]):
        other = place + word % (len(x) - place)
        order[place], order[other] = order[other], order[place]
    return x[order]


def drawn(logits: Any, count: Any) -> np.ndarray[Any, Any]:
    """The first class whose cumulative weight is above the uniform number."""
    points = np.array(doubles(len(logits) * int(count))).reshape(len(logits), int(count))
    totals = np.cumsum(np.exp(logits - logits.max(1, keepdims=True)), 1)
    return np.array([[np.sum(t <= p * t[-1]) for p in row] for t, row in zip(totals, points, strict=True)], np.int64)


def shape_of(sizes: Sizes) -> np.ndarray[Any, Any]:
    """A shape input of two sizes."""
    return np.array([sizes["m"], sizes["n"]], np.int32)


MN = {"m": (1, 4), "n": (1, 4)}
OTHER_STREAM = "drawn by jax.random; tests/ops/test_random.py checks the distribution"
GOLDEN = "tests/ops/test_candidates.py compares with TensorFlow's draws"
SAMPLER = (*SEEDS, 1, 3, True, 6)
TRUE = (Ints("n 1", high=6, dtype="int64"),)

SAMPLES = [
    Sample(RandomUniform(*SEEDS, float32), (shape_of,), uniform, sizes=MN),
    Sample(RandomStandardNormal(*SEEDS, float64), (shape_of,), normal, sizes=MN),
    Sample(
        TruncatedNormal(*SEEDS, float64), (shape_of,), None, sizes=MN,
        why="tests/ops/test_random.py compares with TensorFlow's numbers",
    ),
    Sample(
        RandomUniformInt(*SEEDS),
        (shape_of, lambda _: np.array(-3, np.int32), lambda _: np.array(11, np.int32)),
        integers, sizes=MN,
    ),
    Sample(RandomShuffle(*SEEDS), ("m n",), shuffled),
    Sample(Multinomial(*SEEDS), ("m n", lambda s: np.array(s["k"], np.int32)), drawn, sizes={"k": (1, 4)}),
    Sample(
        RandomGamma(*SEEDS), (shape_of, Floats("k", low=0.5, high=3.0)), None, sizes=MN, why=OTHER_STREAM
    ),
    Sample(
        RandomPoisson(*SEEDS), (shape_of, Floats("k", low=0.5, high=3.0)), None, sizes=MN, why=OTHER_STREAM
    ),
    Sample(UniformCandidateSampler(*SAMPLER), TRUE, None, why=GOLDEN),
    Sample(LogUniformCandidateSampler(*SAMPLER), TRUE, None, why=GOLDEN),
    Sample(LearnedUnigramCandidateSampler(*SAMPLER), TRUE, None, why=GOLDEN),
    Sample(FixedUnigramCandidateSampler(*SAMPLER, (5.0, 3.0, 1.0, 7.0, 2.0, 9.0)), TRUE, None, why=GOLDEN),
    Sample(
        AccidentalHits(), (Ints("n k", dtype="int64"), Ints("m", dtype="int64")),
        lambda true, sampled: (true[:, :, None] == sampled).any(1).astype(np.float32),
    ),
    Sample(
        ComputeAccidentalHits(1), (Ints("n 1", dtype="int64"), Ints("m", dtype="int64")),
        lambda true, sampled: (
            np.nonzero(true == sampled)[0].astype(np.int32), np.nonzero(true == sampled)[1],
            np.full(np.sum(true == sampled), np.finfo(np.float32).min, np.float32),
        ),
    ),
    Sample(Orthonormalize(), ("4 3",), lambda x: np.linalg.qr(x)[0] * np.sign(np.diag(np.linalg.qr(x)[1]))),
]  # fmt: skip
