"""`ClusterError`: a machine, a link or a network that cannot be."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Any

from labkit.errors import LabkitError


class ClusterError(LabkitError, ValueError):
    """A machine model was asked for, or described, in a way that makes no machine.

    Cause: an unknown kind of device or link, a name given twice, a link to nowhere, a bandwidth that is not above zero,
    a route where no link leads, a cluster file that lacks something.

    Example:
        >>> from labkit.cluster import device_kind
        >>> try:
        ...     device_kind("h10")
        ... except ClusterError as error:
        ...     print(error)
        there is no kind of device called 'h10'.
    """


def unknown(what: str, name: Any, known: Iterable[str]) -> ClusterError:
    """The error for a name that nothing has; it names the nearest and lists the rest.

    Args:
        what: what should have had the name, such as "kind of device".
        name: what was asked for.
        known: the names that there are.

    Example:
        >>> unknown("kind of link", "ethernet_10", ["ethernet_10g", "nvlink1"]).__notes__
        ['  Try: ethernet_10g. There are ethernet_10g, nvlink1.']
    """
    names = list(known)
    near = difflib.get_close_matches(str(name), names, 1, 0.5)
    shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    there = f"There are {shown}." if names else "There are none."
    return ClusterError(f"there is no {what} called {name!r}.", f"{near[0]}. {there}" if near else there)


def checked_number(value: Any, what: str, unit: str, zero: bool = False) -> float:
    """A finite number above zero, or the error that says what was found.

    Args:
        value: the number.
        what: whose number it is, for the error: "the bandwidth of the link a - b".
        unit: what it counts, for the error.
        zero: True if zero is fine too.

    Example:
        >>> checked_number(3, "the latency", "seconds")
        3.0
    """
    fine = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not fine or value < 0 or (value == 0 and not zero):
        bound = "at least zero" if zero else "above zero"
        raise ClusterError(f"{what} is {value!r} {unit}; it must be a number {bound}.")
    return float(value)


def checked_count(value: Any, what: str, least: int = 1) -> int:
    """A whole number of at least `least`, or the error that says what was found.

    Example:
        >>> checked_count(3, "the number of hosts")
        3
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ClusterError(f"{what} is {value!r}; it must be a whole number of at least {least}.")
    return value
