"""The program that builds the playground's net, as lines that a learner can take into a cell.

The playground runs these very lines, so what is shown is what trains: `graph_code` writes them, `playground.Net`
executes them, and every node of the graph knows the line that made it, as with a cell of the learner's own.

Why text and not a function that builds the graph: there would be two descriptions of one net, and a test that they are
equal. What is put into the lines are numbers and words of the tables in `playground_settings`, checked before.

Example:
    >>> from labkit_widgets.playground_settings import read_settings
    >>> print(graph_code(read_settings({"layers": []})).splitlines()[-1])
        init = tf.global_variables_initializer()
"""

from __future__ import annotations

from labkit_widgets.playground_settings import Layer, Settings

_FEATURES = {
    "x1": "x1", "x2": "x2", "x1^2": "tf.square(x1)", "x2^2": "tf.square(x2)", "x1*x2": "x1 * x2",
    "sin x1": "tf.sin(x1)", "sin x2": "tf.sin(x2)",
}  # fmt: skip
_ACTIVATIONS = {
    "tanh": "tf.tanh", "relu": "tf.nn.relu", "sigmoid": "tf.sigmoid", "linear": "None", "elu": "tf.nn.elu",
    "leaky relu": "tf.nn.leaky_relu",
}  # fmt: skip
_INITIALIZERS = {
    "glorot": "tf.glorot_uniform_initializer()",
    "he": "tf.variance_scaling_initializer(scale=2.0)",
    "normal": "tf.random_normal_initializer(stddev=1.0)",
    "large": "tf.random_normal_initializer(stddev=4.0)",
    "small": "tf.random_normal_initializer(stddev=0.03)",
    "uniform": "tf.random_uniform_initializer(-0.5, 0.5)",
    "zeros": "tf.zeros_initializer()",
}
_OPTIMIZERS = {
    "descent": "tf.train.GradientDescentOptimizer(learning_rate)",
    "momentum": "tf.train.MomentumOptimizer(learning_rate, momentum=0.9)",
    "adam": "tf.train.AdamOptimizer(learning_rate)",
}
_PENALTIES = {"L1": "tf.reduce_sum(tf.abs(w))", "L2": "tf.nn.l2_loss(w)"}
_LOSSES = {
    ("points", "squared"): ("tf.tanh(score)", "tf.square(prediction - y) / 2"),
    ("points", "cross-entropy"): (
        "2 * tf.sigmoid(score) - 1",
        "tf.nn.sigmoid_cross_entropy_with_logits(labels=(y + 1) / 2, logits=score)",
    ),
    ("points", "hinge"): ("tf.clip_by_value(score, -1.0, 1.0)", "tf.nn.relu(1 - y * score)"),
    ("digits", "cross-entropy"): (
        "tf.nn.softmax(score)",
        "tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=score)",
    ),
    ("digits", "squared"): ("tf.nn.softmax(score)", "tf.square(prediction - y) / 2"),
}


def has_dropout(settings: Settings) -> bool:
    """True if some layer silences neurons in training."""
    return any(layer.dropout for layer in settings.layers)


def graph_code(settings: Settings) -> str:
    """The lines from `import` to the last node of the graph.

    Args:
        settings: which net.

    Returns:
        Lines of Python. They bind `graph`, `x`, `y`, `learning_rate`, `inputs`, `hidden1`, ..., `score`, `prediction`,
        `loss`, `accuracy`, `weights`, `train` and `init`; with dropout `keep`; with a regularizer `regularization`.
    """
    lines = ["import labkit as tf", "", "graph = tf.Graph()", "with graph.as_default():"]
    body = [f"tf.set_random_seed({settings.seed})", *_inputs(settings)]
    if has_dropout(settings):
        count = len(settings.layers)
        body.append(f'keep = tf.placeholder(tf.float32, [{count}], name="keep")  # per layer, 1 when testing')
    body += ["", f"initializer = {_INITIALIZERS[settings.initializer]}"]
    previous = "inputs"
    for number, layer in enumerate(settings.layers, 1):
        name = f"hidden{number}"
        body.append(_dense(name, previous, layer.neurons, _ACTIVATIONS[layer.activation]))
        previous = name
        if layer.dropout:
            previous = f"dropped{number}"
            body.append(f'{previous} = tf.nn.dropout({name}, keep[{number - 1}], name="{previous}")')
    outputs = 1 if settings.kind == "points" else 10
    prediction, loss = _LOSSES[settings.kind, settings.loss]
    body.append(_dense("score", previous, outputs, ""))
    body += [f'prediction = tf.identity({prediction}, name="prediction")', "", *_loss(settings, loss)]
    optimizer = _OPTIMIZERS[settings.optimizer]
    body += [f'train = {optimizer}.minimize(total, name="train")', "init = tf.global_variables_initializer()"]
    return "\n".join([*lines, *(f"    {line}" if line else "" for line in body)]) + "\n"


