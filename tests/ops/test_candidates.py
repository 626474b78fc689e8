"""Candidate samplers draw TensorFlow's classes, and count as it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labkit as tf
from labkit.ops import accidental_hits, candidates

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden" / "random.json").read_text())
UNIGRAMS = {"distortion": 0.75, "unigrams": [5.0, 3.0, 1.0, 7.0, 2.0, 9.0]}


def three_runs(sampler: Any, true: list[list[int]], count: int, unique: bool, classes: int, **more: Any) -> list[Any]:
    """What a sampler gives in three runs of one session."""
    with tf.Graph().as_default():
        fetches = sampler(true, 1, count, unique, classes, seed=9, **more)
        with tf.Session() as sess:
            return [sess.run(fetches) for _ in range(3)]


@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize("classes", [16, 20, 1000])
@pytest.mark.parametrize("name", ["uniform", "log_uniform"])
def test_classes_and_expected_counts_are_tensorflows(name: str, classes: int, unique: bool) -> None:
    """Three runs, with and without repetition."""
    runs = three_runs(getattr(candidates, f"{name}_candidate_sampler"), [[3], [7]], 10, unique, classes)
    check(GOLDEN[f"{name}_candidates/{unique}/{classes}"], runs)


@pytest.mark.parametrize("unique", [True, False])
def test_given_frequencies_draw_tensorflows_classes(unique: bool) -> None:
    """By the alias method, with a distortion."""
    runs = three_runs(candidates.fixed_unigram_candidate_sampler, [[3], [4]], 4, unique, 6, **UNIGRAMS)
    check(GOLDEN[f"fixed_unigram/{unique}"], runs)


@pytest.mark.parametrize("unique", [True, False])
def test_learned_frequencies_draw_tensorflows_classes(unique: bool) -> None:
    """Each run makes its true classes more likely in the next."""
    runs = three_runs(candidates.learned_unigram_candidate_sampler, [[3], [4]], 4, unique, 6)
    check(GOLDEN[f"learned_unigram/{unique}"], runs)


def check(golden: Any, runs: Any) -> None:
    """Classes exactly, counts to rounding."""
    for (sampled, true_count, sampled_count), values in zip(golden, runs, strict=True):
        np.testing.assert_array_equal(values[0], sampled)
        np.testing.assert_allclose(np.ravel(values[1]), true_count, 2e-6)
        np.testing.assert_allclose(values[2], sampled_count, 2e-6)


def test_accidental_hits_are_found_in_both_forms() -> None:
    """Sparse as TensorFlow's op, dense as the losses use it."""
    true, sampled = np.array([[3, 5], [7, 1]]), np.array([5, 7, 3])
    with tf.Graph().as_default():
        rows, places, weights = tf.Session().run(accidental_hits.compute_accidental_hits(true, sampled, 2))
        dense = tf.Session().run(tf.get_default_graph().apply(accidental_hits.AccidentalHits(), (true, sampled)))
    assert sorted(zip(rows.tolist(), places.tolist(), strict=True)) == [(0, 0), (0, 2), (1, 1)]
    assert (weights == np.finfo(np.float32).min).all()
    np.testing.assert_array_equal(dense, [[1, 0, 1], [0, 1, 0]])


def test_frequencies_may_come_from_a_file(tmp_path: Path) -> None:
    """The last column; reserved classes are never drawn."""
    file = tmp_path / "vocabulary.csv"
    file.write_text("the,5\nof,3\n")
    runs = three_runs(
        candidates.fixed_unigram_candidate_sampler, [[1]], 50, False, 3, vocab_file=str(file), num_reserved_ids=1
    )
    assert set(runs[0][0].tolist()) == {1, 2}
    np.testing.assert_allclose(runs[0][1], [[50 * 5 / 8]], 1e-6)


def test_impossible_demands_raise_errors_that_say_why() -> None:
    """Too many distinct classes, frequencies that do not fit."""
    with pytest.raises(tf.errors.LabkitError, match="10 different classes cannot be drawn from 6"):
        candidates.uniform_candidate_sampler([[1]], 1, 10, True, 6)
    with pytest.raises(tf.errors.LabkitError, match="2 frequencies for 6 classes"):
        candidates.fixed_unigram_candidate_sampler([[1]], 1, 2, True, 6, unigrams=[1.0, 2.0])
    with pytest.raises(tf.errors.LabkitError, match="give one of them"):
        candidates.fixed_unigram_candidate_sampler([[1]], 1, 2, True, 6)
    with pytest.raises(tf.errors.LabkitError, match="num_shards must be 1"):
        candidates.fixed_unigram_candidate_sampler([[1]], 1, 2, True, 6, num_shards=2, unigrams=[1.0] * 6)
