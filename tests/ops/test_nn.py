"""`tf.nn` against TensorFlow's own numbers, against loops, and the errors it teaches with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import labkit as tf
from labkit.errors import LabkitError

GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "nn.json").read_text())["cases"]


def _name(case: dict[str, Any]) -> str:
    return case["function"] + "".join(f"-{value}" for value in case["keywords"].values()).replace(" ", "")


def _build(case: dict[str, Any], dtype: Any, known: bool = True) -> tuple[Any, list[Any], dict[Any, Any]]:
    """The function of a golden case applied to placeholders; their values."""
    arrays = [
        np.asarray(value, np.int32 if i in case["integer"] else dtype.as_numpy_dtype)
        for i, value in enumerate(case["arguments"])
    ]
    fed = [tf.placeholder(tf.as_dtype(array.dtype), array.shape if known else None) for array in arrays]
    function = getattr(tf.nn, case["function"])
    if "names" in case:
        result = function(**dict(zip(case["names"], fed, strict=True)))
    else:
        result = function(*fed, **case["keywords"])
    if isinstance(result, tuple):
        result = result[0]
    return result, fed, dict(zip(fed, arrays, strict=True))


@pytest.mark.parametrize("case", GOLDEN, ids=_name)
def test_values_and_gradients_are_tensorflows(case: dict[str, Any]) -> None:
    """Output and gradients of every golden case equal what TensorFlow computed."""
    y, fed, feeds = _build(case, tf.float32)
    weights = tf.constant(np.asarray(case["weights"], np.float32))
    grads = tf.gradients(y, [fed[i] for i in case["wrt"]], [weights])
    output, *slopes = tf.Session().run([y, *grads], feeds)
    np.testing.assert_allclose(output, case["output"], rtol=2e-5, atol=2e-5)
    for slope, expected in zip(slopes, case["gradients"], strict=True):
        np.testing.assert_allclose(slope, expected, rtol=2e-5, atol=5e-5)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float64], ids=str)
@pytest.mark.parametrize("case", GOLDEN[::3], ids=_name)
def test_other_float_types_keep_their_type_and_come_near(case: dict[str, Any], dtype: tf.DType) -> None:
    """float16, bfloat16 and float64 work, forwards and backwards, and are not changed into one another."""
    y, fed, feeds = _build(case, dtype)
    grads = tf.gradients(y, [fed[i] for i in case["wrt"]])
    output, *slopes = tf.Session().run([y, *grads], feeds)
    assert {y.dtype, *(grad.dtype for grad in grads)} == {dtype}
    assert all(np.asarray(slope).dtype == dtype.as_numpy_dtype for slope in (output, *slopes))
    size = 1 + np.abs(np.asarray(case["output"])).max()
    near = {tf.float16: 4e-3, tf.bfloat16: 4e-2, tf.float64: 2e-6}[dtype]
    np.testing.assert_allclose(np.asarray(output, np.float64) / size, np.asarray(case["output"]) / size, atol=near)


@pytest.mark.parametrize(
    "case", [c for c in GOLDEN if c["function"] in ("conv2d", "max_pool", "lrn", "softmax")], ids=_name
)
def test_unknown_batch_is_inferred_and_runs(case: dict[str, Any]) -> None:
    """With a batch size of None, all other sizes are known, and gradients have the shape of what they belong to."""
    arrays = [np.asarray(value, np.float32) for value in case["arguments"]]
    x = tf.placeholder(tf.float32, [None, *arrays[0].shape[1:]])
    rest = [tf.constant(array) for array in arrays[1:]]
    y = getattr(tf.nn, case["function"])(x, *rest, **case["keywords"])
    expected = np.asarray(case["output"]).shape
    assert y.shape.as_list() == [None, *expected[1:]]
    (grad,) = tf.gradients(y, x)
    assert grad.shape.as_list() == x.shape.as_list()
    assert tf.Session().run(grad, {x: arrays[0]}).shape == arrays[0].shape


def _loops(x: np.ndarray, f: np.ndarray, s: int, padding: str) -> np.ndarray:
    """Convolution by its definition."""
    n, h, w, _ = x.shape
    kh, kw, _, out = f.shape
    if padding == "SAME":
        oh, ow = -(-h // s), -(-w // s)
        ph, pw = max((oh - 1) * s + kh - h, 0), max((ow - 1) * s + kw - w, 0)
        x = np.pad(x, ((0, 0), (ph // 2, ph - ph // 2), (pw // 2, pw - pw // 2), (0, 0)))
    else:
        oh, ow = (h - kh) // s + 1, (w - kw) // s + 1
    y = np.zeros((n, oh, ow, out))
    for i in range(oh):
        for j in range(ow):
            y[:, i, j] = np.tensordot(x[:, i * s : i * s + kh, j * s : j * s + kw], f, 3)
    return y


@pytest.mark.parametrize(("size", "window", "stride"), [(5, 2, 2), (6, 4, 2), (7, 4, 3), (4, 3, 1), (9, 5, 4)])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_convolution_is_its_definition(size: int, window: int, stride: int, padding: str, layout: str) -> None:
    """`conv2d` equals loops over places, in both layouts, also for even windows with stride 2 and padding SAME."""
    rng = np.random.default_rng(0)
    x, f = rng.normal(size=(2, size, size + 1, 3)), rng.normal(size=(window, window, 3, 2))
    expected = _loops(x, f, stride, padding)
    strides = [1, stride, stride, 1] if layout == "NHWC" else [1, 1, stride, stride]
    image = x if layout == "NHWC" else x.transpose(0, 3, 1, 2)
    y = tf.Session().run(tf.nn.conv2d(tf.constant(image), tf.constant(f), strides, padding, data_format=layout))
    np.testing.assert_allclose(y if layout == "NHWC" else y.transpose(0, 2, 3, 1), expected, rtol=1e-10)


@pytest.mark.parametrize(("size", "window", "stride"), [(6, 2, 2), (7, 2, 2), (7, 3, 2), (5, 3, 1), (8, 2, 3)])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_gradient_of_max_pool_is_jaxs(size: int, window: int, stride: int, padding: str, layout: str) -> None:
    """The gradient of `max_pool` equals that of `reduce_window`, also where entries are equal: the first wins."""
    rng = np.random.default_rng(1)
    shape = (2, size, size, 3) if layout == "NHWC" else (2, 3, size, size)
    x = rng.integers(-1, 2, shape).astype(np.float32)
    move = [1, window, window, 1] if layout == "NHWC" else [1, 1, window, window]
    step = [1, stride, stride, 1] if layout == "NHWC" else [1, 1, stride, stride]

    def pooled(value: jax.Array) -> jax.Array:
        return jax.lax.reduce_window(value, -jnp.inf, jax.lax.max, move, step, padding)

    expected, pull_back = jax.vjp(pooled, jnp.asarray(x))
    weights = rng.integers(-4, 5, expected.shape).astype(np.float32)
    tensor = tf.constant(x)
    y = tf.nn.max_pool(tensor, move, step, padding, layout)
    got = tf.Session().run([y, *tf.gradients(y, tensor, [tf.constant(weights)])])
    np.testing.assert_array_equal(got[0], expected)
    np.testing.assert_array_equal(got[1], pull_back(jnp.asarray(weights))[0])


def test_max_pool_hands_the_gradient_of_a_nan_to_the_nan() -> None:
    """A NaN wins its window, so that whoever looks for it finds it in the gradient's way, too."""
    x = tf.constant(np.array([1, np.nan, 3, 2], np.float32).reshape(1, 2, 2, 1))
    y = tf.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    values = tf.Session().run([y, tf.gradients(y, x, [tf.constant(np.full((1, 1, 1, 1), 5, np.float32))])[0]])
    assert np.isnan(values[0]).all()
    assert values[1].sum() == 5


