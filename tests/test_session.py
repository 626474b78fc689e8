"""`Session.run`: fetches, feeds, pruning, state, modes."""

import collections
import threading

import jax
import numpy as np
import pytest

import labkit as tf
from labkit.graph import Op, Operation, Spec, apply, op
from labkit.ops.control_flow import group
from labkit.ops.state import Writer


def value(tensor, feeds=None):
    """The value of a tensor in a fresh session with its variables initialized."""
    with tf.Session(graph=tensor.graph) as session:
        session.run(tf.global_variables_initializer())
        return session.run(tensor, feeds)


def test_any_nesting_of_fetches_comes_back_in_the_same_nesting():
    a, b = tf.constant(1), tf.constant([2, 3])
    Pair = collections.namedtuple("Pair", "first second")
    fetches = {"list": [a, [b, (a,)]], "pair": Pair(b, {"deep": a}), "op": a.op, "name": "Const:0"}
    result = tf.Session().run(fetches)
    assert list(result) == list(fetches)
    assert result["list"][0] == 1
    assert result["list"][1][1] == (1,)
    assert isinstance(result["pair"], Pair)
    np.testing.assert_array_equal([2, 3], result["pair"].first)
    assert result["pair"].second == {"deep": 1}
    assert result["op"] is None
    assert result["name"] == 1


def test_an_ordered_dict_keeps_its_type_and_order():
    a, b = tf.constant(1), tf.constant(2)
    result = tf.Session().run(collections.OrderedDict([("z", a), ("a", b)]))
    assert result == collections.OrderedDict([("z", 1), ("a", 2)])
    assert type(result) is collections.OrderedDict


def test_the_same_tensor_fetched_twice_is_computed_once():
    a = tf.constant(2.0) * 3.0
    assert tf.Session().run([a, a, {"again": a}]) == [6.0, 6.0, {"again": 6.0}]


def test_results_are_numpy_arrays_that_the_caller_may_change():
    c = tf.constant([1.0, 2.0])
    session = tf.Session()
    first = session.run(c)
    first[0] = 99
    np.testing.assert_array_equal([1.0, 2.0], session.run(c))
    assert isinstance(session.run(c[0]), np.float32)


def test_any_edge_can_be_fed_and_what_lies_above_does_not_run():
    x = tf.placeholder(tf.float32, [], name="x")
    middle = tf.exp(x)
    y = middle * 2.0
    assert tf.Session().run(y, {middle: 5.0}) == 10.0


def test_a_constant_and_a_variable_read_can_be_fed():
    c = tf.constant(1.0)
    w = tf.Variable(1.0)
    assert tf.Session().run(c + w, {c: 10.0, w: 20.0}) == 30.0
    assert tf.Session().run(c + w, {c: 10.0, w.value(): 5.0}) == 15.0


def test_feeding_what_is_fetched_returns_the_fed_value():
    x = tf.placeholder(tf.float32, [])
    assert tf.Session().run([x, x * 2.0], {x: 4.0}) == [4.0, 8.0]


def test_keys_of_feed_dict_may_be_names_and_values_lists_scalars_and_jax_arrays():
    x = tf.placeholder(tf.float32, [None], name="x")
    total = tf.reduce_sum(x)
    session = tf.Session()
    assert session.run(total, {"x:0": [1, 2]}) == 3.0
    assert session.run(total, {x: jax.numpy.ones(4)}) == 4.0
    assert session.run(total, {x: (1.5, 2.5)}) == 4.0
    assert session.run(total, {x: np.arange(3, dtype=np.float64)}) == 3.0


def test_one_plan_serves_many_batch_sizes():
    x = tf.placeholder(tf.float32, [None, 2])
    mean = tf.reduce_mean(x, axis=0)
    session = tf.Session()
    for rows in (1, 3, 7):
        batch = np.random.default_rng(rows).normal(size=(rows, 2)).astype(np.float32)
        np.testing.assert_allclose(batch.mean(0), session.run(mean, {x: batch}), rtol=1e-6)


