"""Where a learner is, and whether all that a notebook needs is there: the first cell of the course's first notebook.

`labkit doctor` looks at everything, for whoever keeps the installation. This is for whoever sits before a notebook for
the first time: what becomes of the work there, and one line if all is well. It is quick, because in a workshop all run
it in the same minute.

Example:
    >>> from labkit import start
    >>> start.here()
    You are on your own computer. What you save stays in this folder.
    Self-test: a graph ran (3 + 4 = 7); packages, views, memory and disk are fit for the course.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from labkit import doctor
from labkit.doctor import Check
from labkit.graph import Graph
from labkit.ops.math import add
from labkit.ops.source import constant
from labkit.session import Session

OWN = "You are on your own computer. What you save stays in this folder."
PLACES = {
    "COLAB_RELEASE_TAG": (
        "You are on Google Colab. Its machine goes, and your work with it. To keep it: File > Save a copy in Drive."
    ),
    "BINDER_LAUNCH_HOST": (  # before a hub: Binder is one, too
        "You are on Binder. Ten idle minutes, and its machine goes, with your work. To keep it: File > Download."
    ),
    "JUPYTERHUB_USER": "You are {} on a hub. What you save stays in your folder. To take it home: File > Download.",
    "CODESPACE_NAME": "You are in the codespace {}. What you save stays until it is deleted.",
}
"""What each kind of place sets in the environment, and what a learner should know there."""


def here() -> None:
    """Prints where you are, whether a graph runs there, and what is missing, if anything is.

    Example:
        >>> here()
        You are on your own computer. What you save stays in this folder.
        Self-test: a graph ran (3 + 4 = 7); packages, views, memory and disk are fit for the course.
    """
    print(place())
    failed = [check for check in doctor.examine((_graph, *_LOOKED_AT)) if _matters(check)]
    if not failed:
        print("Self-test: a graph ran (3 + 4 = 7); packages, views, memory and disk are fit for the course.")
        return
    print("Self-test: not all is as it should be.")
    for check in failed:
        print(f"{check.state}  {check.name}: {check.found}" + (f"\n    Try: {check.advice}" if check.advice else ""))


def place() -> str:
    """Where this runs, and what becomes of the work there.

    Example:
        >>> place()
        'You are on your own computer. What you save stays in this folder.'
    """
    return next((said.format(os.environ[name]) for name, said in PLACES.items() if os.environ.get(name)), OWN)


_LOOKED_AT = doctor.packages, doctor.widgets, doctor.memory, doctor.disk


def _matters(check: Check) -> bool:
    """What is wrong, and views that cannot be shown; not that JupyterLab is absent, for those who need none."""
    return check.state == doctor.WRONG or (check.name == "widgets" and check.state != doctor.OK)


def _graph() -> Iterator[Check]:
    with Graph().as_default(), Session() as session:
        total = float(session.run(add(constant(3.0), constant(4.0))))
    yield Check("graph", doctor.OK if total == 7 else doctor.WRONG, f"3 + 4 = {total:g}")