def _hessian_vector(function: Any, arrays: list[np.ndarray], index: int) -> tuple[np.ndarray, np.ndarray]:
    """Second derivative along a direction: labkit's, and the difference quotient of labkit's first derivative."""
    rng = np.random.default_rng(2)
    direction = rng.normal(size=arrays[index].shape)
    fed = [tf.placeholder(tf.float64, array.shape) for array in arrays]
    loss = tf.reduce_sum(tf.square(function(*fed)))
    (slope,) = tf.gradients(loss, fed[index])
    (second,) = tf.gradients(tf.reduce_sum(slope * direction), fed[index])
    session = tf.Session()

    def slope_at(step: float) -> np.ndarray:
        moved = [array + step * direction if i == index else array for i, array in enumerate(arrays)]
        return session.run(slope, dict(zip(fed, moved, strict=True)))

    quotient = (slope_at(1e-5) - slope_at(-1e-5)) / 2e-5
    return session.run(second, dict(zip(fed, arrays, strict=True))), quotient


SAME2: dict[str, Any] = {"strides": [1, 2, 2, 1], "padding": "SAME"}
SECOND = {
    "conv2d": (lambda x, f: tf.nn.conv2d(x, f, **SAME2), [(1, 4, 4, 2), (3, 3, 2, 2)]),
    "depthwise": (lambda x, f: tf.nn.depthwise_conv2d(x, f, **SAME2), [(1, 4, 4, 2), (2, 2, 2, 2)]),
    "conv3d": (lambda x, f: tf.nn.conv3d(x, f, [1] * 5, "VALID"), [(1, 2, 3, 2, 1), (2, 2, 1, 1, 2)]),
    "transpose": (lambda x, f: tf.nn.conv2d_transpose(x, f, [1, 4, 4, 1], **SAME2), [(1, 2, 2, 2), (2, 2, 1, 2)]),
    "max_pool": (lambda x: tf.nn.max_pool(tf.exp(x), [1, 2, 2, 1], **SAME2), [(1, 4, 5, 2)]),
    "avg_pool": (lambda x: tf.nn.avg_pool(tf.exp(x), [1, 3, 3, 1], **SAME2), [(1, 4, 5, 2)]),
    "lrn": (lambda x: tf.nn.lrn(x, 1), [(1, 1, 2, 4)]),
    "softmax": (tf.nn.softmax, [(2, 4)]),
    "softmax axis 0": (lambda x: tf.nn.softmax(x, 0), [(3, 2)]),
    "log_softmax": (tf.nn.log_softmax, [(2, 4)]),
    "fused_batch_norm": (lambda x, s, o: tf.nn.fused_batch_norm(x, s, o)[0], [(2, 2, 2, 3), (3,), (3,)]),
    "selu": (lambda x: tf.nn.selu(x), [(7,)]),
    "elu": (lambda x: tf.nn.elu(x), [(7,)]),
    "softplus": (tf.nn.softplus, [(7,)]),
    "softsign": (tf.nn.softsign, [(7,)]),
    "bias_add": (lambda x, b: tf.nn.bias_add(x, b, "NCHW"), [(2, 3, 2, 2), (3,)]),
    "top_k": (lambda x: tf.nn.top_k(tf.exp(x), 2).values, [(3, 4)]),
    "sparse cross entropy": (
        lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.constant([2, 0]), logits=x), [(2, 3)],
    ),
    "cross entropy": (
        lambda x: tf.nn.softmax_cross_entropy_with_logits(labels=[[0.2, 0.3, 0.5]] * 2, logits=x), [(2, 3)],
    ),
    "cross entropy along axis 0": (
        lambda x: tf.nn.softmax_cross_entropy_with_logits(labels=[[0.2, 0.3], [0.8, 0.7]], logits=x, dim=0), [(2, 2)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SECOND)
def test_second_derivatives(name: str) -> None:
    """The gradient of a gradient equals the difference quotient of the gradient, for each input."""
    function, shapes = SECOND[name]
    arrays = [np.random.default_rng(3).normal(size=shape) for shape in shapes]
    for index in range(len(arrays)):
        second, quotient = _hessian_vector(function, arrays, index)
        np.testing.assert_allclose(second, quotient, rtol=1e-5, atol=1e-6)


def test_cross_entropy_is_exact_for_scores_of_any_size() -> None:
    """Scores of a million neither overflow nor lose the loss, in both cross entropies."""
    logits = tf.constant([[1e6, 0.0, 1e6]])
    dense = tf.nn.softmax_cross_entropy_with_logits(labels=[[0.0, 0.0, 1.0]], logits=logits)
    sparse = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[1], logits=logits)
    losses = tf.Session().run([dense, sparse])
    np.testing.assert_allclose(losses, [[np.log(2)], [1e6]], rtol=1e-6)


