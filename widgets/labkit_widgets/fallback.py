"""What is shown where widgets do not run: a still picture with its outline; and a page of its own.

JupyterLab and GitHub clean the HTML of untrusted notebooks: an inline `<svg>` is taken out, an `<img>` with the same
SVG as data stays, and so do lists. Every text in it may come from a learner's graph and is escaped.
"""

from __future__ import annotations

import base64
import html as markup
import json
import os
import tempfile
from pathlib import Path
from typing import Any, cast

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ margin: 16px; background: #fff; color: #1c1e21; font: 14px/1.5 system-ui, sans-serif; }}
  @media (prefers-color-scheme: dark) {{ body {{ background: #111; color: #f0f0f0; }} }}
</style>
</head>
<body>
<main id="view"></main>
<noscript>{still}</noscript>
<script type="application/json" id="state">{state}</script>
<script type="module">
{bundle}
const state = JSON.parse(document.getElementById("state").textContent);
globalThis.labkitSaved = await labkit.renderSaved(document.getElementById("view"), state);
</script>
</body>
</html>
"""


def html(title: str, picture: str, outline: list[Any]) -> str:
    """The picture as an image, and the outline as lists that can be opened."""
    parts: list[str] = []
    if picture:
        data = base64.b64encode(picture.encode()).decode()
        parts.append(
            f'<img src="data:image/svg+xml;base64,{data}" alt="{markup.escape(title)}" '
            'style="max-width:100%;background:#fff">'
        )
    else:
        parts.append(f"<p>{markup.escape(title)}</p>")
    if outline:
        parts.append(f"<details><summary>Outline</summary>{_lists(outline)}</details>")
    return "".join(parts)


def _lists(outline: list[Any]) -> str:
    items: list[str] = []
    for entry in outline:
        if isinstance(entry, list):
            inner = _lists(cast(list[Any], entry))
            items[-1:] = [f"{items[-1].removesuffix('</li>')}{inner}</li>"] if items else [f"<li>{inner}</li>"]
        else:
            items.append(f"<li>{markup.escape(str(entry))}</li>")
    return f"<ul>{''.join(items)}</ul>"


def page(title: str, bundle: str, state: dict[str, Any], still: str) -> str:
    """The self-contained page."""
    return _PAGE.format(
        title=markup.escape(title), still=still, state=_safe(json.dumps(state, default=_bytes, sort_keys=True)),
        bundle=_inlined(bundle),
    )  # fmt: skip


def write(path: Path, text: str) -> Path:
    """Writes a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False, encoding="utf-8") as file:
        file.write(text)
    os.replace(file.name, path)
    return path


def _safe(text: str) -> str:
    """JSON in which no `</script>` or `<!--` can end the element that it stands in."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _inlined(bundle: str) -> str:
    """The module as a value: its text becomes a Blob, so that nothing in it can end the script element."""
    return (
        f"const text = {_safe(json.dumps(bundle))};\n"
        'const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));\n'
        "const labkit = await import(url);"
    )


def _bytes(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"base64": base64.b64encode(bytes(cast(bytes, value))).decode()}
    raise TypeError(f"a view's state cannot hold {type(value).__name__}")
