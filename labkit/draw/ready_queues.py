"""`draw.ready_queue`: who ran what, and how many ops waited for a worker, over time."""

from __future__ import annotations

from typing import Any

from labkit.critical_path import is_link
from labkit.draw.picture import FAINT, INK, LINES, Picture
from labkit.parallel.moments import ReadyQueue
from labkit.trace import Event, short

_MOST_ROWS = 40


def ready_queue(watched: Any, width_inches: float = 9.0) -> Picture:
    """What each worker ran, above; how many ops ran, and how many were ready and waited for a worker, below.

    Ops that follow one another have one colour, so that chains that need nothing of each other are told apart; a dark
    edge marks the critical path.

    Args:
        watched: what `tf.parallel.ready_queue` returned.
        width_inches: width of the picture.

    Returns:
        The picture. Ops that take no time are not drawn, nor links on which no transfer is long enough to be seen.

    Raises:
        TypeError: if it is something else.
        ValueError: if no op takes time.

    Example:
        >>> import labkit as tf
        >>> a, b = (tf.matmul(tf.ones([2, 2]), tf.ones([2, 2]), name=name) for name in "ab")
        >>> tf.draw.ready_queue(tf.parallel.ready_queue([a, b], workers=2, seconds={"MatMul": 1.0}))
        <ready queue: 2 ops in 1 s on 2 workers, parallelism 2.0, at most 0 ready; worker 0: a; worker 1: b>
    """
    if not isinstance(watched, ReadyQueue):
        raise TypeError(
            f"this draws what tf.parallel.ready_queue(fetches) returned, not {type(watched).__name__}.\n"
            "  Try: tf.draw.ready_queue(tf.parallel.ready_queue(fetches, workers=2))."
        )
    events = [event for event in watched.trace.events if event.duration_seconds]
    if not events:
        raise ValueError("there is nothing to draw: no op takes time.")
    wide = {event.device for event in events if event.duration_seconds > watched.seconds / 300}
    links = (event.device for event in events if event.device in wide)  # others could not be seen
    rows = list(dict.fromkeys([*watched.workers, *links]))
    ran = {row: [event.node for event in events if event.device == row] for row in rows}
    told = "; ".join(f"{row}: {_some(names)}" for row, names in list(ran.items())[:_MOST_ROWS])
    rows = rows[:_MOST_ROWS]
    scale, unit = next(
        ((s, u) for s, u in ((1.0, "s"), (1e3, "ms"), (1e6, "us")) if watched.seconds * s >= 1), (1e9, "ns")
    )
    above, below = 0.42 * len(rows), 1.1
    height = 0.35 + above + 0.3 + below + 0.6
    picture = Picture(width_inches, height, f"{repr(watched)[1:-1]}; {told}")
    labels = [row.replace("/device:", "").replace("device:", "") for row in rows]
    margin = min(0.4 + 0.1 * max(map(len, labels)), 0.4 * width_inches)
    left, share = margin / width_inches, 1 - (margin + 1.15) / width_inches
    work, span = short(watched.work_seconds, "s"), short(watched.span_seconds, "s")
    title = f"work {work}, span {span} (dark edges): parallelism {watched.parallelism:.3g}"
    picture.text(left, 1 - 0.1 / height, title, size=12, color=INK, va="top")
    lanes = picture.add_axes((left, (0.6 + below + 0.3) / height, share, above / height))
    line = picture.add_axes((left, 0.6 / height, share, below / height))
    _lanes(lanes, watched, events, rows, scale)
    lanes.set_yticks(range(len(rows)), labels, color=INK)
    _line(line, watched, scale)
    line.set_xlabel(f"time in {unit}", size=12, color=INK)
    for axes in (lanes, line):
        axes.set_xlim(0, watched.seconds * scale)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(FAINT)
        axes.tick_params(labelsize=11, colors=INK)
        axes.grid(axis="x", color="#e8ebee", lw=0.8)
        axes.set_axisbelow(True)
    lanes.tick_params(labelbottom=False)
    return picture


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") or "nothing"


def chains(watched: ReadyQueue) -> dict[str, int]:
    """For each op that takes time the number of its chain.

    An op goes on with the chain of that of its needs which ended last and which nobody goes on with yet; else it begins
    a new one.
    """
    timed = {event.node: event for event in watched.trace.events if event.duration_seconds}
    through: dict[str, dict[str, None]] = {}  # the ops with time that an op needs, also through those without
    chain: dict[str, int] = {}
    last: set[str] = set()
    count = 0
    for node in watched.work.nodes:
        needs: dict[str, None] = {}
        for need in node.needs:
            needs.update({need: None} if need in timed else through.get(need, {}))
        through[node.name] = needs
        if node.name not in timed:
            continue
        open_ends = [need for need in needs if need in last]
        if open_ends:
            before = max(open_ends, key=lambda need: timed[need].end_seconds)
            last.discard(before)
            chain[node.name] = chain[before]
        else:
            chain[node.name] = count
            count += 1
        last.add(node.name)
    return chain


def _lanes(axes: Any, watched: ReadyQueue, events: list[Event], rows: list[str], scale: float) -> None:
    chain, critical = chains(watched), set(watched.path)
    room = watched.seconds / (11.5 * (axes.get_position().width * axes.figure.get_size_inches()[0]))  # of a letter
    for row, name in enumerate(rows):
        for event in events:
            if event.device != name:
                continue
            on_path = event.node in critical
            axes.barh(
                row, event.duration_seconds * scale, 0.74, event.start_seconds * scale,
                color=LINES[chain[event.node] % len(LINES)], alpha=0.85,
                edgecolor=INK if on_path else "#ffffff", linewidth=1.8 if on_path else 0.6, zorder=3 if on_path else 2,
            )  # fmt: skip
            word = event.node.rpartition("/")[2]
            if (len(word) + 1) * room < event.duration_seconds:
                middle = (event.start_seconds + event.duration_seconds / 2) * scale
                axes.text(middle, row, word, size=11, color="#ffffff", ha="center", va="center", zorder=4)
    axes.set_ylim(len(rows) - 0.5, -0.5)


def _line(axes: Any, watched: ReadyQueue, scale: float) -> None:
    """Running ops and, on top of them, those that wait: together as many as could run if there were more workers."""
    moments = list(watched)[1:]
    times = [moment.seconds * scale for moment in moments]
    running = [sum(not is_link(where) for where in moment.running.values()) for moment in moments][:-1]
    both = [
        count + sum(name not in watched.free for name in moment.ready)
        for count, moment in zip(running, moments, strict=False)
    ]
    axes.stairs(both, times, baseline=running, fill=True, color=LINES[4], label="ready")
    axes.stairs(running, times, baseline=0, fill=True, color=FAINT, alpha=0.55, label="running")
    axes.stairs(both, times, baseline=None, color=INK, lw=1.2)
    axes.set_ylim(0, max([1, *both]) * 1.15)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_ylabel("ops", size=12, color=INK)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.08), frameon=False, fontsize=11, labelcolor=INK,
                handlelength=1.0)  # fmt: skip
