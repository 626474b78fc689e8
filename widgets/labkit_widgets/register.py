"""Makes a `tf.Graph`, or a trace of a run, show itself when it is the last line of a cell.

IPython keeps a table of what to show for which type; this adds to it. labkit is not touched and knows nothing of it.
Where there is no notebook (plain Python, a terminal) nothing is added, and a graph prints as ever. So it does where a
view cannot be made, with the reason.

Example:
    >>> register()  # not in a notebook
    False
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from labkit.graph import Graph
from labkit.trace import Trace
from labkit_widgets.graph_view import GraphView
from labkit_widgets.runtime import BundleMissingError
from labkit_widgets.trace_view import TraceView
from labkit_widgets.view import View

MOST_OPS = 100_000

Shown = tuple[dict[str, Any], dict[str, Any]]


def show_graph(graph: Graph) -> Shown:
    """What a notebook shows for a graph: a `GraphView`, or its name and why there is none."""
    if graph.version > MOST_OPS:
        reason = f"It is too large to be shown whole ({graph.version:,} operations): lw.GraphView(tensor) shows a part."
    else:
        try:
            return shown(GraphView(graph))
        except BundleMissingError as error:
            reason = str(error)
        except Exception as error:  # whatever it is, a graph can still be printed
            reason = f"It cannot be shown: {type(error).__name__}: {error}"
    return {"text/plain": f"{graph!r}\n{reason}"}, {}


def show_trace(trace: Trace) -> Shown:
    """What a notebook shows for a trace: a `TraceView`, or how many events it has and why there is none."""
    try:
        return shown(TraceView(trace))
    except Exception as error:  # nothing ran, no bundle: it can still be printed
        return {"text/plain": f"<trace of {len(trace.events)} events>\n{error}"}, {}


SHOWN: dict[type, Callable[[Any], Shown]] = {Graph: show_graph, Trace: show_trace}
"""What is shown for which type."""


def register(shell: Any = None) -> bool:
    """Tells a notebook's kernel what to show; importing `labkit_widgets` does it.

    Args:
        shell: an IPython shell; that of this process if None.

    Returns:
        True if there is a kernel to tell.
    """
    formatter = _formatter(shell)
    if formatter is None:
        return False
    for kind, show in SHOWN.items():
        formatter.for_type(kind, _printer(show))
    return True


def unregister(shell: Any = None) -> bool:
    """Takes it back: graphs print as ever.

    Args:
        shell: as for `register`.

    Returns:
        True if there was something to take back.
    """
    formatter = _formatter(shell)
    if formatter is None:
        return False
    known = [kind for kind in SHOWN if kind in formatter.type_printers]
    for kind in known:
        formatter.pop(kind)
    return bool(known)


def shown(view: View) -> Shown:
    """What a notebook shows for a view."""
    return view._repr_mimebundle_()  # pyright: ignore[reportPrivateUsage]  # IPython's name for a public method


def _printer(show: Callable[[Any], Shown]) -> Callable[..., Shown]:
    """What IPython calls: it also says which forms it would like."""

    def printer(thing: Any, **_: Any) -> Shown:
        return show(thing)

    return printer


def _formatter(shell: Any) -> Any:
    """The table of a kernel; None in a terminal, or without IPython."""
    if shell is None:
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython is not None else None
    if getattr(shell, "kernel", None) is None:
        return None
    return shell.display_formatter.mimebundle_formatter
