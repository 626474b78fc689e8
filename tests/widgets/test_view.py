"""What all views have in common: faces, questions, links; and graphs that show themselves in a notebook."""

from __future__ import annotations

import base64
import importlib
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.formatters import DisplayFormatter

import labkit as tf
import labkit_widgets as lw
from labkit.trace import Trace
from labkit_widgets import runtime, view
from labkit_widgets.fallback import html
from labkit_widgets.view import Answer
from tests.widgets.samples import HOSTILE, hello, hostile, show

registering = importlib.import_module("labkit_widgets.register")  # `lw.register` is the function in it


class Echo(lw.View):
    """A view that answers."""

    _kind = "Echo"

    def _on_echo(self, text: str) -> str:
        return text

    def _on_bytes(self, count: int) -> Answer:
        return Answer({"count": count}, [bytes(count)])

    def _on_fail(self) -> None:
        raise AttributeError("a mistake of ours")

    def _on_teach(self) -> None:
        raise tf.errors.FailedPreconditionError(None, None, "not yet.\n  Try: wait.")


@pytest.fixture
def echo() -> Iterator[tuple[Echo, list[Any]]]:
    made = Echo()
    sent: list[Any] = []
    made.send = lambda content, buffers=None: sent.append((content, buffers))  # type: ignore[method-assign]
    yield made, sent
    made.close()


def test_questions_are_answered_with_their_number(echo: Any) -> None:
    made, sent = echo
    made._hear(None, {"id": 1, "verb": "echo", "args": {"text": "<b>"}}, [])
    made._hear(None, {"id": 2, "verb": "bytes", "args": {"count": 3}}, [])
    assert sent == [({"id": 1, "result": "<b>"}, []), ({"id": 2, "result": {"count": 3}}, [b"\0\0\0"])]


def test_every_error_is_told_and_none_is_raised(echo: Any) -> None:
    made, sent = echo
    questions = [
        ("echo", {}, "missing a required argument"),
        ("fail", {}, "AttributeError: a mistake"),
        ("teach", {}, "not yet. Try: wait."),
        ("_on_echo", {}, "does not know"),
        ("bytes", {"count": view.MOST_BYTES}, "larger than a message may be"),
        (None, None, "does not know None"),
    ]
    for number, (verb, args, words) in enumerate(questions):
        made._hear(None, {"id": number, "verb": verb, "args": args}, [])
        assert words in sent[-1][0]["error"]
    count = len(sent)
    for nothing in (None, [], "text", {}, {"id": "one"}, {"id": None, "verb": "echo"}):
        made._hear(None, nothing, [])
    assert len(sent) == count


def test_the_plain_text_is_the_same_at_every_run() -> None:
    assert repr(Echo()) == "<Echo>"
    assert repr(show(hello())) == "<GraphView: 4 ops, 3 edges, 0 scopes>"


def test_the_three_faces() -> None:
    data, _ = show(hello())._repr_mimebundle_()
    assert data["text/plain"] == "<GraphView: 4 ops, 3 edges, 0 scopes>"
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"]
    start = '<img src="data:image/svg+xml;base64,'
    assert data["text/html"].startswith(start)
    svg = base64.b64decode(data["text/html"][len(start) :].split('"')[0]).decode()
    assert "total" in svg
    assert "<details><summary>Outline</summary><ul><li>a: Const</li>" in data["text/html"]


def test_whatever_stands_in_the_fallback_is_escaped() -> None:
    told = html('<script>"', "", ["<b>", ["<i>"]])
    assert told == (
        "<p>&lt;script&gt;&quot;</p><details><summary>Outline</summary>"
        "<ul><li>&lt;b&gt;<ul><li>&lt;i&gt;</li></ul></li></ul></details>"
    )


def test_a_page_of_its_own_holds_all_and_nothing_ends_its_scripts(tmp_path: Any) -> None:
    pytest.importorskip("anywidget")
    if not runtime.BUNDLE.exists():
        pytest.skip("the bundle was not built: make widgets")
    text = show(hostile()).to_html(tmp_path / "deep" / "page.html").read_text()
    state = text.split('id="state">')[1].split("</script>")[0]
    assert "<" not in state
    for name in HOSTILE[:2]:
        assert name not in text.replace("&lt;", "?")
    assert text.count("<script") == 2
    assert "https://" not in text.split("<script")[0]


def test_views_that_are_linked_share_a_channel() -> None:
    a, b, c = (show(hello()) for _ in range(3))
    lw.link(a, b)
    lw.link(b, c)
    assert a.channel == b.channel == c.channel != ""


def test_the_bundle_travels_once() -> None:
    a, b = show(hello()), show(hello())
    assert a.runtime is b.runtime
    assert "bundle" not in a.saved_state()
    assert len(a._esm) < 3000


# Graphs that show themselves.


class Shell:
    """As much of a kernel's IPython as is needed."""

    def __init__(self) -> None:
        self.kernel = SimpleNamespace()
        self.display_formatter = DisplayFormatter()


def test_a_graph_shows_itself_in_a_kernel_until_it_is_taken_back() -> None:
    shell, graph = Shell(), hello()
    assert lw.register(shell)
    data, _ = shell.display_formatter.format(graph)
    assert data["text/plain"] == "<GraphView: 4 ops, 3 edges, 0 scopes>"
    assert "application/vnd.jupyter.widget-view+json" in data
    assert lw.unregister(shell)
    assert not lw.unregister(shell)
    assert shell.display_formatter.format(graph)[0] == {"text/plain": "<tf.Graph of 4 operations>"}


def test_a_trace_shows_itself_too() -> None:
    shell = Shell()
    lw.register(shell)
    _, trace = tf.Session().watch(tf.constant(1.0) + 2.0)
    assert shell.display_formatter.format(trace)[0]["text/plain"].startswith("<TraceView: 3 events on 1 device")
    nothing = shell.display_formatter.format(Trace())[0]
    assert list(nothing) == ["text/plain"]
    assert nothing["text/plain"].startswith("<trace of 0 events>")


def test_nothing_happens_without_a_kernel() -> None:
    assert not lw.register()
    terminal = Shell()
    terminal.kernel = None  # type: ignore[assignment]
    assert not lw.register(terminal)
    assert not lw.unregister(terminal)


def test_a_graph_that_is_too_large_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registering, "MOST_OPS", 3)
    data, _ = registering.show_graph(hello())
    assert data == {
        "text/plain": "<tf.Graph of 4 operations>\nIt is too large to be shown whole (4 operations): "
        "lw.GraphView(tensor) shows a part."
    }


def test_a_missing_bundle_leaves_the_plain_text_and_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(runtime, "BUNDLE", tmp_path / "none.js")
    monkeypatch.setattr(runtime, "_made", {})
    data, _ = registering.show_graph(hello())
    assert list(data) == ["text/plain"]
    assert data["text/plain"].startswith("<tf.Graph of 4 operations>\nThe JavaScript of the views is missing")


def test_whatever_goes_wrong_a_graph_is_still_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_graph: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(registering, "GraphView", broken)
    text = registering.show_graph(hello())[0]["text/plain"]
    assert text == "<tf.Graph of 4 operations>\nIt cannot be shown: RuntimeError: broken"


def test_labkit_knows_nothing_of_its_views() -> None:
    code = "import sys, labkit; assert not any('widget' in name for name in sys.modules), 'loaded'"
    subprocess.run([sys.executable, "-c", code], check=True)
