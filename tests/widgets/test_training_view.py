"""TrainingView in the kernel: it trains as a plain loop does, obeys its buttons, and lets go of everything."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import struct
import subprocess
import sys
import threading
import time
import traceback
import types
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import labkit as tf
import labkit_widgets as lw
from labkit.graph import constant_value
from labkit_widgets import awaited
from labkit_widgets.training_graph import gradients_of, rate_of

RNG = np.random.default_rng(0)
X = RNG.random((400, 64), np.float32)
Y = np.eye(10, dtype=np.float32)[RNG.integers(0, 10, 400)]


class Net:
    """Softmax regression on 8×8 pictures, with everything that a test may want."""

    def __init__(self, rate=0.5, optimizer=tf.train.GradientDescentOptimizer, keep=1.0) -> None:
        self.x = tf.placeholder(tf.float32, [None, 64], name="x")
        self.y = tf.placeholder(tf.float32, [None, 10], name="y")
        self.w = tf.Variable(tf.zeros([64, 10]), name="W")
        self.b = tf.Variable(tf.zeros([10]), name="b")
        seen = tf.nn.dropout(self.x, keep, seed=3) if keep < 1 else self.x
        self.logits = tf.matmul(seen, self.w) + self.b
        self.loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=self.y, logits=self.logits))
        right = tf.equal(tf.argmax(self.logits, 1), tf.argmax(self.y, 1))
        self.accuracy = tf.reduce_mean(tf.cast(right, tf.float32))
        self.train = optimizer(rate).minimize(self.loss)
        self.all = {self.x: X, self.y: Y}

    def feed(self, step: int) -> dict:
        some = slice(step * 20 % 400, step * 20 % 400 + 20)
        return {self.x: X[some], self.y: Y[some]}

    def session(self) -> tf.Session:
        session = tf.Session()
        session.run(tf.global_variables_initializer())
        return session

    def loop(self, steps: int, session=None, rates=None) -> list[float]:
        """What a learner would write by hand."""
        session = session or self.session()
        losses = []
        for step in range(steps):
            feed = self.feed(step) | ({} if rates is None else rates(step))
            losses.append(float(session.run([self.train, self.loss], feed)[1]))
        return losses


@pytest.fixture
def views():
    """Closes what a test makes, and checks that no thread is left."""
    made = []

    def make(*args, **kwargs) -> lw.TrainingView:
        made.append(lw.TrainingView(*args, **kwargs))
        return made[-1]

    yield make
    for view in made:
        view.close()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("labkit")] == []


def asked(view: lw.TrainingView, verb: str, **args):
    """What the kernel answers to a page."""
    answers = []
    view.send = lambda content, buffers=None: answers.append((content, buffers))
    view._hear(view, {"id": 1, "verb": verb, "args": args}, [])
    return next(answer for answer in answers if answer[0].get("id") == 1)


def header(packed: bytes) -> dict:
    return json.loads(packed[4 : 4 + struct.unpack("<I", packed[:4])[0]])


def test_a_model_beside_it_without_values_is_left_alone(views) -> None:
    """Its variables are neither looked at nor drawn."""
    with tf.Graph().as_default() as graph:
        other = tf.Variable(1.0, name="other")
        w = tf.Variable(5.0, name="w")
        train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.square(w), var_list=[w])
    session = tf.Session(graph=graph)
    session.run(w.initializer)
    view = views(session, train, steps=20, curves={"w": w})
    view.start().wait()
    assert view.values("w")[0][-1] == 19
    with pytest.raises(tf.errors.FailedPreconditionError):
        session.run(other)


@pytest.mark.parametrize("keep", [1.0, 0.5])
def test_the_curve_is_that_of_a_plain_loop_bit_for_bit_although_somebody_watches(views, keep) -> None:
    net = Net(keep=keep)
    expected = net.loop(120)
    session = net.session()
    view = views(session, net.train, feed=net.feed, steps=120, curves={"loss": net.loss})
    view.start().wait()
    steps, values = view.values("loss")
    assert steps.tolist() == list(range(120))
    assert values.tolist() == expected
    assert view.state == "finished"
    assert len(view.values("W")[0]) >= 2, "gradients were looked at meanwhile"


def run_alone(coroutine: Any) -> Any:
    """Runs it on a loop in a thread of its own: in this one the browser of other tests may have left its loop open."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def test_a_curve_of_its_own_feed_is_taken_every_so_many_steps_and_at_the_end(views) -> None:
    net = Net()
    session = net.session()
    expected = []
    for step in range(45):
        if step % 20 == 0:
            expected.append(session.run(net.accuracy, net.all))
        session.run(net.train, net.feed(step))
    expected.append(session.run(net.accuracy, net.all))
    view = views(
        net.session(), net.train, feed=net.feed, steps=45, curves={"accuracy": (net.accuracy, lambda: net.all, 20)}
    )
    view.start().wait()
    steps, values = view.values("accuracy")
    assert steps.tolist() == [0, 20, 40, 45]
    assert values.tolist() == expected


