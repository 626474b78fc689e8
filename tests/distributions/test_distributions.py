"""`tf.distributions` against `scipy.stats`; divergences against sums and integrals."""

import numpy as np
import pytest
import scipy.stats
from scipy.integrate import quad

import labkit as tf
from labkit import distributions as ds

LOC, SCALE = np.array([0.5, -1.0, 2.0]), np.array([1.0, 0.3, 2.5])
CHANCE = np.array([0.2, 0.5, 0.9])
TABLE = np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0]])
PAIRS = {
    "Normal": (lambda: ds.Normal(LOC, SCALE), scipy.stats.norm(LOC, SCALE)),
    "Uniform": (lambda: ds.Uniform(LOC, LOC + SCALE), scipy.stats.uniform(LOC, SCALE)),
    "Exponential": (lambda: ds.Exponential(SCALE), scipy.stats.expon(scale=1 / SCALE)),
    "Bernoulli": (lambda: ds.Bernoulli(probs=CHANCE), scipy.stats.bernoulli(CHANCE)),
    "Bernoulli of logits": (lambda: ds.Bernoulli(np.log(CHANCE / (1 - CHANCE))), scipy.stats.bernoulli(CHANCE)),
}


def run(fetches, feeds=None):
    """Values in a fresh session."""
    with tf.Session() as sess:
        return sess.run(fetches, feeds)


