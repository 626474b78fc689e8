"""Copies of the course for Google Colab, which opens one notebook at a time on a machine that has no labkit.

The first code cell of each copy installs labkit, and links from one notebook to the next lead to Colab. They are
copies, because that cell is of no use elsewhere, and because where the course lies is known only to whoever puts it
there. An instructor writes them into a folder of the repository, commits it, and gives out the link:

    labkit links https://github.com/someone/labkit --colab colab

Colab shows anywidget's views as JupyterLab does; anywidget itself turns Colab's widget manager on.

Example:
    >>> print(first_cell("https://github.com/someone/labkit"))
    # Google Colab has no labkit yet: this takes a minute or two.
    %pip install -q "labkit[widgets] @ git+https://github.com/someone/labkit@main"

Source: Colab's notebook "Importing libraries"; anywidget's page on where it runs.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from labkit.errors import LabkitError
from labkit.progress import replace_file
from labkit.workshop.links import colab_cell, colab_link

_LINK = re.compile(r"\]\((\d\d_\w+\.ipynb)\)")


def first_cell(repository: str, branch: str = "main") -> str:
    """The first code cell of each copy."""
    return f"# Google Colab has no labkit yet: this takes a minute or two.\n{colab_cell(repository, branch)}"


def write_copies(course: Path, folder: Path, repository: str, branch: str = "main") -> list[Path]:
    """Writes the copies.

    Args:
        course: the folder of the course's notebooks.
        folder: where to, in a clone of the repository. It is named there as here: give it relative to the clone.
        repository: its address on github.com.
        branch: or a tag, or a commit.

    Returns:
        The files.

    Raises:
        LabkitError: if the folder is that of the course, or an address is not one that Colab can open.
        OSError: if a copy cannot be written; those before it are whole.
    """
    if folder.resolve() == course.resolve():
        raise LabkitError(f"{folder} is the course itself.\n  Try: another folder, such as colab.")
    if folder.is_absolute() or ".." in folder.parts:
        raise LabkitError(f"{folder} is outside of the clone.\n  Try: a name such as colab, in the clone's top folder.")
    cell = first_cell(repository, branch)
    address = colab_link(repository, branch, folder.as_posix())
    folder.mkdir(parents=True, exist_ok=True)
    written = list[Path]()
    for path in sorted(course.glob("[0-9][0-9]_*.ipynb")):
        copy = _copy(json.loads(path.read_text(encoding="utf-8")), cell, address)
        replace_file(folder / path.name, (json.dumps(copy, indent=1, ensure_ascii=False) + "\n").encode())
        written.append(folder / path.name)
    return written


def _copy(notebook: dict[str, Any], cell: str, address: str) -> dict[str, Any]:
    cells: list[dict[str, Any]] = notebook["cells"]
    for each in cells:
        if each["cell_type"] == "markdown":
            each["source"] = [_LINK.sub(rf"]({address}/\1)", line) for line in _lines(each["source"])]
    first = next(place for place, each in enumerate(cells) if each["cell_type"] == "code")
    cells.insert(
        first,
        {"cell_type": "code", "execution_count": None, "id": "colab", "metadata": {}, "outputs": [],
         "source": cell.splitlines(keepends=True)},
    )  # fmt: skip
    return notebook


def _lines(source: str | list[str]) -> list[str]:
    return source.splitlines(keepends=True) if isinstance(source, str) else source