def test_only_the_second_version_differentiates_the_labels() -> None:
    """No gradient flows to the labels of `softmax_cross_entropy_with_logits`; `_v2` gives -log_softmax."""
    logits, labels = tf.constant([[1.0, 2.0]]), tf.constant([[0.5, 0.5]])
    first = tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    second = tf.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits)
    assert tf.gradients(first, labels) == [None]
    slope = tf.Session().run(tf.gradients(second, labels)[0])
    np.testing.assert_allclose(slope, np.log1p(np.exp([[1.0, -1.0]])), rtol=1e-6)


def test_label_outside_the_classes_gives_nan() -> None:
    """A class number that does not exist makes the loss NaN instead of a wrong number."""
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 3, -1], logits=tf.zeros([3, 3]))
    np.testing.assert_array_equal(np.isnan(tf.Session().run(loss)), [False, True, True])


def test_moments_are_numpys() -> None:
    """Mean and variance over batch and image equal NumPy's; `keep_dims` keeps the axes; float16 stays float16."""
    x = np.random.default_rng(0).normal(3, 2, (4, 5, 6, 2)).astype(np.float32)
    mean, variance = tf.nn.moments(tf.constant(x), [0, 1, 2])
    kept, _ = tf.nn.moments(tf.constant(x), [0, 1, 2], keep_dims=True)
    values = tf.Session().run([mean, variance, kept])
    np.testing.assert_allclose(values[0], x.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(values[1], x.var((0, 1, 2)), rtol=1e-5)
    assert values[2].shape == (1, 1, 1, 2)
    assert tf.nn.moments(tf.constant(x.astype(np.float16)), [0])[0].dtype == tf.float16


def test_fused_batch_norm_with_given_moments() -> None:
    """With is_training=False, the given mean and variance are used, and missing ones are an error."""
    x = np.arange(8, dtype=np.float32).reshape(2, 2, 1, 2)
    y, _, _ = tf.nn.fused_batch_norm(tf.constant(x), [2.0, 1.0], [0.5, 0.0], [1.0, 2.0], [3.0, 0.0], 1.0,
                                     is_training=False)  # fmt: skip
    np.testing.assert_allclose(tf.Session().run(y), (x - [1, 2]) / np.sqrt([4, 1]) * [2, 1] + [0.5, 0], rtol=1e-6)
    with pytest.raises(ValueError, match="needs mean and variance"):
        tf.nn.fused_batch_norm(tf.constant(x), [1.0, 1.0], [0.0, 0.0], is_training=False)


def test_dropout_keeps_the_mean_and_the_share() -> None:
    """About keep_prob of the entries survive, scaled so that the mean stays; a fed keep_prob of 1 keeps all."""
    keep = tf.placeholder(tf.float32)
    x = tf.placeholder(tf.float32, [None, 1000])
    y = tf.nn.dropout(x, keep, seed=3)
    (slope,) = tf.gradients(y, x)
    session, ones = tf.Session(), np.ones([10, 1000], np.float32)
    value, grad = session.run([y, slope], {x: ones, keep: 0.25})
    assert set(np.unique(value)) == {0.0, 4.0}
    assert abs((value > 0).mean() - 0.25) < 0.02
    np.testing.assert_array_equal(grad, value)
    np.testing.assert_array_equal(session.run(y, {x: ones, keep: 1.0}), ones)


def test_dropout_makes_tensorflows_choices() -> None:
    """With a seed, two successive runs keep exactly the entries that TensorFlow 2.21's `tf.compat.v1` keeps."""
    y = tf.nn.dropout(tf.ones([24]), keep_prob=0.5, seed=42)
    session = tf.Session()
    kept = ["".join(str(int(value > 0)) for value in session.run(y)) for _ in range(2)]
    assert kept == ["111101000101110010011010", "100010100001001100000110"]


def test_dropout_by_channel() -> None:
    """`noise_shape` makes one choice for a whole channel; a constant keep_prob of 1 adds nothing to the graph."""
    y = tf.nn.dropout(tf.ones([8, 4, 4, 16]), 0.5, noise_shape=[8, 1, 1, 16], seed=1)
    value = tf.Session().run(y)
    assert (value == value[:, :1, :1]).all()
    x = tf.constant(1.0)
    assert tf.nn.dropout(x, 1.0) is x
    assert tf.nn.dropout(tf.ones([3]), rate=0.5).shape.as_list() == [3]


def test_top_k_and_in_top_k() -> None:
    """`top_k` gives the largest first, of equal ones the first; ties with the k-th count for `in_top_k`."""
    scores = np.array([[1.0, 3.0, 3.0, 2.0], [0.0, -1.0, 5.0, 4.0]], np.float32)
    values, indices = tf.Session().run(tf.nn.top_k(scores, 3))
    np.testing.assert_array_equal(values, -np.sort(-scores)[:, :3])
    np.testing.assert_array_equal(indices, np.argsort(-scores, kind="stable")[:, :3])
    for targets, k, expected in [([2, 3], 1, [True, False]), ([3, 3], 2, [False, True]), ([9, -1], 4, [False, False])]:
        got = tf.Session().run(tf.nn.in_top_k(tf.constant(scores), tf.constant(targets), k))
        np.testing.assert_array_equal(got, expected)


def test_node_names_are_tensorflows() -> None:
    """The nodes of a small network have the names that TensorFlow 1.4 gives them."""
    x, w = tf.placeholder(tf.float32, [None, 8, 8, 1], "x"), tf.Variable(tf.zeros([3, 3, 1, 2]), name="w")
    y = tf.nn.max_pool(tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, w, [1, 1, 1, 1], "SAME"), [0.0, 0.0])), [1, 2, 2, 1],
                       [1, 2, 2, 1], "SAME")  # fmt: skip
    flat = tf.nn.dropout(tf.reshape(y, [-1, 32]), tf.placeholder(tf.float32, name="keep"))
    loss = tf.nn.softmax_cross_entropy_with_logits(labels=flat, logits=flat)
    tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.placeholder(tf.int32, [None], "classes"), logits=flat)
    tf.nn.softmax(flat)
    tf.nn.top_k(flat)
    tf.nn.in_top_k(flat, tf.placeholder(tf.int32, [None], "classes_1"), 1)
    names = [node.name for node in tf.get_default_graph().get_operations()]
    for name in [
        "Conv2D", "BiasAdd", "BiasAdd/bias", "Relu", "MaxPool", "dropout/Shape", "dropout/random_uniform",
        "dropout/add",
        "dropout/random_uniform/RandomUniform", "dropout/Floor", "dropout/div", "dropout/mul", "Softmax", "TopKV2",
        "SoftmaxCrossEntropyWithLogits", "TopKV2/k", "in_top_k/InTopKV2", "in_top_k/InTopKV2/k",
        "SparseSoftmaxCrossEntropyWithLogits/SparseSoftmaxCrossEntropyWithLogits",
    ]:  # fmt: skip
        assert name in names
    tf.gradients(loss, w)
    grads = [node.name for node in tf.get_default_graph().get_operations() if node.name.startswith("gradients/")]
    for name in ["MaxPool_grad/MaxPoolGrad", "Relu_grad/ReluGrad", "BiasAdd_grad/BiasAddGrad",
                 "Conv2D_grad/Conv2DBackpropFilter"]:  # fmt: skip
        assert f"gradients/{name}" in grads