def test_norms_of_gradients_are_those_of_numpy(views) -> None:
    net = Net()
    view = views(net.session(), net.train, feed=net.feed, steps=3, curves={"loss": net.loss})
    view.start().wait()
    rows, labels = X[:20], Y[:20]
    gradient = rows.T @ (np.full((20, 10), 0.1) - labels) / 20
    assert view.values("W")[1][0] == pytest.approx(np.linalg.norm(gradient), rel=1e-5)


@pytest.mark.parametrize("kind", ["placeholder", "with default", "variable", "found"])
def test_setting_the_rate_is_as_feeding_it_by_hand(views, kind) -> None:
    if kind == "placeholder":
        rate = tf.placeholder(tf.float32, [])
    elif kind == "with default":
        rate = tf.placeholder_with_default(0.5, [])
    else:
        rate = tf.Variable(0.5, trainable=False) if kind == "variable" else 0.5
    net = Net(rate)
    given = {"placeholder": (rate, 0.5), "with default": rate, "variable": rate, "found": None}[kind]
    view = views(net.session(), net.train, feed=net.feed, steps=60, curves={"loss": net.loss}, learning_rate=given)
    view.start(paused=True)
    view.step(30)
    assert view.steps_done == 30
    assert asked(view, "rate", value=0.05)[0] == {"id": 1, "result": None}
    view.resume()
    view.wait()
    assert view.values("learning rate")[0].tolist() == [0, 30]
    assert view.values("learning rate")[1].tolist() == pytest.approx([0.5, 0.05])

    tf.reset_default_graph()
    fed = tf.placeholder(tf.float32, [])
    by_hand = Net(fed)
    expected = by_hand.loop(60, rates=lambda step: {fed: 0.5 if step < 30 else 0.05})
    assert view.values("loss")[1] == pytest.approx(expected, rel=1e-5)


def test_a_pause_really_pauses_single_steps_are_single_and_stop_ends(views) -> None:
    net = Net()
    made = []

    def feed(step: int) -> dict:
        made.append(step)
        return net.feed(step)

    view = views(net.session(), net.train, feed=feed, steps=None, curves={"loss": net.loss})
    view.start()
    while view.steps_done < 5:
        time.sleep(0.001)
    view.pause()
    at = view.steps_done
    assert (view.state, len(made)) == ("paused", at)
    time.sleep(0.2)
    assert len(made) == at
    view.step()
    assert len(made) == at + 1
    assert asked(view, "step")[0] == {"id": 1, "result": None}
    deadline = time.monotonic() + 10
    while len(made) < at + 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    assert len(made) == at + 2
    asked(view, "resume")
    while view.steps_done < at + 20:
        time.sleep(0.001)
    asked(view, "stop")
    view.wait(10)
    assert view.state == "stopped"
    assert view.steps_done == len(made)
    assert made == list(range(len(made)))
    assert repr(view) == "<TrainingView: loss without an end>"


def test_a_stopped_run_goes_on_and_a_finished_one_trains_on(views) -> None:
    net = Net()
    expected = net.loop(50)
    view = views(net.session(), net.train, feed=net.feed, steps=40, curves={"loss": net.loss})
    view.step(10)
    view.stop()
    assert (view.state, view.steps_done) == ("stopped", 10)
    view.start().wait()
    assert (view.state, view.steps_done) == ("finished", 40)
    view.start(steps=10).wait()
    assert view.values("loss")[1].tolist() == expected
    assert view.runs == ["run"]


