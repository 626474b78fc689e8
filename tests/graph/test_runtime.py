"""What a session lends to host operations: objects that live from run to run, and threads that may wait."""

import queue
import threading

import numpy as np
import pytest

import labkit as tf
from labkit.dtypes import float32, resource
from labkit.graph import OPS, HostRun, Op, Spec, apply, op
from labkit.ops.control_flow import group


class Box:
    """A queue that knows when its session closes."""

    def __init__(self):
        self.items = queue.Queue()
        self.closed = False

    def close_resource(self):
        self.closed = True
        self.items.put(None)


class HostOp(Op):
    stateful = True
    uses_session = True

    @property
    def host(self):
        return True


@pytest.fixture
def box_ops():
    """Ops that exist for one test only."""

    @op
    class TestBox(HostOp):
        args = ()

        def infer(self):
            return Spec(resource, ())

        def kernel(self, run: HostRun):
            return run.resource(Box)

    @op
    class TestPut(HostOp):
        args = ("handle:resource", "value:float32")

        def infer(self, handle, value):
            return ()

        def kernel(self, run, handle, value):
            handle.items.put(np.array(value))
            return ()

    @op
    class TestTake(HostOp):
        args = ("handle:resource",)

        def infer(self, handle):
            return Spec(float32, ())

        def kernel(self, run, handle):
            value = handle.items.get()
            if value is None:
                raise tf.errors.CancelledError(None, None, "the session was closed")
            return value

    yield TestBox, TestPut, TestTake
    for name in ("TestBox", "TestPut", "TestTake"):
        del OPS[name]


def test_an_object_lives_as_long_as_its_session(box_ops):
    make, put, take = box_ops
    box = apply(make(), name="box")
    x = tf.placeholder(tf.float32, [])
    putting, taking = group(apply_put(put, box, x)), apply(take(), box)
    with tf.Session() as first, tf.Session() as second:
        for value in (1.0, 2.0):
            first.run(putting, {x: value})
            second.run(putting, {x: -value})
        assert [first.run(taking), second.run(taking), first.run(taking)] == [1.0, -1.0, 2.0]


def apply_put(put, box, x):
    from labkit.graph import apply_node

    return apply_node(put(), box, x)


def test_a_waiting_operation_does_not_stop_other_threads(box_ops):
    """The consumer waits first; the producer's run, of the same session, lets it go on and updates a variable."""
    make, put, take = box_ops
    box = apply(make())
    steps = tf.Variable(0)
    x = tf.placeholder(tf.float32, [])
    taken = apply(take(), box) * 2.0
    putting = group(apply_put(put, box, x + 1.0), tf.assign_add(steps, 1))
    got = []
    with tf.Session() as session:
        session.run(steps.initializer)
        consumer = threading.Thread(target=lambda: got.append(session.run([taken, steps])))
        consumer.start()
        session.run(putting, {x: 20.0})
        consumer.join(timeout=60)
        assert got[0][0] == 42.0
        assert session.run(steps) == 1


def test_closing_the_session_wakes_who_waits(box_ops):
    make, _, take = box_ops
    taken = apply(take(), apply(make()))
    session, failures = tf.Session(), []

    def consume():
        try:
            session.run(taken)
        except tf.errors.CancelledError as error:
            failures.append(error)

    consumer = threading.Thread(target=consume)
    consumer.start()
    while not session._resources._objects:
        pass
    session.close()
    consumer.join(timeout=60)
    assert len(failures) == 1


def test_a_training_step_after_a_waiting_operation_updates_in_place_and_keeps_its_fetches(box_ops):
    """The state is donated to the compiled part; what was fetched of it before stays readable."""
    make, put, take = box_ops
    box = apply(make())
    x = tf.placeholder(tf.float32, [])
    putting = apply_put(put, box, x)
    w = tf.Variable(np.ones(1000, np.float32))
    before = tf.identity(w)
    value = apply(take(), box)
    with tf.control_dependencies([before]):
        step = tf.assign_sub(w, tf.gradients(value * tf.reduce_sum(w * w), w)[0])
    with tf.Session() as session:
        session.run(w.initializer)
        expected = np.ones(1000, np.float32)
        for rate in (0.1, 0.25):
            session.run(putting, {x: rate})
            seen, _ = session.run([before, step])
            np.testing.assert_allclose(expected, seen)
            expected = expected - np.float32(rate) * 2 * expected
        np.testing.assert_allclose(expected, session.run(w), rtol=1e-6)


def test_a_handle_cannot_be_fetched(box_ops):
    make, _, _ = box_ops
    with pytest.raises(tf.errors.FetchError, match="object that the session keeps"):
        tf.Session().run(apply(make(), name="box"))
