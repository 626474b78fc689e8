"""Wrong answers to the exercises, and the message each must get: what learners do, and what they are told.

`WRONG[number]` is a list of (source of the answer, part of the message). The source takes the place of the learner's
cell; `VARIABLES[number]` is the name that it gives the answer.
"""

VARIABLES = {
    "01.1": "names",
    "01.2": "runs",
    "01.3": "mean_of_squares",
    "01.4": "slope",
    "02.1": "after_one_step",
    "02.2": "descend",
    "02.3": "rate",
    "03.1": "header",
    "03.2": "accuracy",
    "03.3": "parameters",
    "05.1": "feeds",
    "05.2": "condition",
    "05.3": "safe_loss",
}

UNTRIED = {
    "01.1": "names = [...]",
    "01.2": "runs = {...}",
    "01.3": "def mean_of_squares(x):\n    return ...",
    "01.4": "def slope(f, at):\n    return ...",
    "02.1": "after_one_step = (..., ...)",
    "02.2": "def descend(W, b, loss, rate):\n    return ...",
    "02.3": "rate = ...",
    "03.1": "def header(data):\n    return ...",
    "03.2": "def accuracy(scores, labels):\n    return ...",
    "03.3": "parameters = ...",
    "05.1": "feeds = {...: ...}",
    "05.2": "condition = ...",
    "05.3": "def safe_loss(logits, labels):\n    return ...",
}


def _function(head: str, body: str) -> str:
    return f"def {head}:\n    " + body.replace("\n", "\n    ")


def _mean(body: str) -> str:
    return _function("mean_of_squares(x)", body)


def _slope(body: str) -> str:
    return _function("slope(f, at)", body)


def _descend(body: str) -> str:
    return _function("descend(W, b, loss, rate)", "dW, db = tf.gradients(loss, [W, b])\n" + body)


def _header(body: str) -> str:
    return _function("header(data)", body)


def _accuracy(body: str) -> str:
    return _function("accuracy(scores, labels)", "right = tf.equal(tf.argmax(scores, 1), labels)\n" + body)


def _loss(body: str) -> str:
    return _function("safe_loss(logits, labels)", body)


