"""The playground's net, data and program, against NumPy, formulas and the program run by itself."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest

from labkit_widgets.playground import GRID, Net, grid
from labkit_widgets.playground_code import graph_code, whole_code
from labkit_widgets.playground_data import drawn_digits, points
from labkit_widgets.playground_presets import PRESETS, preset_settings
from labkit_widgets.playground_settings import Limits, Settings, SettingsError, read_settings


def net_of(**settings: Any) -> Net:
    return Net(read_settings(settings))


def numpy_steps(weights: list[np.ndarray], x: np.ndarray, y: np.ndarray, rate: float, size: int, l2: float) -> None:
    """One epoch of gradient descent on the squared error of a tanh net, written out; changes `weights`."""
    for start in range(0, len(x) - size + 1, size):
        batch, target = x[start : start + size].astype(np.float64), y[start : start + size]
        outputs = [batch]
        for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
            outputs.append(np.tanh(outputs[-1] @ kernel + bias))
        slope = (outputs[-1] - target) / size * (1 - outputs[-1] ** 2)  # (batch, 1)
        for layer in reversed(range(len(weights) // 2)):
            kernel = weights[2 * layer]
            to_kernel, to_bias = outputs[layer].T @ slope, slope.sum(axis=0)
            slope = slope @ kernel.T * (1 - outputs[layer] ** 2)
            weights[2 * layer] = kernel - rate * (to_kernel + l2 * kernel)
            weights[2 * layer + 1] = weights[2 * layer + 1] - rate * to_bias


@pytest.mark.parametrize(("layers", "l2"), [([4, 2], 0.0), ([], 0.0), ([3], 0.1)])
def test_training_is_gradient_descent_as_numpy_does_it(layers: list[int], l2: float) -> None:
    """Three epochs: weights, output and losses agree with a re-implementation in float64."""
    rule = {"regularizer": "L2", "regularization": l2} if l2 else {}
    net = net_of(data="xor", layers=layers, learning_rate=0.1, **rule)
    weights = [w.astype(np.float64) for w in net.weights()]
    net.train(3)
    data = net.examples
    for _ in range(3):
        numpy_steps(weights, data.train_x, data.train_y, 0.1, 10, l2)
    for expected, actual in zip(weights, net.weights(), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=2e-4, atol=2e-5)
    value = data.test_x.astype(np.float64)
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        value = np.tanh(value @ kernel + bias)
    np.testing.assert_allclose(net.look(data.test_x)[-1], value, rtol=1e-3, atol=1e-4)
    assert net.score.test_loss == pytest.approx(float(np.mean((value - data.test_y) ** 2) / 2), rel=1e-3)
    assert net.score.test_accuracy == pytest.approx(float(np.mean((value > 0) == (data.test_y > 0))))


def test_inputs_and_losses_follow_their_formulas() -> None:
    """Features, cross-entropy, hinge and softmax, from their definitions."""
    x = grid(8).astype(np.float64)
    x1, x2 = x.T
    features = ["x1", "x2", "x1^2", "x2^2", "x1*x2", "sin x1", "sin x2"]
    net = net_of(features=features, layers=[2], loss="cross-entropy")
    expected = np.stack([x1, x2, x1**2, x2**2, x1 * x2, np.sin(x1), np.sin(x2)], axis=1)
    np.testing.assert_allclose(net.look(grid(8))[0], expected, rtol=1e-5, atol=1e-5)
    says = net.look(net.examples.test_x)[-1][:, 0].astype(np.float64)
    probability = np.where(net.examples.test_y[:, 0] > 0, (says + 1) / 2, (1 - says) / 2)
    assert net.score.test_loss == pytest.approx(float(-np.log(probability).mean()), rel=1e-3)

    net.configure(read_settings({"layers": [], "loss": "hinge"}))
    kernel, bias = net.weights()
    margin = net.examples.test_y * (net.examples.test_x @ kernel + bias)
    assert net.score.test_loss == pytest.approx(float(np.maximum(0, 1 - margin).mean()), rel=1e-4)

    net.configure(read_settings({"kind": "digits", "data": "scanned", "layers": [], "features": ["7x7"]}))
    picture = net.examples.test_x[:3]
    inputs, output = net.look(picture)
    np.testing.assert_allclose(
        inputs, picture.reshape(3, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(3, 49), rtol=1e-5, atol=1e-6
    )
    score = np.exp(inputs @ net.weights()[0] + net.weights()[1])
    np.testing.assert_allclose(output, score / score.sum(axis=1, keepdims=True), rtol=1e-4)
    net.close()


PROGRAMS = [
    {"data": "moons", "layers": [3]},
    {
        "data": "spiral", "features": ["x1", "sin x2"], "optimizer": "adam", "regularizer": "L1",
        "layers": [{"neurons": 3, "activation": "relu", "dropout": 0.3}, {"neurons": 2, "activation": "elu"}],
    },
    {
        "kind": "digits", "data": "scanned", "features": ["14x14"], "layers": [4], "examples": 300,
        "optimizer": "momentum",
    },
]  # fmt: skip


@pytest.mark.parametrize("settings", PROGRAMS, ids=["plain", "everything", "digits"])
def test_the_shown_program_builds_the_same_graph_and_reaches_the_same_loss(settings: dict[str, Any]) -> None:
    """`code` run by itself: node for node the same graph, and the loss that the playground shows."""
    net = net_of(**settings)
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(whole_code(net.settings, epochs=4), names)
    mine, theirs = net.program.graph.get_operations(), names["graph"].get_operations()
    assert [(op.name, op.type) for op in mine] == [(op.name, op.type) for op in theirs]
    net.train(4)
    assert net.score.test_loss == pytest.approx(float(names["test_loss"]), rel=1e-5)
    assert printed.getvalue() == f"test loss {names['test_loss']:.4f}\n"
    net.close()


def test_a_node_knows_its_line_of_the_program() -> None:
    """As with a learner's own cell."""
    net = net_of(layers=[3])
    node = next(op for op in net.program.graph.get_operations() if op.type == "Tanh")
    assert node.site.source() == net.program.code.splitlines()[node.site.line - 1].strip()
    assert node.site.source().startswith("hidden1 = tf.layers.dense(inputs, 3, tf.tanh")
    net.close()


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_do_what_their_comments_say(name: str) -> None:
    """Each is within the limits; those with a claim about the result keep it."""
    settings = preset_settings(name)
    assert graph_code(settings).startswith("import labkit as tf\n")
    claims = {
        "circle": (150, lambda s: s.test_accuracy > 0.97),
        "line-xor": (40, lambda s: s.test_accuracy < 0.85),
        "feature-xor": (40, lambda s: s.test_accuracy > 0.97),
        "zeros": (5, lambda s: s.train_accuracy < 0.6),
        "explodes": (80, lambda s: not np.isfinite(s.train_loss)),
        "overfit": (200, lambda s: s.test_loss > 2 * s.train_loss),
    }
    if name in claims:
        epochs, holds = claims[name]
        net = Net(settings)
        net.train(epochs)
        assert holds(net.score), net.score
        net.close()