def test_only_what_the_fetch_needs_runs():
    touched = []

    class Loud(Op):
        """Notes that it ran."""

        args = ("x",)
        stateful = True
        host = True

        def infer(self, x: Spec) -> Spec:
            return Spec(x.dtype, x.shape)

        def kernel(self, x):
            touched.append(True)
            return x

    Loud.type = "Loud"
    c = tf.constant(1.0)
    loud = c.graph.apply(Loud(), (c,))
    quiet = c * 2.0
    session = tf.Session()
    session.run(quiet)
    assert touched == []
    assert session.run(loud + quiet) == 3.0
    assert touched == [True]


def test_control_inputs_run_first_and_are_not_pruned():
    w = tf.Variable(1.0)
    with tf.Session() as session:
        session.run(w.initializer)
        with w.graph.control_dependencies([w.assign_add(10.0)]):
            after = w.read_value()
        assert session.run(after) == 11.0


def test_variables_live_in_the_session_and_not_in_the_graph():
    w = tf.Variable(1.0)
    one, two = tf.Session(), tf.Session()
    one.run(w.initializer)
    two.run(w.initializer)
    one.run(w.assign_add(1.0))
    assert (one.run(w), two.run(w)) == (2.0, 1.0)


def test_reads_made_before_a_write_see_the_old_value_and_the_reference_the_new_one():
    w = tf.Variable(1.0)
    before = w * 10.0
    update = w.assign(5.0)
    after = tf.identity(update) * 10.0
    with tf.Session() as session:
        session.run(w.initializer)
        assert session.run([before, after, w, update]) == [10.0, 50.0, 5.0, 5.0]


def test_two_writes_in_one_run_happen_in_the_order_they_were_made():
    w = tf.Variable(2.0)
    add, double = w.assign_add(1.0), None
    double = tf.assign(w, tf.identity(add) * 2.0)
    with tf.Session() as session:
        session.run(w.initializer)
        session.run([double, add])
        assert session.run(w) == 6.0


def test_a_training_step_donates_its_state():
    w = tf.Variable(np.zeros((64, 64), np.float32))
    step = w.assign_sub(tf.ones([64, 64]))
    session = tf.Session()
    session.run(w.initializer)
    session.run(step.op)
    old = session._store["Variable"]
    session.run(step.op)
    assert old.is_deleted()
    assert not session._store["Variable"].is_deleted()


def test_a_value_that_only_passes_through_does_not_share_its_buffer():
    """Two variables assigned from one another, then trained: donation must not take both."""
    a, b = tf.Variable([1.0, 2.0]), tf.Variable([0.0, 0.0])
    x = tf.placeholder(tf.float32, [2])
    copy, feed = tf.assign(b, a), tf.assign(a, x)
    step = a.assign_add([1.0, 1.0])
    fed = np.array([5.0, 6.0], np.float32)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(copy)
        session.run(step)
        np.testing.assert_array_equal([1.0, 2.0], session.run(b))
        session.run(feed, {x: fed})
        fed[:] = -1
        np.testing.assert_array_equal([5.0, 6.0], session.run(a))
        session.run(step)
        np.testing.assert_array_equal([6.0, 7.0], session.run(a))


def test_a_fed_array_may_be_changed_right_after_the_run():
    w = tf.Variable(np.zeros(200_000, np.float32))
    x = tf.placeholder(tf.float32, [200_000])
    step = w.assign_add(x * 2.0)
    buffer = np.ones(200_000, np.float32)
    with tf.Session() as session:
        session.run(w.initializer)
        for _ in range(20):
            buffer[:] = 1
            session.run(step.op, {x: buffer})
            buffer[:] = -1000  # while the step may still be running
        np.testing.assert_array_equal(np.full(200_000, 40.0), session.run(w))


def test_make_callable_takes_values_in_the_order_of_its_feed_list():
    x, y = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
    call = tf.Session().make_callable([x - y, (x,)], [x, y])
    assert call(5.0, 3.0) == [2.0, (5.0,)]
    with pytest.raises(TypeError, match="takes 2 value"):
        call(1.0)