IMAGE = (2, 8, 8, 3)
ERRORS: dict[str, tuple[Any, str]] = {
    "channels": (lambda x: tf.nn.conv2d(x, tf.zeros([5, 5, 1, 4]), [1, 1, 1, 1], "SAME"),
                 "the input has 3 channels, the filter takes 1"),
    "padding": (lambda x: tf.nn.conv2d(x, tf.zeros([5, 5, 3, 4]), [1, 1, 1, 1], "same"),
                'padding must be "SAME" or "VALID", not \'same\''),
    "advice": (lambda x: tf.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "valid"), 'Try: padding="VALID"'),
    "strides": (lambda x: tf.nn.conv2d(x, tf.zeros([5, 5, 3, 4]), [2, 2], "SAME"),
                "strides needs 4 entries, one per axis of NHWC, and has 2"),
    "number": (lambda x: tf.nn.conv2d(x, tf.zeros([5, 5, 3, 4]), 2, "SAME"), "strides must be a list of whole numbers"),
    "zero": (lambda x: tf.nn.avg_pool(x, [1, 2, 2, 1], [1, 0, 0, 1], "SAME"), "strides must be at least 1"),
    "batch stride": (lambda x: tf.nn.conv2d(x, tf.zeros([5, 5, 3, 4]), [2, 1, 1, 1], "SAME"),
                     "along batch and channels"),
    "pool over batch": (lambda x: tf.nn.max_pool(x, [2, 1, 1, 1], [1, 1, 1, 1], "SAME"), "over the batch"),
    "too large": (lambda x: tf.nn.conv2d(x, tf.zeros([9, 9, 3, 4]), [1, 1, 1, 1], "VALID"),
                  "a window of 9 does not fit an axis of 8"),
    "layout": (lambda x: tf.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "SAME", "HWC"), 'must be "NHWC" or "NCHW"'),
    "rank": (lambda x: tf.nn.conv2d(tf.zeros([2, 784]), tf.zeros([5, 5, 1, 4]), [1, 1, 1, 1], "SAME"),
             "needs 4 axes .* has 2"),
    "rank advice": (lambda x: tf.nn.max_pool(tf.zeros([2, 784]), [1, 2, 2, 1], [1, 2, 2, 1], "SAME"),
                    "Try: tf.reshape"),
    "transposed": (lambda x: tf.nn.conv2d_transpose(x, tf.zeros([2, 2, 1, 3]), [2, 99, 16, 1], [1, 2, 2, 1]),
                   r"gives \[2, 50, 8, 3\], not \[2, 8, 8, 3\]"),
    "bias": (lambda x: tf.nn.bias_add(x, tf.zeros([4])),
             r"the value has 3 channels \(axis 3\), the bias has 4 entries"),
    "bias rank": (lambda x: tf.nn.bias_add(x, tf.zeros([1, 3])), "the bias must be a vector"),
    "logits": (lambda x: tf.nn.softmax_cross_entropy_with_logits(labels=tf.zeros([5, 10]), logits=tf.zeros([4, 10])),
               "must have one shape"),
    "dense for sparse": (
        lambda x: tf.nn.softmax_cross_entropy_with_logits(labels=tf.zeros([4]), logits=tf.zeros([4, 10])),
        "Try: tf.nn.sparse_softmax_cross_entropy_with_logits"),
    "sparse for dense": (
        lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.zeros([4, 9]), logits=tf.zeros([4, 9])),
        "Try: tf.nn.softmax_cross_entropy_with_logits for one-hot"),
    "one-hot integers": (
        lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.zeros([4, 9], tf.int32), logits=tf.zeros([4, 9])),
        r"tf.argmax\(labels, 1\)"),
    "column of labels": (
        lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.zeros([4, 1], tf.int32), logits=tf.zeros([4, 9])),
        r"Try: tf.squeeze\(labels, \[-1\]\)"),
    "positional": (lambda x: tf.nn.softmax_cross_entropy_with_logits_v2(x, x), "takes its arguments by name only"),
    "missing": (lambda x: tf.nn.sigmoid_cross_entropy_with_logits(labels=x), "logits is missing"),
    "integer logits": (lambda x: tf.nn.softmax_cross_entropy_with_logits(labels=[[1]], logits=[[1]]),
                       "logits must be floating point, not int32"),
    "sigmoid shapes": (lambda x: tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=tf.zeros([2])), "one shape"),
    "scalar softmax": (lambda x: tf.nn.softmax(1.0), "needs an axis"),
    "keep_prob": (lambda x: tf.nn.dropout(x, 0.0), "keep_prob must be above 0"),
    "integer dropout": (lambda x: tf.nn.dropout(tf.constant([1]), 0.5), "needs floating point, not int32"),
    "top_k": (lambda x: tf.nn.top_k(x, 4), "the 4 largest of 3 entries"),
    "in_top_k": (lambda x: tf.nn.in_top_k(tf.zeros([3, 4]), [1, 2], 1), "one target class per row"),
    "batch norm": (lambda x: tf.nn.fused_batch_norm(x, tf.zeros([4]), tf.zeros([3])), "scale has shape"),
    "pool": (lambda x: tf.nn.pool(x, [2, 2], "MEDIAN", "SAME"), '"MAX" or "AVG"'),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_is_wrong_and_what_to_do(name: str) -> None:
    """Each mistake raises a labkit error with its numbers, or with the advice."""
    wrong, message = ERRORS[name]
    with pytest.raises(LabkitError, match=message):
        wrong(tf.zeros(IMAGE))


def test_shapes_are_checked_when_they_become_known() -> None:
    """A batch of images with the wrong number of channels is refused when it is fed, in the same words."""
    x = tf.placeholder(tf.float32)
    y = tf.nn.conv2d(x, tf.zeros([3, 3, 1, 2]), [1, 1, 1, 1], "SAME")
    assert y.shape.as_list() == [None, None, None, 2]
    with pytest.raises(LabkitError, match="the input has 3 channels, the filter takes 1"):
        tf.Session().run(y, {x: np.zeros([1, 4, 4, 3], np.float32)})