def test_a_second_run_overlays_the_first_in_one_view_or_another(views) -> None:
    net = Net()
    session = net.session()
    view = views(session, net.train, feed=net.feed, steps=30, curves={"loss": net.loss}, name="rate 0.5")
    view.start().wait()
    first = view.values("loss")[1].tolist()
    session.run(tf.global_variables_initializer())
    view.set_rate(0.01)
    view.start(name="rate 0.01").wait()
    assert view.runs == ["rate 0.5", "rate 0.01"]
    assert view.values("loss", run="rate 0.5")[1].tolist() == first
    assert view.values("loss")[1][0] == first[0]
    assert view.values("loss")[1][-1] > first[-1]
    session.run(tf.global_variables_initializer())
    other = views(session, net.train, feed=net.feed, steps=30, curves={"loss": net.loss}, name="rate 0.5", overlay=view)
    assert other.runs == ["rate 0.5", "rate 0.01", "rate 0.5 2"]
    assert other.values("loss", run="rate 0.5")[1].tolist() == first
    other.start().wait()
    assert other.values("loss")[1].tolist() == first


def test_an_error_in_the_thread_is_shown_in_words_and_raised_where_one_waits(views) -> None:
    net = Net()

    def feed(step: int) -> dict:
        if step == 7:
            raise KeyError("no batch of that number")
        return net.feed(step)

    view = views(net.session(), net.train, feed=feed, steps=20, curves={"loss": net.loss})
    view.start()
    with pytest.raises(KeyError, match="no batch of that number") as caught:
        view.wait()
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-1] == "feed"
    run = header(view.snapshot)["runs"][0]
    assert (view.state, run["step"]) == ("failed", 7)
    assert run["words"].startswith("Failed at step 7. KeyError")
    with pytest.raises(RuntimeError, match="Failed at step 7"):
        view.wait()
    assert asked(view, "start")[0] == {"id": 1, "result": None}
    with pytest.raises(KeyError):
        run_alone(view.finished())


def test_awaiting_lets_others_run_and_cancelling_it_stops_the_training(views) -> None:
    net = Net()
    view = views(net.session(), net.train, feed=net.feed, steps=None, curves={"loss": net.loss})

    async def cell() -> int:
        waiting = asyncio.ensure_future(view.start().finished())
        turns = 0
        while view.steps_done < 100:
            await asyncio.sleep(0.001)
            turns += 1
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return turns

    assert run_alone(cell()) > 0
    assert view.state == "stopped"


def test_an_interrupt_while_waiting_stops_the_training(views, monkeypatch) -> None:
    net = Net()
    view = views(net.session(), net.train, feed=net.feed, steps=None, curves={"loss": net.loss})

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    view.start()
    monkeypatch.setattr(awaited, "time", types.SimpleNamespace(sleep=interrupted))
    with pytest.raises(KeyboardInterrupt):
        view.wait()
    monkeypatch.undo()
    assert view.state == "stopped"
    with pytest.raises(TimeoutError):
        views(net.session(), net.train, feed=net.feed, steps=None).start().wait(0.01)


def test_data_that_end_end_the_training(views) -> None:
    data = tf.data.Dataset.from_tensor_slices(X).batch(100).make_one_shot_iterator().get_next()
    w = tf.Variable(tf.zeros([64, 1]))
    loss = tf.reduce_mean(tf.square(tf.matmul(data, w) - 1.0))
    train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    view = views(session, train, steps=1000, curves={"loss": loss})
    view.start().wait()
    run = header(view.snapshot)["runs"][0]
    assert (run["state"], run["words"]) == ("finished", "The data ended after 4 steps.")
    assert len(view.values("loss")[1]) == 4
    with pytest.raises(ValueError, match="there is no curve 'Variable'"):
        view.values("Variable")  # a look would have taken a batch away

    again = tf.data.Dataset.from_tensor_slices(X).batch(100).repeat().make_one_shot_iterator().get_next()
    loss = tf.reduce_mean(tf.square(tf.matmul(again, w) - 1.0))
    train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
    view = views(session, train, steps=101, curves={"loss": loss}, gradients=True)
    view.start().wait()
    assert view.values("Variable")[0].tolist() == [0, 50, 100]


def test_an_iterator_of_feeds_may_end(views) -> None:
    net = Net()
    view = views(net.session(), net.train, feed=(net.feed(i) for i in range(6)), steps=20, curves={"loss": net.loss})
    view.start().wait()
    assert (view.state, view.steps_done) == ("finished", 6)


def test_other_cells_may_use_the_session_meanwhile(views) -> None:
    net = Net()
    session = net.session()
    view = views(session, net.train, feed=net.feed, steps=None, curves={"loss": net.loss})
    view.start()
    for _ in range(50):
        assert 0 <= session.run(net.accuracy, net.all) <= 1
    view.stop()


