"""Wrong answers to the exercises, and the message each must get: what learners do, and what they are told.

`WRONG[number]` is a list of (source of the answer, part of the message). The source takes the place of the learner's
cell; `VARIABLES[number]` is the name that it gives the answer.
"""

VARIABLES = {
    "00.1": "numbers",
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
    "04.1": "values",
    "04.2": "saver_of_hidden",
    "04.3": "newton",
    "04.4": "clipped_step",
    "05.1": "feeds",
    "05.2": "condition",
    "05.3": "safe_loss",
    "06.1": "laplace",
    "06.2": "next_board",
    "06.3": "surf",
    "07.1": "parameters",
    "07.2": "feature",
    "07.3": "xor",
    "08.1": "devices",
    "08.2": "milliseconds",
    "08.3": "where",
    "08.4": "on_cpu",
    "09.1": "ends",
    "09.2": "score",
    "09.3": "tasks",
    "10.1": "in_two",
    "10.2": "seconds",
    "10.3": "cell_times",
    "10.4": "microbatches",
    "11.1": "rate",
    "11.2": "sent",
    "11.3": "asynchronous",
    "11.4": "most",
    "12.1": "step_seconds",
    "12.2": "send",
    "12.3": "every",
    "12.4": "seconds",
    "13.1": "steps",
    "13.2": "saboteur",
    "13.3": "milliseconds",
}

GENERAL = (
    "forget `return`", "pass the function itself", "your code raised", "your function fails", "gave a list",
    "one number was asked for", "not a tensor", "must give an operation to run", "Take the number out",
)  # fmt: skip
"""Messages of mistakes that can be made in any exercise."""

UNTRIED = {
    "00.1": "numbers = ...",
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
    "04.1": "values = (..., ..., ..., ...)",
    "04.2": "def saver_of_hidden():\n    return ...",
    "04.3": "def newton(loss, x):\n    return ...",
    "04.4": "def clipped_step(loss, rate, limit):\n    return ...",
    "05.1": "feeds = {...: ...}",
    "05.2": "condition = ...",
    "05.3": "def safe_loss(logits, labels):\n    return ...",
    "06.1": "def laplace(u):\n    return ...",
    "06.2": "def next_board(board, neighbours):\n    return ...",
    "06.3": "def surf(follow, rank, damping):\n    return ...",
    "07.1": "parameters = ...",
    "07.2": "def feature(x1, x2):\n    return ...",
    "07.3": "xor = (..., ..., ..., ...)",
    "08.1": "devices = (..., ..., ...)",
    "08.2": "milliseconds = ...",
    "08.3": "def where(op):\n    return ...",
    "08.4": "on_cpu = [...]",
    "09.1": 'ends = {"crawl": ..., "sort": ..., "web": ...}',
    "09.2": "def score(free, ask):\n    return ...",
    "09.3": "tasks = ...",
    "10.1": "def in_two(x, W):\n    return ...",
    "10.2": "seconds = ...",
    "10.3": "def cell_times(words, layers):\n    return ...",
    "10.4": "microbatches = ...",
    "11.1": "rate = ...",
    "11.2": "def sent(workers, size):\n    return ...",
    "11.3": "def asynchronous(gradient, w, rate, reads):\n    return ...",
    "11.4": "most = ...",
    "12.1": "def step_seconds(times, backup):\n    return ...",
    "12.2": "def send(gradient, owed, k):\n    return ..., ...",
    "12.3": "every = ...",
    "12.4": "seconds = ...",
    "13.1": "steps = ...",
    "13.2": "def saboteur(group):\n    killed = []\n\n    def hears(news):\n        return ...\n\n    return hears",
    "13.3": "milliseconds = ...",
}


_ON = (
    'with tf.device("/gpu:{}"):\n        a = tf.matmul(x, left)\n'
    '    with tf.device("/gpu:{}"):\n        b = tf.matmul(x, right)'
)


