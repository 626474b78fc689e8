"""The still picture of `PipelineView`, and its outline: the same bytes for the same program.

Forwards are blue with an F, backwards orange with a B and stripes; white is waiting. Below stand the activations that
each stage keeps, with their most.

Example:
    >>> from labkit.parallel import Pipeline
    >>> run = Pipeline(stages=2, microbatches=3).run("1f1b")
    >>> outline([run])[1][0]
    'stage 0: F0 F1 . B0 F2 B1 . B2; keeps at most 2 microbatches'
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from labkit.parallel.pipeline import Piece, PipelineRun, bubble_share
from labkit.trace import short
from labkit_widgets.trace_picture import COLOURS

_LEFT, _WIDTH, _RIGHT, _ROW, _KEPT, _MOST, _LISTED = 130, 600, 170, 26, 20, 16, 60
_FORWARD, _BACKWARD = COLOURS[0], COLOURS[1]
NAMES = {"forward": "forward only", "gpipe": "GPipe", "1f1b": "1F1B", "interleaved": "interleaved"}


def title(run: PipelineRun) -> str:
    """A run in a line: its schedule, its time and its bubble beside the formula."""
    p, m, v = run.pipeline.stages, run.pipeline.microbatches, run.chunks
    name = NAMES[run.schedule] + (f", {v} chunks" if v > 1 else "")
    return f"{name}: {short(run.seconds, 's')}, bubble {run.bubble:.1%} (formula {bubble_share(p, m, v):.1%})"


def word(piece: Piece, chunks: int) -> str:
    """A piece as it is written on its bar: F3, B3, with chunks F3a."""
    return f"{'FB'[piece.backward]}{piece.microbatch}{chr(97 + piece.chunk) if chunks > 1 else ''}"


def kept(run: PipelineRun, stage: int, peak: float) -> str:
    """The most that a stage keeps, in words."""
    size = run.pipeline.bytes_of()[stage]
    count = peak / size if size else 0.0
    words = f"{count:g} microbatch{'es' * (count != 1)}"
    return words if size in (0.0, 1.0) else f"{words}, {short(peak, 'B')}"


def picture(runs: Sequence[PipelineRun]) -> str:
    """The picture as SVG text."""
    whole = max(run.seconds for run in runs) or 1.0
    most = max((curve.peak for run in runs for curve in run.memory.values()), default=0.0) or 1.0
    parts: list[str] = []
    y = 8
    for run in runs:
        parts.append(_text(10, y + 14, title(run), bold=True))
        y += 24
        shown = min(run.pipeline.stages, _MOST)
        for stage in range(shown):
            parts.append(_text(_LEFT - 8, y + 17, _cut(run.devices[stage], 17), "end"))
            parts.append(f'<path d="M{_LEFT} {y + _ROW - 1}h{_WIDTH}" stroke="#d0d4d9"/>')
            parts += _bars(run, stage, whole, y)
            y += _ROW
        parts.append(_text(_LEFT, y + 15, "activations kept", colour="#595f66"))
        parts.append(_text(_LEFT + _WIDTH + 8, y + 15, "at most", colour="#595f66"))
        y += 20
        for stage in range(shown):
            curve = run.memory[run.devices[stage]]
            parts.append(_text(_LEFT - 8, y + 14, _cut(run.devices[stage], 17), "end", "#595f66"))
            parts.append(_area(list(zip(curve.seconds, curve.bytes, strict=True)), run.seconds, whole, most, y))
            parts.append(_text(_LEFT + _WIDTH + 8, y + 14, kept(run, stage, curve.peak)))
            y += _KEPT
        if shown < run.pipeline.stages:
            parts.append(_text(_LEFT, y + 14, f"and {run.pipeline.stages - shown} more stages"))
            y += 18
        y += 14
    x = _LEFT
    for fill, words in ((_FORWARD, "F: forward"), ("url(#b)", "B: backward"), ("#fff", "white: waiting")):
        parts.append(f'<rect x="{x}" y="{y}" width="14" height="12" fill="{fill}" stroke="#8b929b"/>')
        parts.append(_text(x + 20, y + 11, words))
        x += 130
    size = f'width="{_LEFT + _WIDTH + _RIGHT}" height="{y + 24}"'
    stripes = (
        f'<defs><pattern id="b" width="8" height="8" patternUnits="userSpaceOnUse"><rect width="8" height="8" '
        f'fill="{_BACKWARD}"/><path d="M-2 2L2-2M0 8L8 0M6 10L10 6" stroke="#000" stroke-opacity=".35"/></pattern>'
        "</defs>"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {_LEFT + _WIDTH + _RIGHT} {y + 24}" '
        f'font-family="system-ui, sans-serif" font-size="12">{stripes}<rect {size} fill="#fff"/>{"".join(parts)}</svg>'
    )


def outline(runs: Sequence[PipelineRun]) -> list[Any]:
    """Stage by stage what was done, in order; a dot stands for waiting."""
    lines: list[Any] = []
    for run in runs:
        stages = [
            f"{_cut(device, 200)}: {_order(run, stage)}; keeps at most {kept(run, stage, run.memory[device].peak)}"
            for stage, device in enumerate(run.devices)
        ]
        lines += [title(run), stages]
    return lines


def _order(run: PipelineRun, stage: int) -> str:
    words: list[str] = []
    free = 0.0
    for event, piece in zip(run.of_stage(stage), run.orders[stage], strict=True):
        if event.start_seconds > free + 1e-9 * run.seconds:
            words.append(".")
        words.append(word(piece, run.chunks))
        free = event.end_seconds
    hidden = len(words) - _LISTED
    return " ".join(words[:_LISTED]) + (f" and {hidden} more" if hidden > 0 else "")


def _bars(run: PipelineRun, stage: int, whole: float, y: int) -> Iterable[str]:
    drawn = -1
    for event, piece in zip(run.of_stage(stage), run.orders[stage], strict=True):
        x, end = (_LEFT + round(_WIDTH * at / whole) for at in (event.start_seconds, event.end_seconds))
        if end - x < 2 and x == drawn:
            continue
        drawn = x
        width, words = max(1, end - x - 1), word(piece, run.chunks)
        fill = "url(#b)" if piece.backward else _FORWARD
        yield f'<rect x="{x}" y="{y + 2}" width="{width}" height="{_ROW - 5}" fill="{fill}"/>'
        if width >= 6 * len(words):
            middle, half = x + width // 2, min(width // 2, 4 * len(words))
            if piece.backward:
                yield f'<rect x="{middle - half}" y="{y + 5}" width="{2 * half}" height="15" fill="{_BACKWARD}"/>'
            small = width < 9 * len(words)
            yield _text(middle, y + 17, words, "middle", "#000" if piece.backward else "#fff", small=small)


def _area(points: Sequence[tuple[float, float]], end: float, whole: float, most: float, y: int) -> str:
    """The curve of what is kept, as steps."""
    floor = y + _KEPT - 2
    way = f"M{_LEFT} {floor}"
    for at, held in points:
        way += f"H{_LEFT + round(_WIDTH * at / whole)}V{floor - round((_KEPT - 4) * held / most)}"
    way += f"H{_LEFT + round(_WIDTH * end / whole)}V{floor}z"
    return f'<path d="{way}" fill="#cde6f5" stroke="{_FORWARD}"/>'


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"


def _text(
    x: int, y: int, words: str, anchor: str = "start", colour: str = "#1c1e21", bold: bool = False, small: bool = False
) -> str:
    look = ' font-weight="bold"' * bold + ' font-size="10"' * small
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}"{look}>{escape(words)}</text>'