def test_the_view_holds_neither_session_nor_graph_once_its_run_has_ended(views) -> None:
    with tf.Graph().as_default() as graph:
        net = Net()
        session = net.session()
        test = {net.x: X, net.y: Y}
        view = views(
            session, net.train, feed=net.feed, steps=20, curves={"a": (net.accuracy, test, 5), "loss": net.loss}
        )
        view.start().wait()
    gone = [weakref.ref(session), weakref.ref(graph), weakref.ref(net)]
    del session, graph, net, test
    gc.collect()
    assert [ref() for ref in gone] == [None, None, None]
    assert view.values("loss")[1].size == 20
    with pytest.raises(RuntimeError, match="session of this training is gone"):
        view.start()


def test_a_failed_or_closed_view_lets_go_too() -> None:
    with tf.Graph().as_default() as graph:
        net = Net()
        session = net.session()
        view = lw.TrainingView(session, net.train, feed=lambda step: 1 / 0, curves={"loss": net.loss}).start()
        with pytest.raises(ZeroDivisionError):
            view.wait()
        other = lw.TrainingView(session, net.train, feed=net.feed, steps=None, curves={"loss": net.loss}).start()
        other.close()
        never = lw.TrainingView(session, net.train, feed=net.feed, curves={"loss": net.loss})
        never.close()
    gone = [weakref.ref(session), weakref.ref(graph)]
    del session, graph, net
    gc.collect()
    assert [ref() for ref in gone] == [None, None]
    view.close()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("labkit")] == []


def test_a_learner_lets_go_of_view_and_session_in_any_order() -> None:
    net = Net()
    view = lw.TrainingView(net.session(), net.train, feed=net.feed, steps=5, curves={"loss": net.loss})
    gc.collect()
    view.start().wait()  # nobody else holds the session, and it is there until the run has ended
    assert view.values("loss")[1].size == 5
    view.close()