def test_dead_relus_are_dead() -> None:
    """Some neuron of that preset gives 0 over the whole plane."""
    net = Net(preset_settings("dead-relu"))
    net.train(30)
    hidden = np.concatenate(net.look(grid(GRID))[1:-1], axis=1)
    assert (hidden == 0).all(axis=0).sum() >= 1
    net.close()


@pytest.mark.parametrize("data", ["circle", "xor", "gauss", "spiral", "moons"])
def test_points_follow_their_formulas(data: str) -> None:
    """Same seed, same points; without noise the label is a function of the place."""
    one, again, other = points(data, seed=3), points(data, seed=3), points(data, seed=4)
    for part, same in zip(one[:4], again[:4], strict=True):
        np.testing.assert_array_equal(part, same)
    assert (one.train_x != other.train_x).any()
    x = np.concatenate([one.train_x, one.test_x]).astype(np.float64)
    y = np.concatenate([one.train_y, one.test_y])[:, 0]
    radius = np.hypot(x[:, 0], x[:, 1])
    assert 0.3 < (y > 0).mean() < 0.7
    if data == "circle":
        assert radius[y > 0].max() <= 2.5 < 3.5 <= radius[y < 0].min()
    elif data == "xor":
        np.testing.assert_array_equal(y, np.sign(x[:, 0] * x[:, 1]))
        assert np.abs(x).min() >= 0.299
    elif data == "gauss":
        np.testing.assert_allclose(x[y > 0].mean(axis=0), [2, 2], atol=0.25)
        assert x[y < 0].std() == pytest.approx(np.sqrt(0.5), rel=0.2)
    elif data == "spiral":  # angle = 1.75 turns times radius / 5, half a turn apart
        angle = 1.75 * 2 * np.pi * radius / 5 + np.where(y > 0, 0, np.pi)
        np.testing.assert_allclose(x, radius[:, None] * np.stack([np.sin(angle), np.cos(angle)], 1), atol=1e-4)
    else:
        far = np.abs(np.hypot(x[:, 0] + 1.5, x[:, 1] + 0.75) / 3 - 1)[y > 0]
        assert np.median(far) < 0.05


def test_noise_moves_points_and_shares_divide_them() -> None:
    """50 per cent of noise mixes the clouds; 70 per cent to train is 70 per cent."""
    noisy = points("gauss", noise=50, examples=200, train_share=0.7)
    assert len(noisy.train_x) == 140
    assert len(noisy.test_x) == 60
    assert noisy.train_x[noisy.train_y[:, 0] > 0].std() > 1.5


