"""Small programs with loops, branches and tensor arrays, written once for labkit and for TensorFlow.

Each takes the module (`labkit` or `tensorflow.compat.v1`), a placeholder x (3, 2) of float32, and returns the tensors
to compare. `python control_flow.py > ../golden/control_flow.json`, run where TensorFlow is, writes down what it gives:
values, and gradients of the sum of the floating-point results with respect to x.
"""

import json
import sys

X = [[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]]


def cond_true(tf, x):
    return tf.cond(x[0, 0] > 0.0, lambda: tf.sin(x), lambda: x * x)


def cond_false(tf, x):
    return tf.cond(x[0, 0] > 1.0, lambda: tf.sin(x), lambda: x * x)


def cond_nested_results(tf, x):
    made = tf.cond(x[1, 0] > 1.0, lambda: {"a": x[0], "b": [x[1] * 2.0, 3]}, lambda: {"a": x[1], "b": [x[0], 4]})
    return [made["a"], made["b"][0], made["b"][1]]


def cond_in_cond(tf, x):
    return tf.cond(
        x[0, 0] > 0.0, lambda: tf.cond(x[0, 1] > 0.0, lambda: x, lambda: tf.exp(x)), lambda: tf.zeros_like(x)
    )  # fmt: skip


def case_first_true(tf, x):
    total = tf.reduce_sum(x)
    return tf.case([(total < 0.0, lambda: x), (total < 3.0, lambda: x * x), (total < 9.0, lambda: x + 1.0)],
                   default=lambda: -x)  # fmt: skip


def case_default(tf, x):
    return tf.case([(x[0, 0] > 5.0, lambda: x)], default=lambda: tf.tanh(x), exclusive=True)


def while_power(tf, x):
    return tf.while_loop(lambda i, y: i < 4, lambda i, y: (i + 1, y * x), (tf.constant(0), tf.ones_like(x)))[1]


def while_until_large(tf, x):
    norm = tf.reduce_sum(x * x)
    return list(
        tf.while_loop(
            lambda n, y: tf.logical_and(y < 100.0, n < 20), lambda n, y: (n + 1, y * norm), (tf.constant(0), norm)
        )
    )


def while_counts_down(tf, x):
    return tf.while_loop(lambda i, y: i > 0, lambda i, y: [i - 1, tf.sin(y) + x], [tf.constant(3), x])[1]


def while_bounded_by_shape(tf, x):
    n = tf.shape(x)[0]
    return tf.while_loop(lambda i, h: i < n, lambda i, h: (i + 1, tf.tanh(h + x[i])), (tf.constant(0), tf.zeros([2])))[
        1
    ]


def while_bounded_by_value(tf, x):
    n = tf.cast(tf.reduce_max(x), tf.int32) + 1
    return tf.while_loop(lambda i, y: tf.less(i, n), lambda i, y: (i + 1, y * x), (tf.constant(0), x))[1]


def while_nested_variables(tf, x):
    _, state = tf.while_loop(
        lambda i, s: i < 3,
        lambda i, s: (i + 1, {"sum": s["sum"] + s["pair"][0], "pair": (s["pair"][1], s["pair"][0] * 0.5)}),
        (tf.constant(0), {"sum": tf.zeros([2]), "pair": (x[0], x[1])}),
    )
    return [state["sum"], *state["pair"]]


def while_in_while(tf, x):
    def outer(i, y):
        _, z = tf.while_loop(lambda j, z: j < 2, lambda j, z: (j + 1, z * x[i, 0]), (tf.constant(0), y))
        return i + 1, z + x[i, 1]

    return tf.while_loop(lambda i, y: i < 3, outer, (tf.constant(0), tf.constant(1.0)))[1]


def while_with_cond(tf, x):
    def body(i, y):
        return i + 1, tf.cond(tf.equal(i % 2, 0), lambda: y * x[0, 0], lambda: y + x[1, 0])

    return tf.while_loop(lambda i, y: i < 5, body, (tf.constant(0), tf.constant(1.0)))[1]


def while_growing(tf, x):
    return tf.while_loop(
        lambda i, rows: i < 2,
        lambda i, rows: (i + 1, tf.concat([rows, rows[-1:] * 2.0], 0)),
        (tf.constant(0), tf.constant([[1.0, 0.5]])),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, 2])),
    )[1]


def array_squares(tf, x):
    array = tf.TensorArray(tf.float32, size=3)
    _, array = tf.while_loop(
        lambda i, ta: i < 3, lambda i, ta: (i + 1, ta.write(i, x[i] * x[i])), (tf.constant(0), array)
    )
    return array.stack()