def _dense(name: str, inputs: str, units: int, activation: str) -> str:
    bend = f", {activation}" if activation else ""
    return f'{name} = tf.layers.dense({inputs}, {units}{bend}, kernel_initializer=initializer, name="{name}")'


def _inputs(settings: Settings) -> list[str]:
    rate = 'learning_rate = tf.placeholder(tf.float32, [], name="learning_rate")'
    if settings.kind == "digits":
        side = int(settings.features[0].partition("x")[0])
        small = ["inputs = x"]
        if side != 28:
            small = [
                "pictures = tf.reshape(x, [-1, 28, 28, 1])",
                f"pictures = tf.layers.average_pooling2d(pictures, {28 // side}, {28 // side})",
                f'inputs = tf.reshape(pictures, [-1, {side * side}], name="inputs")',
            ]
        return [
            'x = tf.placeholder(tf.float32, [None, 784], name="x")  # pictures of 28 x 28, 1 is ink',
            'y = tf.placeholder(tf.float32, [None, 10], name="y")  # a 1 in the place of the right digit',
            rate,
            *small,
        ]
    features = [_FEATURES[name] for name in settings.features]
    if settings.features == ("x1", "x2"):
        columns = ["inputs = x"]
    else:
        columns = [
            "x1, x2 = x[:, :1], x[:, 1:]",
            f'inputs = tf.concat([{", ".join(features)}], axis=1, name="inputs")',
        ]
    return [
        'x = tf.placeholder(tf.float32, [None, 2], name="x")  # points',
        'y = tf.placeholder(tf.float32, [None, 1], name="y")  # +1 or -1',
        rate,
        *columns,
    ]


def _loss(settings: Settings, formula: str) -> list[str]:
    axes = ", axis=1" if (settings.kind, settings.loss) == ("digits", "squared") else ""
    formula = f"tf.reduce_sum({formula}{axes})" if axes else formula
    right = (
        "tf.equal(score > 0, y > 0)"
        if settings.kind == "points"
        else "tf.equal(tf.argmax(score, 1), tf.argmax(y, 1))"
    )  # fmt: skip
    lines = [
        f'loss = tf.reduce_mean({formula}, name="loss")',
        f'accuracy = tf.reduce_mean(tf.cast({right}, tf.float32), name="accuracy")',
        "weights = tf.trainable_variables()  # kernel and bias, layer after layer",
    ]
    if settings.regularizer == "none":
        return [*lines, "total = loss"]
    penalty = _PENALTIES[settings.regularizer]
    return [
        *lines,
        'regularization = tf.placeholder(tf.float32, [], name="regularization")',
        f'total = tf.add(loss, regularization * tf.add_n([{penalty} for w in weights[::2]]), name="total")',
    ]


def feeds_code(settings: Settings) -> tuple[str, str]:
    """What is fed beside x and y: in training, and in testing."""
    train, test = f"learning_rate: {settings.learning_rate!r}", ""
    if has_dropout(settings):
        train += f", keep: {_keep(settings.layers)}"
        test += f", keep: {[1.0] * len(settings.layers)}"
    if settings.regularizer != "none":
        train += f", regularization: {settings.regularization!r}"
    return train, test


def _keep(layers: tuple[Layer, ...]) -> list[float]:
    return [round(1 - layer.dropout, 6) for layer in layers]


def data_code(settings: Settings) -> str:
    """The lines that make the examples."""
    function = "points" if settings.kind == "points" else "drawn_digits"
    noise = f"noise={settings.noise!r}, " if settings.kind == "points" else ""
    return (
        f"from labkit_widgets.playground_data import {function}\n\n"
        f'data = {function}("{settings.data}", {noise}examples={settings.examples}, '
        f"train_share={settings.train_share!r}, seed={settings.seed})\n"
    )


def training_code(settings: Settings, epochs: int) -> str:
    """The lines that train for some epochs and print the loss of the test examples."""
    train, test = feeds_code(settings)
    size = settings.batch_size
    return f"""with tf.Session(graph=graph) as sess:
    sess.run(init)
    for epoch in range({epochs}):
        for start in range(0, len(data.train_x) - {size - 1}, {size}):
            batch = slice(start, start + {size})
            sess.run(train, {{x: data.train_x[batch], y: data.train_y[batch], {train}}})
    test_loss = sess.run(loss, {{x: data.test_x, y: data.test_y{test}}})
print(f"test loss {{test_loss:.4f}}")
"""


def whole_code(settings: Settings, epochs: int) -> str:
    """A program that runs by itself: data, graph, training.

    Args:
        settings: which net and which data.
        epochs: how long to train.

    Returns:
        Lines of Python.
    """
    return f"{data_code(settings)}\n{graph_code(settings)}\n{training_code(settings, epochs)}"
