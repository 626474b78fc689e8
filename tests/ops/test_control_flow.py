"""`cond`, loops, printing and assertions: values against NumPy, gradients against formulas worked out by hand."""

import numpy as np
import pytest

import labkit as tf
from labkit.ops.checks import summary


@pytest.fixture
def graph():
    with tf.Graph().as_default() as made:
        yield made


def run(fetches, feeds=None, initialize=True):
    with tf.Session() as session:
        if initialize:
            session.run(tf.global_variables_initializer())
        return session.run(fetches, feeds)


def both_modes(fetches, feeds):
    """Whole mode, after checking that the watched mode gives the same."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        whole = session.run(fetches, feeds)
        watched, _ = session.watch(fetches, feeds)
    np.testing.assert_allclose(np.ravel(whole), np.ravel(watched), rtol=1e-6)
    return whole


# --- cond


def test_cond_runs_the_branch_that_the_predicate_names(graph):
    x = tf.placeholder(tf.float32, [])
    y = tf.cond(x > 0.0, lambda: x * 10.0, lambda: -x)
    assert [float(both_modes(y, {x: v})) for v in (2.0, -3.0)] == [20.0, 3.0]


def test_cond_is_named_as_tensorflow_names_it(graph):
    y = tf.cond(tf.constant(True), lambda: 1.0, lambda: 2.0)
    z = tf.cond(tf.constant(True), lambda: 1.0, lambda: 2.0, name="choice")
    assert (y.name, z.name) == ("cond/Merge:0", "choice/Merge:0")


def test_gradient_of_cond_is_that_of_the_branch_that_runs_and_has_a_gradient_itself(graph):
    x = tf.placeholder(tf.float32, [])
    y = tf.cond(x > 0.0, lambda: x * x * x, lambda: x * x)
    (first,) = tf.gradients(y, x)
    (second,) = tf.gradients(first, x)
    assert [float(v) for v in both_modes([first, second], {x: 3.0})] == [27.0, 18.0]
    assert [float(v) for v in both_modes([first, second], {x: -3.0})] == [-6.0, 2.0]


def test_gradient_reaches_a_variable_that_only_one_branch_reads(graph):
    x = tf.placeholder(tf.float32, [])
    w = tf.Variable(5.0)
    (slope,) = tf.gradients(tf.cond(x > 0.0, lambda: w * x, lambda: x), w)
    assert [float(run(slope, {x: v})) for v in (3.0, -3.0)] == [3.0, 0.0]


def test_nested_cond_captures_through_two_levels(graph):
    x = tf.placeholder(tf.float32, [])
    y = tf.cond(x > 0.0, lambda: tf.cond(x > 10.0, lambda: x * 100.0, lambda: x * 10.0), lambda: x)
    (slope,) = tf.gradients(y, x)
    values = [[float(v) for v in run([y, slope], {x: at})] for at in (20.0, 2.0, -2.0)]
    assert values == [[2000.0, 100.0], [20.0, 10.0], [-2.0, 1.0]]


def test_cond_keeps_the_nesting_of_what_the_branches_return(graph):
    p = tf.placeholder("bool", [])
    y = tf.cond(p, lambda: {"a": [1.0, tf.constant([2])], "b": (3,)}, lambda: {"a": [4.0, tf.constant([5])], "b": (6,)})
    made = run(y, {p: True}), run(y, {p: False})
    assert made == ({"a": [1.0, [2]], "b": (3,)}, {"a": [4.0, [5]], "b": (6,)})


def test_a_list_of_one_is_unpacked_unless_strict(graph):
    p = tf.constant(True)
    assert isinstance(tf.cond(p, lambda: [1.0], lambda: [2.0]), tf.Tensor)
    assert isinstance(tf.cond(p, lambda: [1.0], lambda: [2.0], strict=True), list)


def test_an_assignment_in_a_branch_happens_only_if_the_branch_runs(graph):
    p = tf.placeholder("bool", [])
    w = tf.Variable(1.0)
    change = tf.cond(p, lambda: tf.assign_add(w, 10.0), lambda: tf.identity(w))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        values = [float(session.run(change, {p: v})) for v in (False, True, True)]
        assert (values, float(session.run(w))) == ([1.0, 11.0, 21.0], 21.0)


def test_a_branch_may_return_an_operation(graph):
    p = tf.placeholder("bool", [])
    w = tf.Variable(1.0)
    change = tf.cond(p, lambda: tf.group(tf.assign(w, 5.0)), tf.no_op)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(change, {p: False})
        before = float(session.run(w))
        session.run(change, {p: True})
        assert (before, float(session.run(w))) == (1.0, 5.0)


def test_gradient_of_a_branch_that_reads_and_writes_uses_the_value_before_the_write(graph):
    p = tf.constant(True)
    w, x = tf.Variable(3.0), tf.constant(2.0)

    def branch():
        y = tf.identity(w.ref) * x
        with tf.control_dependencies([y]):
            update = tf.assign(w, 100.0)
        with tf.control_dependencies([update]):
            return tf.identity(y)

    y = tf.cond(p, branch, lambda: x)
    assert float(run(tf.gradients(y, x)[0])) == 3.0


def test_a_variable_made_inside_a_branch_belongs_to_the_outer_graph(graph):
    p = tf.placeholder("bool", [])
    y = tf.cond(p, lambda: tf.Variable(2.0, name="inside") * 3.0, lambda: 0.0)
    assert [v.name for v in tf.global_variables()] == ["cond/inside:0"]
    assert float(run(y, {p: True})) == 6.0


def test_dropout_in_a_branch_has_the_mask_of_its_gradient(graph):
    training = tf.placeholder("bool", [])
    x = tf.ones([1000])
    y = tf.cond(training, lambda: tf.nn.dropout(x, 0.5), lambda: tf.identity(x))
    value, slope = run([y, tf.gradients(y, x)[0]], {training: True})
    np.testing.assert_array_equal(value, slope)
    assert 300 < np.count_nonzero(value) < 700


def test_shapes_made_outside_are_known_inside(graph):
    x = tf.placeholder(tf.float32, [None, 4])
    rows = tf.shape(x)[0]
    y = tf.cond(tf.reduce_sum(x) > 0.0, lambda: tf.reshape(x, [rows * 2, 2]), lambda: tf.zeros([rows * 2, 2]))
    assert run(y, {x: np.ones((3, 4))}).shape == (6, 2)


def test_control_dependencies_on_outer_operations_hold_for_the_whole_cond(graph):
    w = tf.Variable(1.0)
    update = tf.assign(w, 7.0)

    def branch():
        with tf.control_dependencies([update]):
            return tf.identity(w.ref)

    assert float(run(tf.cond(tf.constant(True), branch, lambda: 0.0))) == 7.0


@pytest.mark.parametrize(
    ("true_fn", "false_fn", "error", "match"),
    [
        (lambda: 1.0, lambda: 1, TypeError, "float32 from true_fn .* int32 from false_fn"),
        (lambda: tf.zeros([2]), lambda: tf.zeros([3]), ValueError, r"\[2\] from true_fn .* \[3\] from false_fn"),
        (lambda: [1.0, 2.0], lambda: 1.0, ValueError, "different things"),
        (lambda: None, lambda: 1.0, ValueError, "returned nothing"),
        (1.0, lambda: 1.0, TypeError, "must be a function"),
    ],
)
def test_branches_that_do_not_fit_teach(graph, true_fn, false_fn, error, match):
    with pytest.raises(error, match=match):
        tf.cond(tf.constant(True), true_fn, false_fn)


def test_a_python_bool_as_predicate_teaches(graph):
    with pytest.raises(TypeError, match="ordinary `if`"):
        tf.cond(True, lambda: 1.0, lambda: 2.0)


def test_shapes_that_differ_only_when_run_teach(graph):
    x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
    p = tf.placeholder("bool", [])
    z = tf.cond(p, lambda: x * 1.0, lambda: y * 1.0)
    with pytest.raises(ValueError, match=r"\[2\] if the predicate is true and \[3\] if it is false"):
        run(z, {x: [1, 2], y: [1, 2, 3], p: True})


def test_printing_in_a_branch_prints_only_if_it_runs(graph, capsys):
    p = tf.placeholder("bool", [])
    y = tf.cond(p, lambda: tf.Print(1.0, [tf.constant(5)], "ran "), lambda: 0.0)
    run(y, {p: False})
    assert capsys.readouterr().err == ""
    assert float(run(y, {p: True})) == 1.0
    assert capsys.readouterr().err == "ran [5]\n"


def test_case_takes_the_first_true_predicate(graph):
    x = tf.placeholder(tf.int32, [])
    y = tf.case([(x < 10, lambda: 1), (x < 100, lambda: 2)], default=lambda: 3)
    assert [int(run(y, {x: v})) for v in (5, 50, 500)] == [1, 2, 3]


def test_exclusive_case_fails_if_two_are_true(graph):
    x = tf.placeholder(tf.int32, [])
    y = tf.case([(x < 10, lambda: 1), (x < 100, lambda: 2)], default=lambda: 3, exclusive=True)
    assert int(run(y, {x: 50})) == 2
    with pytest.raises(tf.errors.InvalidArgumentError, match="more than one predicate"):
        run(y, {x: 5})


# --- loops


def test_while_loop_counts(graph):
    x = tf.placeholder(tf.float32, [])
    steps, rest = tf.while_loop(lambda i, v: v > 1.0, lambda i, v: [i + 1, v / 2.0], [0, x])
    assert [float(v) for v in both_modes([steps, rest], {x: 40.0})] == [6.0, 0.625]


def test_gradient_of_a_counted_loop_is_that_of_the_power(graph):
    x = tf.placeholder(tf.float32, [2])
    _, y = tf.while_loop(lambda i, _: i < 5, lambda i, v: (i + 1, v * x), (0, tf.ones([2])))
    (slope,) = tf.gradients(y, x)
    np.testing.assert_allclose(both_modes(slope, {x: [2.0, 3.0]}), [80.0, 405.0])


def test_maximum_iterations_bounds_the_loop_and_gives_a_gradient(graph):
    x = tf.placeholder(tf.float32, [])
    y = tf.while_loop(lambda v: v < 1000.0, lambda v: v * x, [x], maximum_iterations=3)
    value, slope = run([y, tf.gradients(y, x)[0]], {x: 2.0})
    assert (float(value), float(slope)) == (16.0, 32.0)


@pytest.mark.parametrize("times", [0, 1, 3])
def test_the_limit_of_a_counter_may_be_fed_or_a_variable(graph, times):
    """The gradient is compiled for the limit that it finds."""
    x, fed = tf.placeholder(tf.float32, []), tf.placeholder(tf.int32, [])
    limit = tf.Variable(times)
    powers = [
        tf.while_loop(lambda i, y, n=n: i < n, lambda i, y: (i + 1, y * x), (0, tf.constant(1.0)))[1]
        for n in (fed, limit)
    ]
    slopes = [tf.gradients(y, x)[0] for y in powers]
    made = both_modes([*powers, *slopes], {x: 2.0, fed: times})
    np.testing.assert_allclose(made, [2.0**times] * 2 + [times * 2.0 ** (times - 1)] * 2, rtol=1e-6)


def test_counters_may_count_down_or_in_fractions(graph):
    x = tf.placeholder(tf.float64, [])
    one = tf.constant(1.0, tf.float64)
    down = tf.while_loop(lambda i, y: tf.less(0, i), lambda i, y: (i - 2, y * x), (5, one))[1]
    tenths = tf.while_loop(lambda v, y: v <= 1.0, lambda v, y: (v + 0.1, y * x), (tf.constant(0.0), one))[1]
    count, at = 0, np.float32(0)
    while at <= 1:
        count, at = count + 1, np.float32(at + np.float32(0.1))
    slopes = run([tf.gradients(y, x)[0] for y in (down, tenths)], {x: 2.0})
    np.testing.assert_allclose(slopes, [3 * 2.0**2, count * 2.0 ** (count - 1)])


def test_gradient_of_an_unbounded_loop_teaches(graph):
    x = tf.placeholder(tf.float32, [])
    y = tf.while_loop(lambda v: v < 1000.0, lambda v: v * x, [x])
    with pytest.raises(NotImplementedError, match="maximum_iterations"):
        tf.gradients(y, x)


def test_a_loop_variable_that_changes_its_dtype_teaches(graph):
    with pytest.raises(TypeError, match="starts as int32, and the body makes it float32"):
        tf.while_loop(lambda i: i < 5, lambda i: tf.cast(i, tf.float32), [0])


def test_a_loop_variable_that_changes_its_shape_teaches(graph):
    with pytest.raises(ValueError, match=r"starts with shape \[1\]"):
        tf.while_loop(lambda i: tf.size(i) < 5, lambda i: tf.concat([i, i], 0), [tf.zeros([1])])


def test_a_loop_may_assign_to_a_variable(graph):
    w = tf.Variable(0.0)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(tf.while_loop(lambda i: i < 4, lambda i: tf.cast(tf.assign_add(w, 2.0), tf.int32) - 2 + 1, [0]))
        assert float(session.run(w)) > 0.0


def test_map_fn_applies_to_each_row_and_has_both_derivatives(graph):
    x, w = tf.placeholder(tf.float32, [None]), tf.Variable(2.0)
    y = tf.map_fn(lambda v: v * v * w, x)
    (first,) = tf.gradients(y, x)
    results = run([y, first, *tf.gradients(first, [x, w])], {x: [1, 2, 3]})
    for expected, actual in zip([[2, 8, 18], [4, 8, 12], [4, 4, 4], 12], results, strict=True):
        np.testing.assert_allclose(actual, expected)


def test_map_fn_takes_and_returns_nestings(graph):
    y = tf.map_fn(lambda p: {"sum": p[0] + p[1], "both": p}, (tf.constant([1, 2]), tf.constant([10, 20])))
    made = run(y)
    np.testing.assert_array_equal(made["sum"], [11, 22])
    np.testing.assert_array_equal(made["both"][1], [10, 20])


def test_random_ops_in_map_fn_draw_anew_for_each_row(graph):
    y = run(tf.map_fn(lambda _: tf.random_uniform([]), tf.zeros([20])))
    assert len(set(y.tolist())) == 20


def test_scan_gives_partial_results_from_either_end(graph):
    x = tf.constant([1.0, 2.0, 3.0])
    forwards = tf.scan(lambda a, v: a + v, x)
    backwards = tf.scan(lambda a, v: a + v, x, reverse=True)
    np.testing.assert_array_equal(run(forwards), [1, 3, 6])
    np.testing.assert_array_equal(run(backwards), [6, 5, 3])


def test_scan_with_a_nested_first_value_gives_fibonacci_numbers(graph):
    a, _ = run(tf.scan(lambda pair, _: (pair[1], pair[0] + pair[1]), tf.zeros([8]), initializer=(0, 1)))
    assert a.tolist() == [1, 1, 2, 3, 5, 8, 13, 21]


def test_folds_go_from_left_and_from_right(graph):
    x = tf.constant([8.0, 4.0, 2.0])
    assert float(run(tf.foldl(lambda a, v: a - v, x))) == 2.0
    assert float(run(tf.foldr(lambda a, v: a - v, x))) == -10.0
    assert float(run(tf.foldl(lambda a, v: a * v, x, initializer=0.5))) == 32.0


def test_host_operations_run_inside_loops_and_branches(graph):
    x = tf.placeholder(tf.float32, [3])

    def doubled(value):
        return tf.reshape(tf.py_func(lambda v: np.float32(2 * v), [value], tf.float32), [])

    mapped = tf.map_fn(doubled, x)
    looped = tf.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, doubled(v)), (0, x[1]))[1]
    chosen = tf.cond(x[0] > 0.0, lambda: doubled(x[0]), lambda: x[1])
    for value, wanted in zip(both_modes([looped, chosen], {x: [1.0, 2.0, 3.0]}), [16.0, 2.0], strict=True):
        assert float(value) == wanted
    np.testing.assert_array_equal(both_modes(mapped, {x: [1.0, 2.0, 3.0]}), [2, 4, 6])
    assert float(run(chosen, {x: [-1.0, 2.0, 3.0]})) == 2.0
    for y in (mapped, looped, chosen):
        with pytest.raises(tf.errors.UnimplementedError, match=r"holds a host operation .* has no gradient"):
            tf.gradients(y, x)


def test_strings_go_through_map_fn(graph):
    words = tf.constant(["ab", "cde"])
    length = tf.map_fn(lambda w: tf.py_func(lambda v: np.int64(len(v)), [w], tf.int64), words, dtype=tf.int64)
    assert run(length).tolist() == [2, 3]


def test_a_loop_over_no_rows_gives_none(graph):
    rows = tf.placeholder(tf.float32, [None, 2])
    fetches = [tf.map_fn(lambda r: r * 2.0, rows), tf.scan(lambda a, r: a + r, rows, tf.zeros([2]))]
    fetches.append(tf.foldl(lambda a, r: a + r, rows, tf.ones([2])))
    mapped, scanned, folded = run(fetches, {rows: np.zeros((0, 2))})
    assert mapped.shape == scanned.shape == (0, 2)
    assert folded.tolist() == [1, 1]


def test_functions_of_the_wrong_form_teach(graph):
    x = tf.zeros([3])
    with pytest.raises(TypeError, match=r"tf.map_fn takes a function first, not 3"):
        tf.map_fn(3, x)
    with pytest.raises(tf.errors.GraphError, match=r"fn returned \(., .\), and dtype says \."):
        tf.map_fn(lambda r: (r, r), x, dtype=tf.float32)
    with pytest.raises(tf.errors.GraphError, match=r"fn returned \(., .\), and the result so far is \."):
        tf.scan(lambda a, r: (a, r), x)
    with pytest.raises(tf.errors.GraphError, match=r"the body returned \[.\], and the loop variables are \(., .\)"):
        tf.while_loop(lambda i, j: i < 3, lambda i, j: i + 1, (0, 1))
    with pytest.raises(tf.errors.GraphError, match="returned nothing"):
        tf.while_loop(lambda i: i < 3, lambda i: None, (0,))


def test_a_gradient_through_an_inner_loop_needs_a_bound_there_too(graph):
    x = tf.placeholder(tf.float32, [])

    def outer(i, y):
        return i + 1, tf.while_loop(lambda z: z < 10.0, lambda z: z * x, (y,))

    y = tf.while_loop(lambda i, y: i < 2, outer, (0, tf.constant(1.0)))[1]
    (slope,) = tf.gradients(y, x)
    assert float(run(y, {x: 3.0})) == 27.0
    with pytest.raises(tf.errors.UnimplementedError, match="passes through a while_loop inside"):
        run(slope, {x: 3.0})


def test_a_shape_that_grows_against_its_invariant_teaches(graph):
    first = tf.zeros([2, 3])
    shapes = [tf.TensorShape([]), tf.TensorShape([None, 4])]
    with pytest.raises(tf.errors.ShapeError, match=r"starts with shape \[2, 3\], which does not fit"):
        tf.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v), (0, first), shape_invariants=shapes)
    with pytest.raises(tf.errors.GraphError, match="has 1 shapes, and there are 2 loop variables"):
        tf.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v), (0, first), shape_invariants=shapes[:1])
    grown = tf.while_loop(
        lambda i, v: i < 3, lambda i, v: (i + 1, tf.concat([v, v], 0)), (0, first),
        shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 3])],
    )[1]  # fmt: skip
    assert run(grown).shape == (16, 3)
    with pytest.raises(tf.errors.UnimplementedError, match="change their shape"):
        tf.gradients(grown, first)


def test_invariants_that_nothing_needs_leave_the_loop_compiled_and_differentiable(graph):
    first = tf.ones([2, 3])
    same = tf.while_loop(
        lambda i, v: i < 3, lambda i, v: (i + 1, v * 2.0), (0, first),
        shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 3])],
    )[1]  # fmt: skip
    assert not same.op.kind.host
    np.testing.assert_array_equal(run(tf.gradients(same, first)[0]), np.full((2, 3), 8.0))


def test_back_prop_false_gives_no_gradient(graph):
    x = tf.constant([1.0, 2.0])
    assert tf.gradients(tf.map_fn(lambda v: v * v, x, back_prop=False), x) == [None]


# --- printing and checking; the expected texts are TensorFlow's


@pytest.mark.parametrize(
    ("value", "limit", "text"),
    [
        ([[1, 2], [3, 4]], 3, "[1 2][3...]..."),
        (np.float32([1, 2.5, 3.1415927, 4]), 3, "1 2.5 3.14159274..."),
        (1, 3, "1"),
        (np.arange(12).reshape(2, 3, 2), 3, "[[0 1][2...]]..."),
        (np.arange(12).reshape(2, 3, 2), 5, "[[0 1][2 3][4...]]..."),
        ([True, False], 3, "1 0"),
        ([b"ab", b"c"], 3, "ab c"),
        (np.float32([0.1, 1e-10, 1e20]), 3, "0.1 1e-10 1e+20"),
        ([0.1, 1 / 3], 3, "0.1 0.33333333333333331"),
    ],
)
def test_summaries_of_tensors_are_tensorflows(value, limit, text):
    assert summary(value, limit) == text


def test_print_hands_on_value_and_gradient_and_prints_first_n_times(graph, capsys):
    x = tf.placeholder(tf.float32, [2])
    y = tf.Print(x, [x, tf.shape(x)], "x: ", first_n=2)
    (slope,) = tf.gradients(y * 3.0, x)
    with tf.Session() as session:
        for _ in range(3):
            value, grad = session.run([y, slope], {x: [1.0, 2.0]})
    np.testing.assert_array_equal(value, [1, 2])
    np.testing.assert_array_equal(grad, [3, 3])
    assert capsys.readouterr().err == "x: [1 2][2]\n" * 2


def test_assert_fails_with_the_data(graph):
    x = tf.placeholder(tf.float32, [4])
    with tf.control_dependencies([tf.Assert(tf.reduce_sum(x) > 0.0, [x, "oops"])]):
        y = x * 2.0
    np.testing.assert_array_equal(run(y, {x: [1, 2, 3, 4]}), [2, 4, 6, 8])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"assertion failed: \[-1 -2 -3\.\.\.\] \[oops\]"):
        run(y, {x: [-1, -2, -3, -4]})


def test_check_numerics_names_what_it_found(graph):
    x = tf.placeholder(tf.float32, [2])
    y = tf.check_numerics(x, "here")
    np.testing.assert_array_equal(run(y, {x: [1, 2]}), [1, 2])
    with pytest.raises(tf.errors.InvalidArgumentError, match="here : Tensor had Inf and NaN values"):
        run(y, {x: [np.inf, np.nan]})


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (lambda: tf.assert_equal([1, 2], [1, 3]), r"x == y .* \[1 2\] .* \[1 3\]"),
        (lambda: tf.assert_less(2, 1), "x < y"),
        (lambda: tf.assert_less_equal(2, 1), "x <= y"),
        (lambda: tf.assert_greater(1, 2), "x > y"),
        (lambda: tf.assert_greater_equal(1, 2), "x >= y"),
        (lambda: tf.assert_none_equal(1, 1), "x != y"),
        (lambda: tf.assert_positive([1, 0], message="sizes"), r"\[sizes\] .* x > 0"),
        (lambda: tf.assert_negative(0), "x < 0"),
        (lambda: tf.assert_non_negative(-1), "x >= 0"),
        (lambda: tf.assert_non_positive(1), "x <= 0"),
    ],
)
def test_assertions_say_what_did_not_hold(graph, check, text):
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        run(check())


def test_assert_rank_checks_now_if_it_can_and_later_if_not(graph):
    with pytest.raises(ValueError, match="has rank 2, and rank 1 is needed"):
        tf.assert_rank(tf.zeros([2, 3]), 1)
    x = tf.placeholder(tf.float32)
    check = tf.assert_rank_at_least(x, 2)
    run(check, {x: [[1.0]]})
    with pytest.raises(tf.errors.InvalidArgumentError, match="has rank 1, and at least rank 2"):
        run(check, {x: [1.0]})


def test_add_check_numerics_ops_finds_the_first_bad_node(graph):
    x = tf.placeholder(tf.float32, [])
    tf.log(x, name="bad")
    check = tf.add_check_numerics_ops()
    run(check, {x: 1.0})
    with pytest.raises(tf.errors.InvalidArgumentError, match="bad:0 : Tensor had NaN values"):
        run(check, {x: -1.0})


@pytest.mark.parametrize("count", [0, 1, 3])
def test_map_fn_takes_and_gives_strings(count):
    words = np.array([b"a\0", b"b", b"\0"][:count], object)
    with tf.Graph().as_default(), tf.Session() as session:
        given = tf.placeholder(tf.string, [None])
        twice = tf.map_fn(lambda word: tf.string_join([word, word]), given)
        assert session.run(twice, {given: words}).tolist() == [word * 2 for word in words]