def test_eval_and_run_use_the_innermost_default_session():
    c = tf.constant(3.0)
    w = tf.Variable(1.0)
    with tf.Session() as outer:
        w.initializer.run()
        with tf.Session().as_default() as inner:
            assert tf.get_default_session() is inner
            w.load(7.0, inner)
        assert tf.get_default_session() is outer
        assert (c.eval(), w.eval()) == (3.0, 1.0)
    assert tf.get_default_session() is None


def test_an_interactive_session_is_the_default_until_it_is_closed():
    session = tf.InteractiveSession()
    assert tf.constant(2.0).eval() == 2.0
    session.close()
    assert tf.get_default_session() is None


def test_an_interactive_session_with_a_graph_makes_it_the_default_graph():
    graph = tf.Graph()
    session = tf.InteractiveSession(graph=graph)
    try:
        assert tf.get_default_graph() is graph
    finally:
        session.close()
    assert tf.get_default_graph() is not graph


def test_log_device_placement_prints_each_node_once_in_tensorflows_form(capfd):
    c = tf.constant(1.0, name="c")
    session = tf.Session(config=tf.ConfigProto(log_device_placement=True))
    session.run(tf.add(c, c, name="twice"))
    session.run(c)
    lines = capfd.readouterr().err.splitlines()
    device = session.list_devices()[0]
    assert lines[0].startswith("Device mapping:")
    assert [line for line in lines[1:] if " -> " not in line] == [f"c: (Const): {device}", f"twice: (Add): {device}"]


def test_full_trace_fills_the_run_metadata_with_every_node():
    x = tf.placeholder(tf.float32, [2])
    y = tf.exp(x) * 2.0
    metadata = tf.RunMetadata()
    options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
    result = tf.Session().run(y, {x: [0.0, 1.0]}, options, metadata)
    np.testing.assert_allclose(2 * np.exp([0.0, 1.0]), result, rtol=1e-6)
    assert [event.op for event in metadata.trace.events] == ["Exp", "Const", "Mul"]
    assert all(event.duration_seconds > 0 for event in metadata.trace.events)
    assert metadata.trace.events[0].output_bytes == 8
    np.testing.assert_allclose(np.exp([0.0, 1.0]), metadata.trace.values["Exp:0"], rtol=1e-6)
    chrome = metadata.trace.to_chrome()["traceEvents"]
    assert [event["name"] for event in chrome if event["ph"] == "X"] == ["Exp", "Const", "Mul"]


def test_watched_and_whole_runs_train_alike():
    w = tf.Variable([1.0, 2.0])
    (grad,) = tf.gradients(tf.reduce_sum(w * w * w), [w])
    step = group(w.assign_sub(0.1 * grad))
    whole, watched = tf.Session(), tf.Session()
    for session in (whole, watched):
        session.run(w.initializer)
    for _ in range(3):
        whole.run(step)
        watched.watch(step)
    np.testing.assert_allclose(whole.run(w), watched.run(w), rtol=1e-6)


def test_host_and_jax_nodes_run_in_the_right_order_around_state():
    """A host op that reads a variable between two writes sees the value of its place in the program."""
    seen = []

    class Look(Op):
        """Keeps what it is given."""

        args = ("x",)
        stateful = True
        host = True

        def infer(self, x: Spec) -> Spec:
            return Spec(x.dtype, x.shape)

        def kernel(self, x):
            seen.append(float(x))
            return np.asarray(x)

    Look.type = "Look"
    w = tf.Variable(1.0)
    graph = w.graph
    first = graph.apply(Look(), (w.read_value(),))
    with graph.control_dependencies([first]):
        up = w.assign_add(1.0)
    with graph.control_dependencies([up]):
        second = graph.apply(Look(), (w.read_value(),))
    with tf.Session() as session:
        session.run(w.initializer)
        assert session.run(second) == 2.0
    assert seen == [1.0, 2.0]


def test_a_failing_host_op_leaves_the_state_as_it_was():
    class Fail(Op):
        """Always fails."""

        args = ("x",)
        stateful = True
        host = True

        def infer(self, x: Spec) -> Spec:
            return Spec(x.dtype, x.shape)

        def kernel(self, x):
            raise ValueError("no")

    Fail.type = "Fail"
    w = tf.Variable(1.0)
    up = w.assign_add(1.0)
    with w.graph.control_dependencies([up]):
        bad = w.graph.apply(Fail(), (tf.identity(up),))
    with tf.Session() as session:
        session.run(w.initializer)
        with pytest.raises(tf.errors.InvalidArgumentError, match="Fail failed: no"):
            session.run(bad)
        assert session.run(w) == 1.0