def test_what_a_page_asks_is_checked(views) -> None:
    net = Net()
    view = views(net.session(), net.train, feed=net.feed, steps=5, curves={"loss": net.loss})
    for value in ("0.1", None, True, float("nan"), -1, [1]):
        assert "learning rate" in asked(view, "rate", value=value)[0]["error"]
    assert "error" in asked(view, "rate")[0]
    assert "does not know" in asked(view, "keep")[0]["error"]
    view.ui = {
        "smoothing": 2,
        "log": "yes",
        "panels": ["weights", "no such", "curves"],
        "hidden": ["a", 3],
        "x": "y" * 10**6,
    }
    assert view.ui == {"panels": ["curves", "weights"], "hidden": ["a"]}
    view.start().wait()
    content, buffers = asked(view, "all")
    assert content == {"id": 1, "result": None}
    assert header(buffers[0]) == header(view.snapshot)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"curves": {"loss": "logits"}}, r"(?s)one number for each step, and 'loss' has the shape.*reduce_mean"),
        ({"curves": {"loss": 3.0}}, "must be a tensor of the graph"),
        ({"curves": {"loss": ("loss", {}, 0)}}, "after how many steps"),
        ({"feed": 3}, "feed is a dictionary, a function"),
        ({"feed": lambda *, step: {}}, "(?s)called with the number of the step.*def next_batch"),
        ({"overlay": 3}, "overlay is another TrainingView"),
        ({"steps": "ten"}, "at least 1.*'ten'"),
        ({"steps": 0}, "at least 1"),
        ({"weights": ["loss"]}, "weights are variables"),
        ({"gradients": ["loss"]}, "pairs"),
        ({"learning_rate": "logits"}, "variable or a placeholder of one number"),
        ({"train_step": 3}, "train_step is what to run"),
        ({"session": 3}, "the first argument is a tf.Session"),
    ],
)  # fmt: skip
def test_errors_say_what_to_do(arguments, said) -> None:
    net = Net()

    def real(value):
        if isinstance(value, dict):
            return {key: real(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(real(each) for each in value)
        return getattr(net, value) if value in ("loss", "logits") else value

    given = {"session": net.session(), "train_step": net.train, "feed": net.feed} | real(arguments)
    with pytest.raises((TypeError, ValueError), match=said):
        lw.TrainingView(**given)


def test_steps_and_rates_that_are_no_numbers_are_explained(views) -> None:
    net = Net()
    view = views(net.session(), net.train, feed=net.feed, steps=5)
    with pytest.raises(ValueError, match=r"at least 1.*'5'"):
        view.start("5")
    with pytest.raises(ValueError, match=r"finite number.*'fast'"):
        view.set_rate("fast")
    assert view.state == "ready"


def test_a_feed_that_lacks_a_placeholder_names_it(views) -> None:
    """Also where the view looks at gradients before the first step runs."""
    net = Net()
    view = views(net.session(), net.train, feed=lambda step: {}, steps=5)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r'placeholder ".*was not fed'):
        view.start().wait()
    assert "was not fed" in header(view.snapshot)["runs"][0]["words"]


def test_feeds_that_are_no_dictionaries_are_explained(views) -> None:
    net = Net()
    view = views(net.session(), net.train, feed=lambda step: (X, Y), steps=5)
    with pytest.raises(TypeError, match="the feed of step 0 is tuple"):
        view.start().wait()


def test_what_stands_in_the_notebook_is_the_same_at_every_run(views) -> None:
    net = Net()
    view = views(
        net.session(), net.train, feed=net.feed, steps=30, curves={"loss": net.loss, "x": (net.accuracy, net.all, 5)}
    )
    before, _ = view._repr_mimebundle_()
    view.start()
    during, _ = view._repr_mimebundle_()
    assert before["text/html"] == during["text/html"]
    assert before["text/plain"] == during["text/plain"] == "<TrainingView: loss, x over 30 steps>"
    for word in ("loss", "x, every 5 steps", "weights as images", "norms of gradients", "W"):
        assert word in before["text/html"]
    view.wait()
    after, metadata = view._repr_mimebundle_()
    assert "text/html" not in after, "measured values are in the picture, which is not compared"
    assert after["image/png"].startswith("iVBOR")
    assert metadata["image/png"]["alt"] == before["text/plain"] == after["text/plain"]


def test_a_page_of_its_own_has_no_buttons(views, tmp_path) -> None:
    net = Net()
    view = views(net.session(), net.train, feed=net.feed, steps=5, curves={"<script>alert(1)</script>": net.loss})
    view.start().wait()
    text = view.to_html(tmp_path / "view.html").read_text()
    assert "<script>alert(1)" not in text
    assert view.saved_state()["controls"] is False
    assert view.controls is True


def test_rates_and_gradients_are_found_in_the_graph() -> None:
    for optimizer in (
        tf.train.AdamOptimizer,
        tf.train.AdagradOptimizer,
        tf.train.RMSPropOptimizer,
        tf.train.FtrlOptimizer,
    ):
        tf.reset_default_graph()
        net = Net(0.25, optimizer)
        assert [name for _, name in gradients_of(net.train)] == ["W", "b"]
        assert constant_value(rate_of(net.train)) == 0.25
    tf.reset_default_graph()
    net = Net(0.5)
    step = tf.Variable(0, trainable=False)
    optimizer = tf.train.MomentumOptimizer(tf.train.exponential_decay(0.1, step, 10, 0.5), 0.9)
    train = optimizer.minimize(net.loss, global_step=step)
    assert rate_of(train).op.type != "Const"
    session = net.session()
    view = lw.TrainingView(session, train, feed=net.feed, steps=40, curves={"loss": net.loss})
    view.start().wait()
    rates = view.values("learning rate")
    assert rates[0][0] == 0
    assert rates[1] == pytest.approx(0.1 * 0.5 ** (rates[0] / 10), rel=1e-5)
    view.close()


_PROGRAM = """
import labkit as tf, labkit_widgets as lw
w = tf.Variable(1.0)
session = tf.Session()
session.run(w.initializer)
view = lw.train(session, tf.assign_add(w, 1.0), steps=None, curves={"w": w})
while view.steps_done < 10:
    pass
print("left while it trains")
"""


def test_python_ends_while_a_training_runs() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=120, check=True)
    assert (done.stdout.strip(), done.stderr) == ("left while it trains", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")
def test_a_fork_does_not_wait_for_a_thread_that_it_does_not_have(views) -> None:
    net = Net()
    view = views(net.session(), net.train, feed=net.feed, steps=None, curves={"loss": net.loss})
    view.start()
    child = os.fork()
    if child == 0:
        view.wait()
        view.stop()
        os._exit(7 if view.state == "stopped" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert view.state == "running"
    view.stop()