WRONG = {
    "01.1": [
        ('names = ["Const", "Const", "add", "mul"]', "two operations cannot have one name"),
        ('names = ["x", "y", "z", "w"]', "names of Python variables"),
        ('names = ["Const:0", "Const_1:0", "add:0", "mul:0"]', "name of a tensor"),
        ('names = ["Const", "Const_1", "Add", "Mul"]', "types of operations"),
        ('names = ["Const_1", "Const", "add", "mul"]', "in another order"),
        ('names = ["add", "mul"]', "2 names, but the four lines make 4"),
        ('names = ["Const", "Const_2", "add", "mul"]', "'Const_2' is not among them"),
        ('names = "Const"', "one string is not a list"),
        ("names = [1, 2]", "names are strings"),
        ("names = 4", "names were asked for"),
    ],
    "01.2": [
        ('runs = {"a", "b", "c", "d", "e"}', "e needs d, but d does not need e"),
        ('runs = {"a", "b", "c", "d", "f"}', "nothing on the way to d uses f"),
        ('runs = {"c", "d"}', "constants are operations too"),
        ('runs = {"a", "b", "d"}', "'c' is missing"),
        ('runs = {"d:0"}', "these are tensors"),
        ('runs = {"a", "b", "c", "d", "total"}', "no node 'total'"),
    ],
    "01.3": [
        (_mean("return tf.square(tf.reduce_mean(x))"), "square of the mean"),
        (_mean("return tf.reduce_sum(tf.square(x))"), "sum of the squares"),
        (_mean("return tf.reduce_mean(x)"), "not of their squares"),
        (_mean("return tf.reduce_mean(tf.square(x), axis=0, keep_dims=True)"), "an array of shape (1,)"),
        (_mean("tf.reduce_mean(tf.square(x))"), "forget `return`"),
        (_mean("return 11.0"), "not a tensor"),
        (_mean("return [tf.reduce_mean(tf.square(x))]"), "gave a list"),
        (_mean("return tf.reduce_mean(tf.square(x)) + 1.0"), "the mean of the squares is 12.5"),
        (_mean("return tf.reduce_mean(tf.square(tf.Graph()))"), "your code raised"),
        ("mean_of_squares = 3", "pass the function itself"),
    ],
    "01.4": [
        (_slope("x = tf.constant(at)\nreturn tf.gradients(f(x), x)"), "tf.gradients gives a list"),
        (_slope("x = tf.constant(at)\nreturn tf.gradients(f(x), x)[0]"), "gave a tensor"),
        (_slope("return (f(at + 1e-3) - f(at)) / 1e-3"), "gradients in a graph are exact"),
        (_slope("return f(at)"), "the value of f, not its slope"),
        (_slope("return 0.0"), "the slope of x * x * x at 2.0 is 12, and you gave 0"),
        (_slope("f(at)"), "forget `return`"),
        (_slope('return "12"'), "one number was asked for"),
        ("slope = 3", "pass the function itself"),
    ],
    "02.1": [
        ("after_one_step = (0.3 + 0.52, -0.3 + 0.156)", "uphill"),
        ("after_one_step = (0.3 - 52, -0.3 - 15.6)", "Multiply it by the learning rate"),
        ("after_one_step = (0.3 - 0.26, -0.3 - 0.078)", "half of the step"),
        ("after_one_step = (0.3 - 0.13, -0.3 - 0.039)", "a quarter of the step"),
        ("after_one_step = (52.0, 15.6)", "the gradient itself"),
        ("after_one_step = (-0.456, -0.22)", "the wrong way round"),
        ("after_one_step = (-0.22, 0.0)", "b is not"),
        ("after_one_step = (0.0, -0.456)", "W is not"),
        ("after_one_step = (5.0, 5.0)", "Where does 0.01 of it lead"),
        ("after_one_step = (1.0, 2.0, 3.0)", "you gave 3"),
        ("after_one_step = 3.0", "two numbers were asked for"),
    ],
    "02.2": [
        (_descend("return tf.group(W.assign_add(rate * dW), b.assign_add(rate * db))"), "uphill"),
        (_descend("return tf.group(W.assign_sub(dW), b.assign_sub(db))"), "ignores the rate"),
        (_descend("return W.assign_sub(rate * dW)"), "b is not where it should be"),
        (_descend("return tf.group(dW, db)"), "changed nothing"),
        (_descend("return tf.group(W.assign(-rate * dW), b.assign(-rate * db))"), "assign replaces"),
        (_descend("tf.group(W.assign_sub(rate * dW), b.assign_sub(rate * db))"), "forget `return`"),
        (_descend("return 3"), "must give an operation to run"),
        (_descend("return tf.group(W.assign_sub(2 * rate * dW), b.assign_sub(2 * rate * db))"), "yours leads to"),
        ("descend = 3", "pass the function itself"),
    ],
    "02.3": [
        ("rate = 0.1", "the loss grew"),
        ("rate = 0.01", "Try more"),
        ("rate = 0.0295", "Try a little less"),
        ("rate = -0.01", "never comes nearer"),
        ('rate = "fast"', "one number was asked for"),
    ],
    "03.1": [
        (_header("import struct\nreturn struct.unpack('<IIII', data[:16])"), "from the wrong end"),
        (_header("import struct\nreturn struct.unpack('>IIII', data[4:20])"), "you began at the fifth byte"),
        (_header("return data[0:4], data[4:8], data[8:12], data[12:16]"), "these are still bytes"),
        (_header("return data[:16]"), "four whole numbers"),
        (_header("return 2051, 60000, 28, 28"), "read them from `data`"),
        (_header("return tuple(data[3:16:4])"), "each number has four bytes"),
        (_header("return 2051, 60000"), "you gave 2"),
        (_header("return 1, 2, 3, 4"), "for a file of 60000 pictures"),
        (_header("data[:16]"), "forget `return`"),
        (_header("return data['magic']"), "your code raised TypeError"),
    ],
    "03.2": [
        (_accuracy("return 1.0 - tf.reduce_mean(tf.cast(right, tf.float32))"), "the share of mistakes"),
        (_accuracy("return tf.reduce_sum(tf.cast(right, tf.float32))"), "Take the mean"),
        (_accuracy("return right"), "Cast it to float32"),
        (_accuracy("return tf.cast(right, tf.float32)"), "one number was asked for"),
        (_accuracy("return tf.reduce_mean(right)"), "your code raised"),
        (_accuracy("return tf.constant(0.5)"), "tf.argmax(scores, 1)"),
    ],
    "03.3": [
        ("parameters = 1662752", "left out the biases"),
        ("parameters = 832 + 51264 + (28 * 28 * 64 + 1) * 512 + 5130", "28, 14, 7"),
        ("parameters = 832 + 51264 + (14 * 14 * 64 + 1) * 512 + 5130", "28, 14, 7"),
        ("parameters = 1663370 - 5130", "the last layer"),
        ("parameters = 832 + 51264 + 5130", "nearly all of the net"),
        ("parameters = 8", "How many numbers are in them"),
        ("parameters = 1000000", "too few"),
        ("parameters = 2000000", "too many"),
    ],
    "05.1": [
        ('feeds = {"sums:0": [9.0, 25.0]}', "then lengths and longest must run"),
        ('feeds = {"lengths": [5.0]}', "is an operation. Its output, the edge, is 'lengths:0'"),
        ('feeds = {"longest:0": 5.0}', "nothing runs at all"),
        ('feeds = {"arrows:0": [[3.0, 4.0]]}', "squares and sums and lengths and longest must run"),
        ('feeds = {"length:0": [5.0]}', "the graph has no edge 'length:0'"),
        ('feeds = {"lengths:0": [3.0, 4.0]}', "longest becomes 4, not 5"),
        ('feeds = {"lengths:0": [5.0], "sums:0": [25.0]}', "you feed 2"),
        ('feeds = ["lengths:0", 5.0]', "a dictionary was asked for"),
        ("feeds = {5.0: 5.0}", "name the edge by a string"),
    ],
    "05.2": [
        ('condition = "max > 100"', "it stops behind 'third', whose largest value is 723.1"),
        ('condition = "max > 1e12"', "stops nowhere"),
        ('condition = "x > 1000"', "cannot read 'x > 1000' at 'x'"),
        ('condition = "name == fourth"', "Say what the values are like"),
        ("condition = 1000", "a condition is text"),
        ('condition = "max < 1000"', "it stops behind 'first'"),
    ],
    "05.3": [
        (
            _loss("return -tf.reduce_mean(tf.reduce_sum(labels * tf.log(tf.nn.softmax(logits)), 1))"),
            "the logarithm of 0",
        ),
        (
            _loss(
                "y = tf.clip_by_value(tf.nn.softmax(logits), 1e-10, 1.0)\n"
                "return -tf.reduce_mean(tf.reduce_sum(labels * tf.log(y), 1))"
            ),
            "Clipping hides",
        ),
        (
            _loss("return tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits)"),
            "one loss for each row",
        ),
        (
            _loss("return tf.reduce_sum(tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits))"),
            "the sum over the rows",
        ),
        (_loss("return -tf.reduce_mean(labels * tf.nn.log_softmax(logits))"), "a third of it"),
        (_loss("return tf.reduce_mean(tf.square(labels - tf.nn.softmax(logits)))"), "and the loss is"),
        (_loss("return 0.5"), "not a tensor"),
        (_loss("tf.reduce_mean(logits)"), "forget `return`"),
        ("safe_loss = 3", "pass the function itself"),
    ],
}