def _halves(products: str, end: str = "tf.concat([a, b], 1)", axis: int = 1) -> str:
    """An answer to 10.1: what makes `a` and `b`, and what is returned."""
    return f"def in_two(x, W):\n    left, right = tf.split(W, 2, axis={axis})\n    {products}\n    return {end}"


def _function(head: str, body: str) -> str:
    return f"def {head}:\n    " + body.replace("\n", "\n    ")


def _saboteur(body: str) -> str:
    """An answer to 13.2: what it does when it hears of a step."""
    inner = body.replace("\n", "\n        ")
    return f"def saboteur(group):\n    killed = []\n\n    def hears(news):\n        {inner}\n\n    return hears"


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


def _hidden(body: str) -> str:
    return _function("saver_of_hidden()", body)


def _newton(body: str) -> str:
    start = "(slope,) = tf.gradients(loss, x)\n(curvature,) = tf.gradients(slope, x)\n"
    return _function("newton(loss, x)", start + body)


def _clipped(body: str) -> str:
    start = (
        "optimizer = tf.train.GradientDescentOptimizer(rate)\n"
        "gradients, variables = zip(*optimizer.compute_gradients(loss))\n"
    )
    return _function("clipped_step(loss, rate, limit)", start + body)


def _laplace(numbers: str, body: str = "return around[0, :, :, 0]") -> str:
    start = (
        f"kernel = tf.constant({numbers})[:, :, tf.newaxis, tf.newaxis]\n"
        'around = tf.nn.conv2d(u[tf.newaxis, :, :, tf.newaxis], kernel, [1, 1, 1, 1], "SAME")\n'
    )
    return _function("laplace(u)", start + body)


_CROSS = "[[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]"


def _life(body: str) -> str:
    start = "alive, two, three = tf.equal(board, 1), tf.equal(neighbours, 2), tf.equal(neighbours, 3)\n"
    return _function("next_board(board, neighbours)", start + body)


def _scopes(a: str = "/job:worker/task:2/cpu:0", b: str = "/job:ps/task:2/gpu:1", c: str = "/task:5") -> str:
    """An answer to 08.1: what is not given is right."""
    return f"devices = ({a!r}, {b!r}, {c!r})"


def _ring(body: str) -> str:
    return _function("sent(workers, size)", body)


def _server(body: str, end: str = "return versions[-1]") -> str:
    loop = f"versions = [w]\nfor read in reads:\n    {body}\n{end}"
    return _function("asynchronous(gradient, w, rate, reads)", loop)


def _steps(body: str) -> str:
    return _function(
        "step_seconds(times, backup)", f"ranked = np.sort(times, axis=1)\nn = times.shape[1] - backup\n{body}"
    )


def _debts(total: str = "gradient + owed", size: str = "np.abs(total)", end: str = "return sent, total - sent") -> str:
    lines = [
        f"total = {total}",
        f"largest = np.argsort(-{size})[:k]",
        "sent = np.zeros_like(total)",
        "sent[largest] = total[largest]",
        end,
    ]
    return _function("send(gradient, owed, k)", "\n".join(lines))


def _surf(body: str) -> str:
    return _function("surf(follow, rank, damping)", body)