def array_recurrence(tf, x):
    array = tf.TensorArray(tf.float32, size=4, clear_after_read=False).write(0, x[0])
    _, array = tf.while_loop(
        lambda i, ta: i < 4, lambda i, ta: (i + 1, ta.write(i, tf.sin(ta.read(i - 1)) + x[1])), (tf.constant(1), array)
    )
    return array.stack()


def array_unstacked_rows(tf, x):
    rows = tf.TensorArray(tf.float32, size=3).unstack(x)
    out = tf.TensorArray(tf.float32, size=tf.shape(x)[0])

    def body(t, h, ta):
        h = tf.tanh(h + rows.read(t))
        return t + 1, h, ta.write(t, h)

    _, last, out = tf.while_loop(lambda t, *_: t < tf.shape(x)[0], body, (tf.constant(0), tf.zeros([2]), out))
    return [last, out.stack(), out.size()]


def array_of_growing_size(tf, x):
    array = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
    _, array = tf.while_loop(
        lambda i, ta: i < 3, lambda i, ta: (i + 1, ta.write(i, x[i, 0] * 2.0)), (tf.constant(0), array)
    )
    return [array.stack(), array.size()]


def array_grown_by_hand(tf, x):
    array = tf.TensorArray(tf.float32, size=1, dynamic_size=True)
    for i in range(3):
        array = array.write(i, x[i])
    return [array.stack(), array.size()]


def array_gather_scatter(tf, x):
    array = tf.TensorArray(tf.float32, size=4, clear_after_read=False).scatter(
        [0, 1, 2, 3], tf.stack([x[0], x[1], x[2], x[0] * x[1]])
    )
    return [array.gather([3, 0]), array.stack(), array.concat()]


def array_split_concat(tf, x):
    array = tf.TensorArray(tf.float32, size=3, clear_after_read=False).split(tf.reshape(x, [6]), [2, 2, 2])
    return [array.stack(), array.concat(), array.size()]


def map_squares(tf, x):
    return tf.map_fn(lambda row: row * row, x)


def map_to_other_dtype(tf, x):
    return tf.map_fn(lambda row: (tf.reduce_sum(row), tf.reduce_any(row > 0.0)), x, dtype=(tf.float32, tf.bool))


def scan_sums(tf, x):
    return tf.scan(lambda a, row: a + tf.sin(row), x)


def scan_nested(tf, x):
    return tf.scan(
        lambda a, row: (a[0] * row, a[1] + 1), x, initializer=(tf.ones([2]), tf.constant(0))
    )  # fmt: skip


def fold_left(tf, x):
    return tf.foldl(lambda a, row: a * 0.5 - row, x)


def fold_right(tf, x):
    return tf.foldr(lambda a, row: tf.tanh(a) * 0.5 - row, x, initializer=tf.ones([2]))


def fold_pairs(tf, x):
    return tf.foldl(lambda a, pair: a + pair[0] * pair[1], (x, x * 2.0), initializer=tf.zeros([2]))


PROGRAMS = [
    cond_true, cond_false, cond_nested_results, cond_in_cond, case_first_true, case_default, while_power,
    while_until_large, while_counts_down, while_bounded_by_shape, while_bounded_by_value, while_nested_variables,
    while_in_while, while_with_cond, while_growing, array_squares, array_recurrence, array_unstacked_rows,
    array_of_growing_size, array_grown_by_hand, array_gather_scatter, array_split_concat, map_squares,
    map_to_other_dtype, scan_sums, scan_nested, fold_left, fold_right, fold_pairs,
]  # fmt: skip


def build(tf, program):
    """Placeholder, results and gradient (None where there is none) of a program in the default graph."""
    x = tf.placeholder(tf.float32, [None, 2] if "bounded_by" in program.__name__ else [3, 2])
    made = program(tf, x)
    results = list(made) if isinstance(made, (list, tuple)) else [made]
    floats = [tf.reduce_sum(tf.sin(t)) for t in results if t.dtype.is_floating]
    (gradient,) = tf.gradients(tf.add_n(floats), [x])
    return x, results, gradient


def main():
    """Writes down what TensorFlow gives."""
    import tensorflow.compat.v1 as tf

    tf.disable_v2_behavior()
    cases = {}
    for program in PROGRAMS:
        with tf.Graph().as_default(), tf.Session() as session:
            x, results, gradient = build(tf, program)
            values, slope = session.run([results, [] if gradient is None else gradient], {x: X})
            cases[program.__name__] = {
                "values": [v.tolist() for v in values],
                "gradient": None if gradient is None else slope.tolist(),
            }
    how = "with TensorFlow 2.21, tf.compat.v1 in graph mode, on a CPU, by tests/programs/control_flow.py"
    json.dump({"made": how, "cases": cases}, sys.stdout)


if __name__ == "__main__":
    main()
