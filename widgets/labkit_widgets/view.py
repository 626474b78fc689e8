"""`View`: what all views have in common on the kernel's side.

A view is a widget with three faces:

    live       the widget itself, where JavaScript runs and the notebook is trusted
    text/html  a still picture and an outline, where it is not: an untrusted notebook, nbconvert, GitHub
    text/plain its `repr`, the same at every run

The page asks questions with messages `{id, verb, args}`; the method `_on_<verb>(self, **args)` answers with something
JSON can hold, or with an `Answer` that has buffers as well. What it raises as a `labkit` error, a `ValueError`, a
`KeyError` or a `TypeError` is told to the page in one line. Everything that comes from the page is checked: a page is
not trusted.

A view keeps no tensor alive. It holds graphs and sessions weakly, and what it sends are summaries.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, cast

import anywidget
import traitlets
from ipywidgets import Widget
from ipywidgets import widget_serialization as _serialization  # pyright: ignore[reportUnknownVariableType]

from labkit.errors import LabkitError
from labkit_widgets import fallback
from labkit_widgets.runtime import STUB, read_bundle, runtime

MOST_BYTES = 1_000_000  # no message is larger


class Answer(NamedTuple):
    """What a question is answered with, if JSON alone will not do."""

    result: Any
    buffers: Sequence[bytes] = ()


class View(anywidget.AnyWidget):
    """A view of something of labkit's, in the notebook.

    Attributes:
        kind: which view of the bundle draws it.
        selected: names of the operations that are selected in it.
        channel: views with the same channel, if it is not empty, select together; see `link`.
    """

    _esm = STUB
    _kind: ClassVar[str] = ""

    kind = traitlets.Unicode().tag(sync=True)
    runtime = traitlets.Instance(Widget).tag(sync=True, **cast(dict[str, Any], _serialization))
    selected = traitlets.List(traitlets.Unicode()).tag(sync=True)
    channel = traitlets.Unicode().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(kind=self._kind, runtime=runtime(), **traits)
        self.on_msg(self._hear)

    # What a subclass says about itself.

    def describe(self) -> str:
        """One line, the same at every run: what stands in `text/plain` and as the picture's alternative text."""
        return ""

    def picture(self) -> str:
        """The still picture: SVG text, or "" for none. The same bytes at every run."""
        return ""

    def outline(self) -> list[Any]:
        """What the picture shows, as nested lists of strings: `["scope", ["op", "op"], "scope"]`."""
        return []

    # The three faces.

    def __repr__(self) -> str:
        about = self.describe()
        return f"<{type(self).__name__}: {about}>" if about else f"<{type(self).__name__}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        data, metadata = super()._repr_mimebundle_(**kwargs)  # type: ignore[misc]
        data["text/plain"] = repr(self)
        data["text/html"] = self.still()
        return data, metadata

    def still(self) -> str:
        """The HTML that is shown where widgets do not run."""
        return fallback.html(repr(self), self.picture(), self.outline())

    def to_html(self, path: str | Path) -> Path:
        """Writes one file that shows this view in any browser, without a kernel or a network.

        Args:
            path: where to write.

        Returns:
            The path.
        """
        return fallback.write(Path(path), self.page())

    def page(self) -> str:
        """What `to_html` writes."""
        return fallback.page(repr(self), read_bundle(), self.saved_state(), self.still())

    def saved_state(self) -> dict[str, Any]:
        """The traits that the page needs to draw this view without a kernel."""
        skipped = {"runtime", "layout", "tabbable", "tooltip"}
        names = cast(list[str], self.keys)
        return {name: getattr(self, name) for name in names if not name.startswith("_") and name not in skipped}

    # Questions.

    def _hear(self, _widget: Any, content: Any, buffers: Sequence[Any]) -> None:
        asked: Mapping[str, Any] = cast(Mapping[str, Any], content) if isinstance(content, Mapping) else {}
        number = asked.get("id")
        if not isinstance(number, int):
            return
        try:
            answer = self._answer(asked)
            body = {"id": number, "result": answer.result}
            if len(json.dumps(answer.result)) + sum(map(len, answer.buffers)) > MOST_BYTES:
                raise ValueError("the answer is larger than a message may be")
        except Exception as error:  # a page that waits must be told, whatever it is
            self.send({"id": number, "error": _told(error)})
        else:
            self.send(body, list(answer.buffers))

    def _answer(self, content: Mapping[str, Any]) -> Answer:
        verb, args = content.get("verb"), content.get("args")
        method = getattr(self, f"_on_{verb}", None) if isinstance(verb, str) and verb.isidentifier() else None
        if method is None or not isinstance(args, Mapping):
            raise ValueError(f"{type(self).__name__} does not know {verb!r}")
        inspect.signature(method).bind(**args)  # a TypeError that names what is missing
        found = method(**args)
        return found if isinstance(found, Answer) else Answer(found)


def _told(error: Exception) -> str:
    """An error for the page: its message and, of labkit's own, the advice."""
    expected = isinstance(error, (LabkitError, ValueError, KeyError, TypeError, RuntimeError))
    message = str(error.args[0] if error.args else error)
    advice = [note.strip() for note in getattr(error, "__notes__", []) if note.strip().startswith("Try: ")]
    return " ".join([message if expected else f"{type(error).__name__}: {message}", *advice])


def one_of(name: str, value: Any, choices: Sequence[str]) -> str:
    """`value` if it is one of the choices that an argument has.

    Raises:
        ValueError: if it is not; the message lists them.

    Example:
        >>> one_of("colour", "op", ("part", "op"))
        'op'
    """
    if value not in choices:
        raise ValueError(f"{name} is one of {', '.join(map(repr, choices))}, not {value!r}.")
    return value


def link(*views: View) -> None:
    """Lets views select together: a click on an operation in one shows it in the others, in the page itself.

    Args:
        *views: the views; what some of them were linked with before stays linked.

    Example:
        >>> import labkit as tf
        >>> import labkit_widgets as lw
        >>> with tf.Graph().as_default() as graph:
        ...     y = tf.square(3.0, name="y")
        >>> left, right = lw.GraphView(graph), lw.GraphView(graph)
        >>> lw.link(left, right)
        >>> left.channel == right.channel
        True
    """
    for view in cast(Sequence[Any], views):
        if not isinstance(view, View):
            raise TypeError(f"only views are linked, such as GraphView and TraceView, not {view!r}.")
    if len(views) < 2:
        raise ValueError("it takes two views to link: lw.link(graph_view, trace_view).")
    names = {view.channel for view in views if view.channel}
    channel = min(names) if names else f"labkit-{views[0].model_id}"
    for view in views:
        view.channel = channel
