"""The still picture of `ProcessesView`: who speaks to whom; without numbers of processes, which differ at every run.

Example:
    >>> "worker 2" in picture(3, False)
    True
"""

from __future__ import annotations

_MOST = 12
_INK, _LINE, _PAPER = "#1c1e21", "#8b929b", "#eef2f6"


def picture(count: int, asynchronous: bool) -> str:
    """SVG text: the notebook above, the workers below.

    Args:
        count: how many workers.
        asynchronous: True if the notebook is a parameter server; else the workers form a ring.
    """
    shown = min(count, _MOST)
    width = max(360, 110 * shown + 20)
    left = [width // 2 + 110 * place - 55 * shown + 5 for place in range(shown)]
    role = "notebook: keeps the weights" if asynchronous else "notebook: starts, waits, watches"
    parts = [_box(width // 2 - 110, 10, 220, role)]
    for place, x in enumerate(left):
        dash = "" if asynchronous else ' stroke-dasharray="4 4"'
        parts.append(f'<path d="M{width // 2} 44L{x + 50} 90" stroke="{_LINE}"{dash}/>')
        parts.append(_box(x, 90, 100, f"worker {place}"))
    if not asynchronous and shown > 1:
        for x in left[:-1]:
            parts.append(f'<path d="M{x + 100} 107h10" stroke="{_INK}" stroke-width="3"/>')
        first, last = left[0] + 50, left[-1] + 50
        parts.append(f'<path d="M{first} 124v18H{last}v-18" stroke="{_INK}" stroke-width="3" fill="none"/>')
    said = "gradients one by one" if asynchronous else "all-reduce of the gradients"
    more = f" ({count} workers)" if count > shown else ""
    parts.append(f'<text x="{width // 2}" y="162" text-anchor="middle" fill="{_INK}">{said}{more}</text>')
    size = f'width="{width}" height="174"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width} 174" font-family="system-ui, sans-serif" '
        f'font-size="13"><rect {size} fill="#fff"/>{"".join(parts)}</svg>'
    )


def _box(x: int, y: int, width: int, text: str) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="34" rx="4" fill="{_PAPER}" stroke="{_LINE}"/>'
        f'<text x="{x + width // 2}" y="{y + 22}" text-anchor="middle" fill="{_INK}">{text}</text>'
    )
