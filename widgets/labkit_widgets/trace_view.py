"""`TraceView`: what ran when, on what, and why the step takes as long as it does.

Example:
    >>> import labkit as tf
    >>> import labkit_widgets as lw
    >>> with tf.Graph().as_default():
    ...     y = tf.matmul(tf.ones([4, 4]), tf.ones([4, 4]))
    ...     _, trace = tf.Session().watch(y)
    >>> lw.TraceView(trace)
    <TraceView: 3 events on 1 device>

The events travel once, as columns in one trait, so zooming, searching and adding up need no kernel. The view keeps the
events and not `trace.values`: no tensor lives longer because it is looked at.
"""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import Any

import traitlets

from labkit.critical_path import is_link
from labkit.graph import Graph
from labkit.timeline import Timeline
from labkit.trace import Trace
from labkit_widgets import trace_picture
from labkit_widgets.trace_columns import encode, event_details
from labkit_widgets.trace_picture import counted
from labkit_widgets.view import View, one_of

COLOURS = ("op", "device", "scope")


class TraceView(View):
    """Bars over time for each device and network link: zoom, select a stretch, sort the totals, follow the chain.

    Args:
        trace: a measured or simulated trace, such as `session.watch(fetches)` returns, or the `tf.RunMetadata` of a
            traced run.
        graph: the graph that ran, if events should say which line of yours made them. It is not kept.
        other: a second trace, drawn below on the same clock.
        names: what the two are called.
        height: most pixels that the bars take; more rows than that scroll.
        colour: what colours tell apart: "op", "device" or "scope", the outermost name scope.

    Attributes:
        window: start and end of the time that is shown, in seconds; empty for all of it.
        span: start and end of the stretch that totals are about, in seconds; empty for all of it.
        search: only events whose node or op has this in it are in full colour.
        critical: whether the critical path is marked.

    Raises:
        TypeError: if `trace` is something else.
        ValueError: if nothing ran.

    Example:
        >>> from labkit.trace import Event, Trace
        >>> import labkit_widgets as lw
        >>> before = Trace([Event("a", "Exp", "gpu", 0.0, 2.0, 4)], simulated=True)
        >>> after = Trace([Event("a", "Exp", "gpu", 0.0, 1.0, 4)], simulated=True)
        >>> lw.TraceView(before, other=after, names=("before", "after"))
        <TraceView: 1 event on 1 device, beside 1 event on 1 device>
    """

    _kind = "TraceView"

    columns = traitlets.Bytes().tag(sync=True)
    height = traitlets.Int(320, min=80, max=4000).tag(sync=True)
    colour = traitlets.Enum(COLOURS, "op").tag(sync=True)
    window = traitlets.List(traitlets.Float(), maxlen=2).tag(sync=True)
    span = traitlets.List(traitlets.Float(), maxlen=2).tag(sync=True)
    search = traitlets.Unicode().tag(sync=True)
    critical = traitlets.Bool(True).tag(sync=True)

    def __init__(
        self, trace: Any, graph: Graph | None = None, *, other: Any = None,
        names: tuple[str, str] = ("first", "second"), height: int = 320, colour: str = "op", **traits: Any,
    ) -> None:  # fmt: skip
        self._traces: list[Trace] = []
        self._names: tuple[str, ...] = names
        super().__init__(height=height, colour=one_of("colour", colour, COLOURS), **traits)
        self._put(trace, graph, other)

    def show(self, trace: Any, graph: Graph | None = None, *, other: Any = None) -> None:
        """Shows another trace in this view, with what is selected and searched for as it was.

        Args:
            trace: as for `TraceView`.
            graph: as for `TraceView`.
            other: as for `TraceView`.
        """
        self.window = self.span = []
        self._put(trace, graph, other)

    def _put(self, trace: Any, graph: Graph | None, other: Any) -> None:
        traces = [_events_of(trace)] + ([] if other is None else [_events_of(other)])
        if graph is not None and not isinstance(graph, Graph):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"the second argument is the tf.Graph that ran, for the lines of its nodes, not {graph!r}.")
        names = self._names if len(traces) == 2 else ("",)
        self.columns = encode(traces, names, None if graph is None else _lines(graph))
        self._traces = traces

    def to_chrome(self, path: str | Path) -> Path:
        """Writes the (first) trace as JSON that `chrome://tracing` and Perfetto open, with arrows along the data.

        Args:
            path: where to write.

        Returns:
            The path.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = Timeline(self._traces[0]).generate_chrome_trace_format()
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False, encoding="utf-8") as file:
            file.write(text)
        os.replace(file.name, path)
        return path

    def describe(self) -> str:
        """How much ran on how many devices; no time, which a measured trace has anew at every run."""
        return ", beside ".join(map(_about, self._traces))

    def picture(self) -> str:
        """The bars of the (first) trace: with its times if simulated, in its order if measured."""
        return trace_picture.picture(self._traces[0])

    def outline(self) -> list[Any]:
        """Device by device what ran there, in order."""
        return [entry for trace in self._traces for entry in trace_picture.outline(trace)]

    @traitlets.validate("window", "span")
    def _stretch(self, proposal: Any) -> list[float]:
        """From the page or from the learner: nothing, or a start and a later end."""
        value = list(proposal["value"])
        if value and not (len(value) == 2 and all(map(math.isfinite, value)) and value[0] < value[1]):
            raise traitlets.TraitError(
                f"{proposal['trait'].name} is [start, end] in seconds, or [] for all of the time, not {value}."
            )
        return value

    def _on_event(self, run: int, node: str, number: int) -> dict[str, Any]:
        """The inputs and outputs of the `number`-th run of a node, where the columns would have been too large."""
        traces = dict(enumerate(self._traces))
        if run not in traces:
            raise ValueError(f"there is no trace {run!r} in this view")
        ordered = sorted(traces[run].events, key=lambda event: (event.start_seconds, event.end_seconds))
        found = dict(enumerate(event for event in ordered if event.node == node))
        if number not in found:
            raise ValueError("this event is not in the trace any more")
        return event_details(found[number])


def _events_of(trace: Any) -> Trace:
    """The events of a trace without the values of its tensors."""
    recorded = getattr(trace, "trace", trace)
    if not isinstance(recorded, Trace):
        raise TypeError(
            f"a TraceView shows a trace, not {type(trace).__name__}.\n"
            "  Try: values, trace = session.watch(fetches), and TraceView(trace)."
        )
    if not recorded.events:
        raise ValueError("there is nothing to see: no op ran. A trace comes from session.watch(fetches).")
    return Trace(list(recorded.events), started_at_seconds=recorded.started_at_seconds, simulated=recorded.simulated)


def _about(trace: Trace) -> str:
    rows = {event.device for event in trace.events}
    links = sum(map(is_link, rows))
    on = [counted(len(rows) - links, "device")] * (len(rows) > links) + [counted(links, "link")] * (links > 0)
    return f"{counted(len(trace.events), 'event')} on {' and '.join(on)}"


def _lines(graph: Graph) -> Any:
    """From a node's name to the line that made it."""

    def line(name: str) -> str:
        node = graph.nodes_by_name.get(name)
        return "" if node is None else node.site.text()

    return line