WRONG = {
    "00.1": [
        ("numbers = 28 + 28", "you added"),
        ("numbers = 28", "one row"),
        ("numbers = 28 * 28 * 3", "in colours"),
        ("numbers = 255", "how bright"),
        ("numbers = 4 * 28", "the way around"),
        ('numbers = "784"', "without quotation marks"),
        ("numbers = 700", "it is more"),
        ("numbers = 800", "it is less"),
    ],
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
    "04.1": [
        ("values = (8.0, 8.0, 1.0, 1.0)", "each session has a value of its own"),
        ("values = (1.0, 1.0, 1.0, 1.0)", "it stores it"),
        ("values = (2.0, 2.0, 1.0, 2.0)", "what the first one left"),
        ("values = (4.0, 2.0, 1.0, 1.0)", "only `one` ran the initializer"),
        ("values = (4.0, 2.0, 4.0, 2.0)", "an operation like another"),
        ("values = (4.0, 4.0, 1.0, 2.0)", "the second number is not 4"),
        ("values = (4.0, 2.0)", "you gave 2"),
        ("values = 4.0", "four numbers were asked for"),
    ],
    "04.2": [
        (_hidden("return tf.train.Saver()"), "restores the head as well"),
        (_hidden('return tf.train.Saver(tf.global_variables("head"))'), "restores the head as well"),
        (_hidden("return tf.train.Saver(tf.global_variables()[:1])"), "hidden/b is still as"),
        (_hidden("return tf.train.Saver([], allow_empty=True)"), "the hidden layer is still as"),
        (_hidden('return tf.global_variables("hidden")'), "return the Saver"),
        (_hidden('tf.train.Saver(tf.global_variables("hidden"))'), "forget `return`"),
        (_hidden("return 3"), "not a tf.train.Saver"),
        (_hidden("return tf.train.Saver([])"), "your code raised"),
        ("saver_of_hidden = 3", "pass the function itself"),
    ],
    "04.3": [
        (_newton("return x.assign_sub(slope)"), "Divide it by the second derivative"),
        (_newton("return x.assign_add(slope / curvature)"), "uphill"),
        (_newton("return x.assign_sub(loss / slope)"), "looks for a zero of the loss"),
        (_newton("return x.assign_sub(curvature / slope)"), "you divided the second derivative by the first"),
        (_newton("return x.assign(-slope / curvature)"), "assign replaces"),
        (_newton("return x.assign_sub(curvature)"), "Divide the first by it"),
        (_newton("return slope / curvature"), "changes x"),
        (_newton("return x.assign_sub(2 * slope / curvature)"), "f'/f'' there is 7"),
        (_newton("x.assign_sub(slope / curvature)"), "forget `return`"),
        (_newton("return 3"), "must give an operation to run"),
    ],
    "04.4": [
        (_clipped("return optimizer.apply_gradients(zip(gradients, variables))"), "as long as without a limit"),
        (
            _clipped(
                "cut = [tf.clip_by_norm(g, limit) for g in gradients]\n"
                "return optimizer.apply_gradients(zip(cut, variables))"
            ),
            "you cut each gradient by itself",
        ),
        (
            _clipped(
                "cut = [tf.clip_by_value(g, -limit, limit) for g in gradients]\n"
                "return optimizer.apply_gradients(zip(cut, variables))"
            ),
            "you cut each number by itself",
        ),
        (
            _clipped(
                "length = tf.global_norm(gradients)\ncut = [limit * g / length for g in gradients]\n"
                "return optimizer.apply_gradients(zip(cut, variables))"
            ),
            "is short enough stays as it is",
        ),
        (
            _clipped(
                "cut, _ = tf.clip_by_global_norm(gradients, limit)\n"
                "return tf.group(*[v.assign_add(rate * g) for g, v in zip(cut, variables)])"
            ),
            "uphill",
        ),
        (
            _clipped(
                "cut, _ = tf.clip_by_global_norm(gradients, limit)\n"
                "return tf.group(*[v.assign_sub(g) for g, v in zip(cut, variables)])"
            ),
            "ignores the rate",
        ),
        (_clipped("return tf.clip_by_global_norm(gradients, limit)[0]"), "changed nothing"),
        (_clipped("return list(zip(gradients, variables))"), "gave the pairs"),
        (_clipped("return tf.clip_by_global_norm(gradients, limit)"), "must give an operation to run"),
        (_clipped("optimizer.apply_gradients(zip(gradients, variables))"), "forget `return`"),
        (
            _clipped(
                "cut, _ = tf.clip_by_global_norm(gradients, limit / 2)\n"
                "return optimizer.apply_gradients(zip(cut, variables))"
            ),
            "w and b should move by (0.9, 1.2, 2)",
        ),
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
    "06.1": [
        (_laplace("[[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]"), "-4 of it"),
        (_laplace("[[0.0, -1.0, 0.0], [-1.0, 4.0, -1.0], [0.0, -1.0, 0.0]]"), "the wrong way round"),
        (_laplace("[[0.0, 1.0, 0.0], [1.0, -1.0, 1.0], [0.0, 1.0, 0.0]]"), "It has four neighbours"),
        (_laplace("[[0.0, 0.25, 0.0], [0.25, -1.0, 0.25], [0.0, 0.25, 0.0]]"), "a quarter of it"),
        (_laplace("[[1.0, 1.0, 1.0], [1.0, -8.0, 1.0], [1.0, 1.0, 1.0]]"), "eight neighbours"),
        (_laplace("[[1.0, 1.0, 1.0], [1.0, -4.0, 1.0], [1.0, 1.0, 1.0]]"), "eight neighbours"),
        (_laplace("[[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]"), "u itself"),
        (_laplace("[[0.0, 2.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]"), "and you gave"),
        (_laplace(_CROSS, "return around"), "[0, :, :, 0]"),
        (_laplace(_CROSS, "return tf.reduce_sum(around)"), "what you give has ()"),
        (_laplace(_CROSS, "around[0, :, :, 0]"), "forget `return`"),
        (
            _function(
                "laplace(u)",
                "moved = lambda shift, axis: tf.concat("
                "[tf.split(u, [shift, int(u.shape[axis]) - shift], axis)[i] for i in (1, 0)], axis)\n"
                "return moved(1, 0) + moved(4, 0) + moved(1, 1) + moved(3, 1) - 4.0 * u",
            ),
            "comes back at the opposite one",
        ),
    ],
    "06.2": [
        (_life("return tf.cast(three, tf.int32)"), "a living cell with 2 neighbours lives on, and with you"),
        (
            _life("return tf.cast(tf.logical_or(two, three), tf.int32)"),
            "an empty place with 2 neighbours comes to life",
        ),
        (
            _life("return tf.cast(tf.logical_and(alive, tf.logical_or(two, three)), tf.int32)"),
            "an empty place with 3 neighbours comes to life, and with you it does not",
        ),
        (
            _life("return tf.cast(tf.logical_or(three, tf.logical_and(alive, tf.equal(neighbours, 4))), tf.int32)"),
            "you counted the cell itself",
        ),
        (_life("return tf.cast(tf.logical_or(alive, three), tf.int32)"), "a living cell with 0 neighbours lives on"),
        (_life("return tf.logical_or(three, tf.logical_and(alive, two))"), "tf.cast(..., tf.int32)"),
        (_life("return tf.reduce_sum(board)"), "what you give has ()"),
        (_life("return board if three else 0"), "your code raised"),
    ],
    "06.3": [
        (_surf("return tf.matmul(follow, rank)"), "always follows a link"),
        (_surf("return damping * tf.matmul(follow, rank)"), "The jumps are missing"),
        (_surf("return damping * tf.matmul(follow, rank) + (1 - damping)"), "add up to more than 1"),
        (_surf("return (1 - damping) * tf.matmul(follow, rank) + damping / 4"), "the wrong way round"),
        (
            _surf("return damping * tf.matmul(follow, rank, transpose_a=True) + (1 - damping) / 4"),
            "along the links backwards",
        ),
        (_surf("return damping * tf.matmul(follow, rank) + (1 - damping) * rank"), "leads to where the surfer is"),
        (_surf("return damping * follow * rank + (1 - damping) / 4"), "tf.matmul?"),
        (_surf("return damping * tf.matmul(follow, rank) + (1 - damping) / 5"), "add up to 0.96"),
    ],
    "07.1": [
        ("parameters = 18", "no bias"),
        ("parameters = 7", "that is the neurons"),
        ("parameters = 31", "hand on what comes in"),
        ("parameters = 26", "The layers: 2, 4, 2 and 1"),
    ],
    "07.2": [
        ("def feature(x1, x2):\n    return x1 + 2.0 * x2", "a straight border again"),
        ("def feature(x1, x2):\n    return x1 * x2", "the feature for XOR"),
        ("def feature(x1, x2):\n    return tf.square(x2)", "in one direction only"),
        ("def feature(x1, x2):\n    return tf.reduce_sum(x1 * x1 + x2 * x2)", "so should the feature"),
        ("def feature(x1, x2):\n    x1 * x1 + x2 * x2", "Did you forget `return`?"),
    ],
    "07.3": [
        ("xor = ([[1, 0], [1, 0]], [0, 0], [[1], [0]], [-0.5])", "that is OR"),
        ("xor = ([[1, 0], [1, 0]], [0, 0], [[1], [0]], [-1.5])", "that is AND"),
        ("xor = ([[1, 1], [1, 1]], [0, -1], [[-1], [2]], [0.5])", "where both are equal"),
        ("xor = ([[1, 1]], [0, -1], [[1], [-2]], [-0.5])", "W1 has the shape (2, 2)"),
        ("xor = 5", "give four things"),
    ],
    "08.1": [
        (_scopes("/device:CPU:0"), "a is not on '/device:CPU:0': the outer block said more than the inner one"),
        (_scopes("/job:worker/task:2/device:GPU:1"), "the inner block says CPU:0"),
        (_scopes(b="/job:ps"), "Task and device stay"),
        (_scopes(b="/job:ps/gpu:1"), "the task stays, too"),
        (_scopes(b="/job:worker/task:2/gpu:1"), "the inner block says another job"),
        (_scopes(c="/job:worker/task:5/gpu:1"), "tf.device(None) forgets all"),
        (_scopes(c=""), "not what is said inside"),
        (_scopes(c="/task:2"), "merge the two names part by part"),
        (_scopes(c="/job:worker/gpu:1/cpu:0"), "of c: "),
        ('devices = "/cpu:0"', "three names were asked for"),
        ("devices = (1, 2, 3)", "a device name is text; of a you gave 1"),
    ],
    "08.2": [
        ("milliseconds = 10_000 * 784 * 4 / 15.75e9", "that is seconds"),
        ("milliseconds = 1000 * 10_000 * 784 / 15.75e9", "a float32, which has four bytes"),
        ("milliseconds = 1000 * 10_000 * 784 * 4 * 8 / 15.75e9", "in bytes a second, not in bits"),
        ("milliseconds = 1000 * 10_000 * 784 * 4 / 8 / 15.75e9", "in bytes a second, not in bits"),
        ("milliseconds = 1000 * 100 * 784 * 4 / 15.75e9", "a hundred pictures"),
        ("milliseconds = 1000 * 784 * 4 / 15.75e9", "that is one picture"),
        ("milliseconds = 2 * 1000 * 10_000 * 784 * 4 / 15.75e9", "they travel once"),
        ("milliseconds = 7.5", "bytes divided by bytes a second"),
    ],
    "08.3": [
        (_function("where(op)", 'return "/gpu:0" if op.type == "VariableV2" else "/cpu:0"'), "the wrong way round"),
        (_function("where(op)", 'return "/cpu:0"'), "all ops are on the CPU"),
        (
            _function("where(op)", 'return "/cpu:0" if op.type == "Variable" else "/gpu:0"'),
            '"VariableV2", spelt so',
        ),
        (
            _function("where(op)", 'return "/cpu:0" if op.type == "VariableV2" else "/gpu:1"'),
            "'y', an op of type 'Relu', is on '/device:GPU:1'",
        ),
        (_function("where(op)", '"/cpu:0" if op.type == "VariableV2" else "/gpu:0"'), "forget `return`"),
        (_function("where(op)", 'return "/kpu:0"'), "your function fails: unknown attribute 'kpu:0'"),
        (_function("where(op)", "return op.kind_of_op"), "your function fails"),
        ('where = "/cpu:0"', "pass the function itself"),
    ],
    "08.4": [
        ('on_cpu = ["read", "look_up", "join"]', "21 ms: each op where it is quickest"),
        ("on_cpu = []", "25 ms: the CPU does nothing"),
        ('on_cpu = ["read", "look_up", "words", "join", "score"]', "23 ms: no better than greedy's"),
        ('on_cpu = ["read", "look_up"]', "19 ms: better than greedy's 23 ms. The best is 18 ms"),
        ('on_cpu = ["reed"]', "there is no op 'reed'; the eight are read, look_up"),
        ('on_cpu = "read"', "a list of names"),
    ],
    "09.1": [
        ('ends = {"crawl": 100, "sort": 110, "web": 70}', "tasks of crawl have to go"),
        ('ends = {"crawl": 150, "sort": 110, "web": 70}', "it starts over"),
        ('ends = {"crawl": 170, "sort": 110, "web": 150}', "production waits for nobody"),
        ('ends = {"crawl": 170, "sort": 200, "web": 70}', "sort is in the batch band"),
        ('ends = {"crawl": 120, "sort": 110, "web": 70}', "wait until web has ended"),
        ('ends = {"crawl": 170, "sort": 110}', "'web' is missing"),
        ("ends = 170", "a dict was asked for"),
    ],
    "09.2": [
        ("def score(free, ask):\n    return (free - ask).sum()", "that packs as best fit does"),
        ("def score(free, ask):\n    return -(free - ask).sum()", "The *cheapest* machine is taken"),
        (
            "def score(free, ask):\n    left = free - ask\n    return left.sum() + 2 * abs(left[0] - left[1])",
            "a quarter less was asked for",
        ),
        ("def score(free, ask):\n    (free - ask).sum()", "Did you forget `return`?"),
        ("def score(free, ask):\n    return free - ask", "one number was asked for"),
        ("score = 3", "pass the function itself"),
    ],
    "09.3": [
        ("tasks = 10", "7 are left when it fails"),
        ("tasks = 13", "the fullest rack holds 4"),
        ("tasks = 40", "fewer will do"),
        ("tasks = 13.5", "is no number of tasks"),
    ],
    "10.1": [
        ("def in_two(x, W):\n    return tf.matmul(x, W)", "you compute the whole product"),
        (_halves("a, b = tf.split(tf.matmul(x, W), 2, axis=1)"), "you compute the whole product"),
        (_halves("a, b = tf.matmul(x, left), tf.matmul(x, right)"), "a product has no device"),
        (_halves(_ON.format(0, 0)), "on /device:GPU:0 and /device:GPU:0, not on /gpu:0 and /gpu:1"),
        (_halves(_ON.format(1, 0)), "the left half belongs on /gpu:0"),
        (_halves(_ON.format(0, 1), end="tf.concat([b, a], 1)"), "joined in the wrong order"),
        (_halves(_ON.format(0, 1), end="tf.concat([a, b], 0)"), "has the shape (4, 3), not (2, 6)"),
        (_halves(_ON.format(0, 1), end="[a, b]"), "gave a list, not one tensor"),
        (_halves(_ON.format(0, 1), axis=0), "for x of shape (2, 3) and W of shape (3, 6)"),
        ("in_two = tf.constant(1.0)", "pass the function itself"),
    ],
    "10.2": [
        ("seconds = 12", "that is one worker"),
        ("seconds = 4", "three workers, one for each chain"),
        ("seconds = 8", "first in, first out"),
        ("seconds = 5", "Between which bounds"),
        ("seconds = [6]", "Take the number out"),
    ],
    "10.3": [
        ("def cell_times(words, layers):\n    return words * layers", "as on one GPU"),
        ("def cell_times(words, layers):\n    return words + layers", "one too many"),
        ("def cell_times(words, layers):\n    return max(words, layers)", "as if all layers could begin at once"),
        ("def cell_times(words, layers):\n    return 23", "1 words and 1 layers: 23?"),
        ("def cell_times(words, layers):\n    words + layers - 1", "Did you forget `return`?"),
    ],
    "10.4": [
        ("microbatches = 26", "more than a tenth"),
        ("microbatches = 8", "they stand still 27.3% of the time"),
        ("microbatches = 30", "3 / 30 is the waiting against the work"),
        ("microbatches = 40", "fewer would do"),
        ("microbatches = 26.5", "A whole number"),
        ("microbatches = 1000000", "so many are not needed"),
    ],
    "11.1": [
        ("rate = 0.01", "its gradient is the *sum* of ten gradients"),
        ("rate = 0.1", "the wrong way round"),
        ("rate = 0.01 / 1000", "only the ten workers are a mean in one"),
        ("rate = 0.002", "goes 2 times as far as theirs"),
        ("rate = 0", "above zero"),
    ],
    "11.2": [
        (_ring("return (workers - 1) * size / workers"), "Then the sums must go round, too"),
        (_ring("return 2 * (workers - 1) * size"), "one *piece*, an n-th of the gradient"),
        (_ring("return 2 * size"), "n - 1 rounds each, not n"),
        (_ring("return (workers - 1) * size"), "the whole gradient in each round"),
        (_ring("return size / workers"), "one piece, in one round"),
        (_ring("return 2 * (workers - 1)"), "the number of rounds"),
        (_ring("return size"), "with parameter servers"),
        (_ring("return size / 7"), "4 workers with 1,000,000 bytes send 1,500,000 each; you say 142,857"),
        (_ring("2 * size"), "forget `return`"),
    ],
    "11.3": [
        (_server("w = w - rate * gradient(w)", end="return w"), "without any delay"),
        (
            _server("versions.append(versions[read] - rate * gradient(versions[read]))"),
            "what the others did in between",
        ),
        (_server("versions.append(versions[-1] - rate * gradient(versions[0]))"), "computed at the first weights"),
        (_server("versions.append(versions[-1] + rate * gradient(versions[read]))"), "uphill"),
        (_server("versions.append(versions[-1] - gradient(versions[read]))"), "the learning rate is missing"),
        (
            _server("versions.append(versions[-1] - rate * gradient(versions[read]))", end="return versions[-2]"),
            "one update is missing",
        ),
        (
            _server("versions.append(versions[-1] - rate * gradient(versions[read]))", end="return versions"),
            "the last version was asked for",
        ),
        (
            _server("w -= rate * gradient(versions[read])\n    versions.append(w)", end="return w"),
            "changes the array in place",
        ),
        (_server("versions.append(versions[-1] - 2 * rate * gradient(versions[read]))"), "w ends at"),
        (_server("versions.append(versions[-1] - rate * gradient(versions[read + 1]))"), "your code raised IndexError"),
        ("asynchronous = 3", "pass the function itself"),
    ],
    "11.4": [
        ("most = 9", "with 9 workers w swings ever further"),
        ("most = 7", "and so it does with 8"),
        ("most = 8.34", "the last whole one"),
        ("most = 0", "is no number of workers"),
    ],
    "12.1": [
        (_steps("return times.mean()"), "that is the mean of all workers"),
        (_steps("return times.max(axis=1).mean()"), "waits for all six"),
        (_steps("return ranked[:, backup].mean()"), "waits for the first `backup` workers"),
        (_steps("return ranked[:, n].mean()"), "one too many"),
        (_steps("return ranked[:, :n].mean()"), "the mean of those that are waited for"),
        (_steps("return times[:, n - 1].mean()"), "one and the same worker in all steps"),
        (_steps("return times[:, :n].max(axis=1).mean()"), "turns out anew in each step"),
        (_steps("return np.sort(times, axis=0)[:, n - 1].mean()"), "one and the same worker in all steps"),
        (_steps("return np.sort(times, axis=None)[-1 - backup]"), "all steps were sorted together"),
        (_steps("return ranked[:, n - 1]"), "the mean of them was asked for"),
        (_steps("return ranked[:, -1 - backup].mean() if backup else 0.0"), "with none it should be the slowest"),
        (_steps("return np.pad(ranked, [(0, 0), (0, 3)])[:, 5 - backup].mean()"), "do not write 6"),
        (_steps("return ranked[:, n - 1].mean() + 1"), "a step takes"),
        (_steps("ranked[:, n - 1].mean()"), "forget `return`"),
    ],
    "12.2": [
        (_debts("gradient"), "without feedback"),
        (_debts(size="total"), "the largest *in size*"),
        (_debts(size="(-np.abs(total))"), "those are the smallest"),
        (_debts(end="return sent, gradient - sent"), "what was owed before is forgotten"),
        (_debts(end="return sent, owed"), "the debt has not changed"),
        (_debts(end="return sent, 0 * sent"), "nothing is owed then"),
        (_debts(end="return sent, sent - total"), "the wrong sign"),
        (_debts(end="return total, 0 * sent"), "all 8 numbers are sent"),
        (_debts(end="return total[largest], total - sent"), "with zeros where nothing is sent"),
        (_debts(end="return sent"), "two arrays were asked for"),
        (_debts(end="sent"), "forget `return`"),
        (_debts(end="return np.where(sent, gradient, 0), total - sent"), "the gradient *and* what was owed"),
        (_debts(end="return sent, total"), "nothing is lost"),
    ],
    "12.3": [
        ("every = 10", "too often: writing takes 50% of the time"),
        ("every = 1000", "too seldom: writing takes 0% of the time of training, doing work again 72%"),
        ("every = (5 * 1000) ** 0.5", "only *half* of the time"),
        ("every = 0", "above zero"),
    ],
    "12.4": [
        ("seconds = 3.4 * (1 - 40 / 50)", "a fifth of the *step*"),
        ("seconds = 3.4 * 50 / 40", "the whole step"),
        ("seconds = 3.4 / 50", "its own gradient for 3.4 s"),
        ("seconds = 50 / 40 - 1", "for each second of computing"),
        ("seconds = 3.4 * 10", "ten GPUs are lost"),
        ("seconds = 3.4 * 40 / 50", "not shorter"),
        ("seconds = 1", "How long is a step, if it is 40?"),
    ],
    "13.1": [
        ("steps = 200", "a second time"),
        ("steps = 237", "only 86 were"),
        ("steps = 286", "there is a checkpoint"),
        ("steps = 186", "never written"),
        ("steps = 36", "computed twice"),
        ("steps = 150", "86 were done before"),
        ("steps = 708", "all three make a step together"),
        ("steps = 5", "From which step does it go on"),
    ],
    "13.2": [
        (_saboteur("if news.step == 40:\n    group.kill(1)"), "40 itself may be passed over"),
        (_saboteur("if news.step >= 40:\n    group.kill(1)"), "it has to remember"),
        (_saboteur("group.kill(1)"), "killed at once"),
        (
            _saboteur("if news.step >= 40 and not killed:\n    killed.append(1)\n    group.kill(2)"),
            "worker 1 was asked",
        ),
        (_saboteur("if news.step >= 40 and not killed:\n    group.kill(7)"), "there is no worker 7"),
        (_saboteur("if news >= 40:\n    group.kill(1)"), "what it returned fails"),
        ("def saboteur(group):\n    group.kill(1)", "it should return a function"),
        ("def saboteur():\n    return print", "your function fails"),
        ("saboteur = 3", "pass the function itself"),
        (
            "gone = []\n" + _saboteur("if news.step >= 40 and not gone:\n    gone.append(1)\n    group.kill(1)"),
            "made inside `saboteur`",
        ),
    ],
    "13.3": [
        ("milliseconds = 4 + 6 + 1", "do not all compute at once"),
        ("milliseconds = 8 * 4 + 6 + 1", "there are two cores"),
        ("milliseconds = 22", "one millisecond more"),
        ("milliseconds = 17", "the all-reduce takes its time"),
        ("milliseconds = 16", "then the gradients are added up"),
        ("milliseconds = 0.023", "that is seconds"),
        ("milliseconds = 1", "how long are two cores busy"),
    ],
}
