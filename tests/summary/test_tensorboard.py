"""The real TensorBoard, as a user starts it: every tab's data, and the graph tab in a browser.

TensorBoard runs in a process of its own on the loopback interface; its import gives warnings that are not labkit's.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import numpy as np
import pytest

import labkit as tf
from tests.browser.lab import CHROMIUM


def write_logs(logdir):
    """A small network, trained for three traced steps, with a summary of every kind."""
    with tf.Graph().as_default() as graph:
        x, y = tf.placeholder(tf.float32, [None, 784], name="x"), tf.placeholder(tf.float32, [None, 10], name="y")
        with tf.name_scope("layer1"):
            w = tf.Variable(tf.truncated_normal([784, 32], stddev=0.1, seed=1), name="w")
            h = tf.nn.relu(tf.matmul(x, w))
        with tf.name_scope("layer2"):
            logits = tf.layers.dense(h, 10)
        with tf.name_scope("loss"):
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits))
        step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
        tf.summary.scalar("error", loss)
        tf.summary.histogram("weights", w)
        tf.summary.image("digits", tf.reshape(x, [-1, 28, 28, 1]))
        tf.summary.text("note", tf.constant("**bold**"))
        merged = tf.summary.merge_all()
        losses = []
        with tf.Session() as sess, tf.summary.FileWriter(logdir, graph) as writer:
            sess.run(tf.global_variables_initializer())
            rng = np.random.default_rng(0)
            for i in range(3):
                feeds = {x: rng.random((20, 784)), y: np.eye(10)[rng.integers(0, 10, 20)]}
                metadata = tf.RunMetadata()
                options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
                summary, value, _ = sess.run([merged, loss, step], feeds, options, metadata)
                writer.add_summary(summary, i)
                writer.add_run_metadata(metadata, f"step{i}", i)
                losses.append(float(value))
    return losses


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """The address of a running TensorBoard, and the losses that it should show."""
    folder = tmp_path_factory.mktemp("board")
    losses = write_logs(folder / "logs" / "first")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-W", "ignore", "-m", "tensorboard.main", "--logdir", str(folder / "logs"), "--host",
        "127.0.0.1", "--port", str(port), "--load_fast=false",
    ]  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, env=os.environ | {"HOME": str(folder)}, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 120
            while "error" not in (ask(address, "scalars/tags") or {}).get("first", {}):
                if time.monotonic() > deadline or server.poll() is not None:
                    raise RuntimeError(f"TensorBoard did not start:\n{(folder / 'log').read_text()[-3000:]}")
                time.sleep(0.3)
            yield address, losses
        finally:
            server.terminate()
            server.wait(20)


def fetch(address, path, **query):
    """The bytes of one of TensorBoard's answers."""
    url = f"{address}/data/plugin/{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read()


def ask(address, path, **query):
    """One of its answers in JSON, or None if it does not answer yet."""
    try:
        return json.loads(fetch(address, path, **query))
    except (urllib.error.URLError, ConnectionError):
        return None


def test_scalars_are_the_losses_of_the_run(board):
    """Step by step, in single precision."""
    address, losses = board
    shown = ask(address, "scalars/scalars", run="first", tag="error")
    assert [(step, value) for _, step, value in shown] == [
        (i, pytest.approx(loss, rel=1e-6)) for i, loss in enumerate(losses)
    ]


def test_histograms_count_every_weight(board):
    """784 x 32 of them in each step."""
    shown = ask(board[0], "histograms/histograms", run="first", tag="weights")
    assert [round(sum(count for _, _, count in buckets)) for _, _, buckets in shown] == [784 * 32] * 3


def test_pictures_are_png(board):
    """Three digits in each step, 28 pixels wide."""
    address, _ = board
    assert len(ask(address, "images/tags")["first"]) == 3
    [*_, last] = ask(address, "images/images", run="first", tag="digits/image/2", sample=0)
    assert last["step"] == 2
    query = dict(urllib.parse.parse_qsl(last["query"]))
    data = fetch(address, "images/individualImage", **query)
    assert data[:4] == b"\x89PNG"
    assert int.from_bytes(data[16:20]) == 28


def test_text_is_shown_as_markdown(board):
    """Two stars make it bold."""
    assert "<strong>bold</strong>" in ask(board[0], "text/text", run="first", tag="note")[0]["text"]


def test_the_graph_and_the_traced_runs_are_there(board):
    """Nodes with shapes; times and memory of each node of a step."""
    address, _ = board
    info = ask(address, "graphs/info")["first"]
    assert info["run_graph"] is True
    assert sorted(info["tags"]) == ["step0", "step1", "step2"]
    graph = fetch(address, "graphs/graph", run="first", conceptual="false").decode()
    names = set(re.findall(r'^  name: "(.+)"$', graph, re.MULTILINE))
    assert {"x", "layer1/MatMul", "gradients/layer1/MatMul_grad/MatMul_1", "error", "digits"} <= names
    run = fetch(address, "graphs/run_metadata", run="first", tag="step1").decode()
    assert 'node_name: "layer1/MatMul"' in run
    assert "all_end_rel_micros" in run
    assert f"requested_bytes: {20 * 32 * 4}" in run


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium")
def test_the_graph_tab_draws_scopes_and_colours_them_by_time(board, chromium):
    """The boxes of the scopes, the sizes on the edges, and after choosing a step the slowest scope in red."""
    page = chromium.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{board[0]}/#graphs&run=first")
    page.get_by_text("Auxiliary Nodes").wait_for(timeout=120_000)
    drawn = page.locator("text").all_text_contents()  # each name twice: the letters and the tooltip
    assert {"layer1" * 2, "layer2" * 2, "loss" * 2, "gradients" * 2, "x" * 2, "?×784"} <= set(drawn)
    page.locator("paper-dropdown-menu").nth(1).click()
    page.locator("paper-item", has_text="step1").first.click()
    page.locator("paper-radio-button:not([disabled])", has_text="Compute time").first.click(timeout=60_000)
    fills = """() => { const found = new Set(); const walk = root => root.querySelectorAll('*').forEach(e => {
        if (e.shadowRoot) walk(e.shadowRoot);
        if (e.tagName === 'rect' && e.closest('g.meta')) found.add(getComputedStyle(e).fill); });
        walk(document); return [...found]; }"""
    page.wait_for_function(f"() => ({fills})().filter(fill => fill.startsWith('rgb')).length > 2")
    colours = [tuple(map(int, re.findall(r"\d+", fill)[:3])) for fill in page.evaluate(fills) if "rgb" in fill]
    assert any(red > 200 and green < 150 for red, green, _ in colours), colours
    assert problems == []
