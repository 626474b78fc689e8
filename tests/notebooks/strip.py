"""`python tests/notebooks/strip.py`: runs the notebooks and writes them down as they are committed.

With names of notebooks it does so for these, with `--only-strip` it runs nothing. What is kept: sources, tags, and the
text outputs that nbval compares, and the still picture that stands in for a view where widgets do not run (GitHub, a
notebook that is not trusted). What goes: other pictures (the code draws them again), state of widgets, execution times,
and the colours and file names of tracebacks, of which only the last lines stay.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import nbformat

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
VIEW = "application/vnd.jupyter.widget-view+json"
_VIEW_PLAIN = re.compile(r"<\w+View: ")  # what is left of one in a stored notebook
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def strip(notebook: Any) -> Any:
    """The notebook without what does not belong into a repository; changes it in place."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({"tags": cell.metadata.tags} if cell.metadata.get("tags") else {})
        for output in cell.get("outputs", []):
            if "data" in output:
                is_view = VIEW in output["data"] or _VIEW_PLAIN.match(output["data"].get("text/plain", ""))
                kept = ("text/plain", "text/html") if is_view else ("text/plain",)
                output["data"] = {kind: text for kind, text in output["data"].items() if kind in kept}
                output["metadata"] = {}
            if output["output_type"] == "error":
                output["traceback"] = _message(output)
    return notebook


def _message(output: Any) -> list[str]:
    """The error itself, with the notes that say where and what to try."""
    lines = _COLOUR.sub("", "\n".join(output["traceback"])).splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith(f"{output['ename']}: ")]
    return lines[starts[-1] :] if starts else [f"{output['ename']}: {output['evalue']}"]


def main(arguments: list[str]) -> None:
    """Runs and strips the notebooks named, or all."""
    from nbclient import NotebookClient

    run = "--only-strip" not in arguments
    names = [Path(name) for name in arguments if not name.startswith("-")] or sorted(NOTEBOOKS.glob("*.ipynb"))
    for path in names:
        notebook = nbformat.read(path, 4)
        if run:
            client = NotebookClient(
                notebook, timeout=600, coalesce_streams=True, resources={"metadata": {"path": str(path.parent)}}
            )  # fmt: skip
            client.execute()
        nbformat.write(strip(notebook), path)
        print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