@pytest.mark.parametrize("name", PAIRS)
def test_moments_entropy_and_log_probabilities_are_those_of_scipy(name):
    make, theirs = PAIRS[name]
    with tf.Graph().as_default():
        ours = make()
        mean, variance, deviation, entropy = run([ours.mean(), ours.variance(), ours.stddev(), ours.entropy()])
        np.testing.assert_allclose(mean, theirs.mean(), rtol=1e-12)
        np.testing.assert_allclose(variance, theirs.var(), rtol=1e-12)
        np.testing.assert_allclose(deviation, theirs.std(), rtol=1e-12)
        np.testing.assert_allclose(entropy, theirs.entropy(), rtol=1e-9)
        if "Bernoulli" in name:
            x = np.array([[0, 1, 0], [1, 1, 1]], np.int32)
            np.testing.assert_allclose(run(ours.log_prob(x)), theirs.logpmf(x), rtol=1e-9)
        else:
            x = np.array([[0.7, -1.0, 2.1], [-0.4, 3.0, 5.0]])
            np.testing.assert_allclose(run(ours.log_prob(x)), theirs.logpdf(x), rtol=1e-9)
            np.testing.assert_allclose(run(ours.cdf(x)), theirs.cdf(x), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", PAIRS)
def test_samples_have_the_shape_and_the_moments(name):
    make, theirs = PAIRS[name]
    with tf.Graph().as_default():
        ours = make()
        drawn = ours.sample([4000, 2], seed=1)
        assert drawn.shape.as_list() == [4000, 2, 3]
        values = run(drawn)
    error = 5 * theirs.std() / np.sqrt(8000)
    assert (np.abs(values.mean((0, 1)) - theirs.mean()) < error).all()


def test_categorical():
    with tf.Graph().as_default():
        ours = ds.Categorical(probs=TABLE)
        np.testing.assert_allclose(run(ours.prob(np.array([2, 2], np.int32))), [0.7, 0.0], atol=1e-15)
        np.testing.assert_allclose(run(ours.prob(np.array([[0, 0], [1, 1]], np.int32))), TABLE.T[:2])
        np.testing.assert_allclose(run(ours.entropy()), scipy.stats.entropy(TABLE, axis=1))
        assert run(ours.mode()).tolist()[0] == 2
        values = run(ours.sample(6000, seed=3))
        counts = np.stack([(values == k).mean(0) for k in range(3)], 1)
        np.testing.assert_allclose(counts, TABLE, atol=5 * 0.5 / np.sqrt(6000))


def test_parameters_of_unknown_size():
    with tf.Graph().as_default():
        loc = tf.placeholder(tf.float64, [None])
        ours = ds.Normal(loc, np.float64(2.0))
        drawn = ours.sample(2)
        assert drawn.shape.as_list() == [2, None]
        values, density = run([drawn, ours.log_prob(1.0)], {loc: LOC})
    assert values.shape == (2, 3)
    np.testing.assert_allclose(density, scipy.stats.norm(LOC, 2.0).logpdf(1.0))


def test_a_normal_vector_is_one_event():
    with tf.Graph().as_default():
        ours, theirs = ds.MultivariateNormalDiag(LOC, SCALE), scipy.stats.multivariate_normal(LOC, np.diag(SCALE**2))
        x = np.random.default_rng(0).normal(size=(4, 3))
        np.testing.assert_allclose(run(ours.log_prob(x)), theirs.logpdf(x))
        np.testing.assert_allclose(run(ours.entropy()), theirs.entropy())
        assert ours.sample(5).shape.as_list() == [5, 3]
        assert run(ours.batch_shape_tensor()).tolist() == []


def test_samples_of_a_normal_can_be_differentiated():
    with tf.Graph().as_default():
        loc, scale = tf.constant(LOC), tf.constant(SCALE)
        drawn = ds.Normal(loc, scale).sample(seed=2)
        value, to_loc, to_scale = run([drawn, *tf.gradients(drawn, [loc, scale])])
    np.testing.assert_allclose(to_loc, 1.0)
    np.testing.assert_allclose(to_scale, (value - LOC) / SCALE)


@pytest.mark.parametrize(
    ("kind", "density", "a", "b", "ends"),
    [
        (ds.Normal, scipy.stats.norm, (0.3, 1.2), (-0.5, 0.8), (-12, 12)),
        (ds.Exponential, lambda rate: scipy.stats.expon(scale=1 / rate), (1.5,), (0.7,), (0, 40)),
        (ds.Uniform, lambda low, high: scipy.stats.uniform(low, high - low), (0.0, 1.0), (-1.0, 3.0), (0, 1)),
    ],
)
def test_divergences_are_integrals(kind, density, a, b, ends):
    first, second = density(*a), density(*b)
    want, _ = quad(lambda x: first.pdf(x) * (first.logpdf(x) - second.logpdf(x)), *ends)
    with tf.Graph().as_default():
        found = run(ds.kl_divergence(kind(*map(np.float64, a)), kind(*map(np.float64, b))))
    np.testing.assert_allclose(found, want, rtol=1e-6)


def test_divergences_of_discrete_distributions_are_sums():
    with tf.Graph().as_default():
        other = np.array([[0.3, 0.3, 0.4], [0.2, 0.3, 0.5]])
        found = run(ds.kl_divergence(ds.Categorical(probs=TABLE), ds.Categorical(probs=other)))
        np.testing.assert_allclose(found, scipy.stats.entropy(TABLE, other, axis=1))
        found = run(ds.kl_divergence(ds.Bernoulli(probs=CHANCE), ds.Bernoulli(probs=CHANCE[::-1].copy())))
        both = [np.stack([p, 1 - p]) for p in (CHANCE, CHANCE[::-1])]
        np.testing.assert_allclose(found, scipy.stats.entropy(*both, axis=0), atol=1e-15)


def test_mistakes_are_explained():
    with pytest.raises(tf.errors.LabkitError, match="either logits or probs"):
        ds.Bernoulli()
    with pytest.raises(tf.errors.UnimplementedError, match="no formula for the divergence of Normal and Uniform"):
        ds.kl_divergence(ds.Normal(0.0, 1.0), ds.Uniform())
    with pytest.raises(tf.errors.UnimplementedError, match=r"Categorical has no mean"):
        ds.Categorical([0.0, 1.0]).mean()
    with pytest.raises(tf.errors.LabkitError, match="takes loc, scale_diag"):
        ds.MultivariateNormalDiag()