def test_digits_are_pictures_with_their_labels() -> None:
    """784 numbers from 0 to 1, and one hot labels, the same for the same seed."""
    data = drawn_digits("scanned", examples=100, train_share=0.8, seed=2)
    assert (data.train_x.shape, data.test_y.shape) == ((80, 784), (20, 10))
    assert 0 <= data.train_x.min() < data.train_x.max() <= 1
    assert (data.train_y.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(data.train_x, drawn_digits("scanned", 100, 0.8, 2).train_x)


def test_what_is_fed_changes_no_graph_and_loses_no_weights() -> None:
    """A rate, a batch size: the same graph goes on; a neuron more: another graph, from the beginning; back: kept."""
    net = net_of(layers=[2])
    net.train(2)
    graph, weights = net.program.graph, net.weights()
    assert not net.configure(read_settings({"layers": [2], "learning_rate": 0.3, "batch_size": 20}))
    assert net.program.graph is graph
    np.testing.assert_array_equal(net.weights()[0], weights[0])
    net.train(1)
    assert net.epoch == 3
    assert net.configure(read_settings({"layers": [3]}))
    assert net.program.graph is not graph
    assert net.epoch == 0
    net.configure(read_settings({"layers": [2]}))
    assert net.program.graph is graph
    net.train(2)
    np.testing.assert_array_equal(net.weights()[0], weights[0])  # as at the first time
    net.close()


def test_the_curve_has_at_most_400_points_and_ends_now() -> None:
    """Thinned evenly: first score, last score, and steps of a power of two."""
    net = net_of(layers=[], examples=40, batch_size=20)
    net.train(1000)
    epochs = [score.epoch for score in net.curve]
    assert (epochs[0], epochs[-1]) == (0, 1000)
    assert len(epochs) <= 401
    steps = set(np.diff(epochs[:-1]).tolist())
    assert len(steps) == 1
    net.close()


def test_a_weight_can_be_set_and_must_exist() -> None:
    """Training goes on from there."""
    net = net_of(layers=[2])
    net.set_weight(0, (1, 0), 2.5)
    assert net.weights()[0][1, 0] == 2.5
    for array, place, value in [(9, (0,), 1.0), (0, (0,), 1.0), (0, (5, 0), 1.0), (0, (-1, 0), 1.0), (-1, (0,), 1.0)]:
        with pytest.raises(ValueError, match="there is no weight"):
            net.set_weight(array, place, value)
    with pytest.raises(ValueError, match="a weight is a number"):
        net.set_weight(0, (0, 0), float("nan"))
    net.close()
    with pytest.raises(RuntimeError, match="closed"):
        net.train()


REFUSED = [
    ({"data": "stars"}, "data must be one of circle, xor, gauss, spiral, moons, not 'stars'."),
    ({"kind": ["points"]}, "kind must be one of points, digits"),
    ({"kind": "digits", "data": "xor"}, "data must be one of handwritten, scanned, not 'xor'."),
    ({"noise": 70}, "noise must be from 0 to 50, not 70."),
    ({"noise": float("nan")}, "noise must be from 0 to 50, not nan."),
    ({"learning_rate": "1"}, "learning_rate must be from 1e-06 to 100, not '1'."),
    ({"learning_rate": True}, "learning_rate must be"),
    ({"batch_size": 2.5}, "batch_size must be a whole number from 1 to 200, not 2.5."),
    ({"batch_size": 10**30}, "batch_size must be"),
    ({"layers": "44"}, "layers must be a list, not '44'."),
    ({"layers": [9]}, r"layers\[0\]: neurons must be from 1 to 8, not 9."),
    ({"layers": [1] * 7}, "at most 6 hidden layers, not 7."),
    ({"layers": [{"neurons": 2, "activation": "__import__('os')"}]}, r"layers\[0\]: activation must be one of tanh"),
    ({"layers": [{"neurons": 2, "size": 1}]}, r"layers\[0\] has neurons, activation and dropout, but no 'size'."),
    ({"features": []}, "features must name at least one of"),
    ({"features": ["x1", "os.system"]}, "features must be one of x1"),
    ({"initializer": "glorot\n"}, "initializer must be one of"),
    ({"seed": -1}, "seed must be from 0 to"),
    ({"seeds": 1}, "there is no setting 'seeds'."),
    ({"x" * 1000: 1}, r"there is no setting 'x+\.\.\."),
]


@pytest.mark.parametrize(("values", "message"), REFUSED)
def test_settings_outside_the_tables_are_refused_by_name(values: dict[str, Any], message: str) -> None:
    """Nothing unchecked can reach the program's lines."""
    with pytest.raises(SettingsError, match=message):
        read_settings(values)


def test_settings_are_json_and_limits_are_parameters() -> None:
    """Round trip; a larger limit lets more in."""
    settings = read_settings({"kind": "digits", "layers": [30, 20], "seed": 5})
    assert read_settings(settings.to_json()) == settings
    assert read_settings({"layers": [12] * 9}, Limits(layers=9, neurons=12)).layers[8].neurons == 12
    assert read_settings({}) == Settings()
    with pytest.raises(SettingsError, match="must be a dictionary"):
        read_settings([1])  # type: ignore[arg-type]