def test_strings_are_fetched_and_fed_as_bytes():
    hello = tf.constant("Hello")
    s = tf.placeholder("string", [None])
    session = tf.Session()
    assert session.run(hello) == b"Hello"
    np.testing.assert_array_equal([b"a", b"b"], session.run(s, {s: ["a", "b"]}))


def test_sessions_share_compiled_plans_through_the_graph():
    y = tf.constant(1.0) + 1.0
    tf.Session().run(y)
    plans = len(y.graph.plans)
    tf.Session().run(y)
    assert len(y.graph.plans) == plans


def test_int64_and_float64_exist_while_jax_keeps_its_own_default():
    big = tf.constant(2**40, tf.int64) + 1
    tiny = tf.constant(1.0, tf.float64) + 1e-12
    assert value(big) == 2**40 + 1
    assert value(tiny) == 1.0 + 1e-12
    assert jax.numpy.arange(3).dtype == np.int32


def test_threads_that_build_and_run_do_not_mix():
    errors = []

    def work(seed):
        try:
            with tf.Graph().as_default(), tf.Session() as session:
                w = tf.Variable(float(seed))
                session.run(w.initializer)
                up = w.assign_add(1.0)
                for _ in range(20):
                    session.run(up)
                assert session.run(w) == seed + 20
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_many_threads_may_run_one_session():
    w = tf.Variable(0.0)
    up = w.assign_add(1.0)
    session = tf.Session()
    session.run(w.initializer)
    threads = [threading.Thread(target=lambda: [session.run(up.op) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert session.run(w) == 200.0


def test_a_writer_op_defined_by_a_learner_updates_its_variable():
    class Triple(Writer):
        """Multiplies a variable by three."""

        args = ("ref",)

        def kernel(self, ref):
            return ref * 3

    Triple.type = "Triple"
    w = tf.Variable(2.0)
    node = apply(Triple(), w.ref)
    assert isinstance(node.op, Operation)
    with tf.Session() as session:
        session.run(w.initializer)
        assert session.run(node) == 6.0


def test_registering_two_ops_of_one_name_is_an_error():
    with pytest.raises(ValueError, match="there is an op Exp already, in labkit"):

        @op
        class Exp(Op):
            """Another one."""


def test_graph_passes_that_the_configuration_asks_for_give_the_same_numbers_from_fewer_nodes():
    x, w = tf.placeholder(tf.float32, [2]), tf.Variable([1.0, 2.0])
    loss = tf.reduce_sum(tf.square(x * w) + tf.square(x * w) * 1.0)
    step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    passes = tf.OptimizerOptions(opt_level=tf.OptimizerOptions.L1)
    results, sizes = [], []
    for config in (None, tf.ConfigProto(graph_options=tf.GraphOptions(optimizer_options=passes))):
        with tf.Session(config=config) as session:
            session.run(tf.global_variables_initializer())
            for _ in range(3):
                session.run(step, {x: [1.0, 2.0]})
            results.append(session.run([w, loss], {x: [1.0, 2.0]}))
            sizes.append(sum(len(prepared.plan.nodes) for prepared in session._prepared.values()))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]
    assert sizes[1] < sizes[0]


def test_an_update_is_timed_until_the_variable_has_its_new_value(monkeypatch):
    """Its result is state and no output; without waiting for it, its time would be counted to the ops behind it."""
    import jax

    v = tf.Variable(np.ones(3, np.float32))
    train = tf.train.GradientDescentOptimizer(1.0).minimize(tf.reduce_sum(v * v))
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    waited = []
    wait = jax.block_until_ready
    monkeypatch.setattr(jax, "block_until_ready", lambda values: waited.append(values) or wait(values))
    sess.watch(train)
    new = sess._store[v.op.name]
    assert any(value is new for values in waited if isinstance(values, list) for value in values)
