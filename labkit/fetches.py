"""What `Session.run` was asked for: any nesting of lists, tuples, named tuples and dicts, taken apart and rebuilt.

`take_apart` collects the leaves (tensors and operations) and returns a function that puts values, taken one by one
from an iterator, back into the same nesting. `key_of` gives what stands for the nesting in a table.

Example:
    >>> import labkit as tf
    >>> a, b = tf.constant(1), tf.constant(2)
    >>> leaves = []
    >>> rebuild = take_apart(a.graph, {"both": [a, b], "first": a}, leaves)
    >>> rebuild(iter([10, 20, 10]))
    {'both': [10, 20], 'first': 10}

Source: the fetch mappers of `tensorflow/python/client/session.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np

from labkit.errors import FetchError
from labkit.graph import Graph
from labkit.nests import is_listed, is_mapping

Rebuild = Callable[[Iterator[Any]], Any]


def key_of(fetches: Any) -> Any:
    """What stands for `fetches` in a table: nested tuples of the leaves, with the types of the containers."""
    if is_listed(fetches):
        return (type(fetches), *[key_of(entry) for entry in fetches])
    if is_mapping(fetches):
        return (type(fetches), *[(key, key_of(entry)) for key, entry in fetches.items()])
    return fetches


def take_apart(graph: Graph, fetches: Any, leaves: list[Any]) -> Rebuild:
    """Appends the leaves of `fetches` to `leaves`; returns how to rebuild the nesting from an iterator of values.

    Raises:
        FetchError: if a leaf is nothing that can be fetched.
    """
    kind = cast("Any", type(fetches))
    if is_listed(fetches):
        parts = [take_apart(graph, entry, leaves) for entry in fetches]
        if hasattr(kind, "_fields"):
            return lambda values: kind(*[part(values) for part in parts])
        return lambda values: kind([part(values) for part in parts])
    if is_mapping(fetches):
        named = {key: take_apart(graph, entry, leaves) for key, entry in fetches.items()}
        made: Any = dict if kind.__name__ == "defaultdict" else kind
        return lambda values: made([(key, part(values)) for key, part in named.items()])
    if hasattr(fetches, "fetch_parts"):  # a composite, such as IndexedSlices
        inner = take_apart(graph, fetches.fetch_parts(), leaves)
        return lambda values: fetches.from_parts(inner(values))
    leaves.append(_fetchable(graph, fetches))
    return next


def _fetchable(graph: Graph, fetch: Any) -> Any:
    plain = (bool, int, float, complex, np.ndarray, np.generic)
    if fetch is None:
        raise FetchError(
            "cannot fetch None. A function without `return` gives None, tf.summary.merge_all() does in a graph without "
            "summaries, and tf.gradients for what the loss does not depend on.\n"
            "  Try: leave it out, or print it before session.run."
        )
    if any(isinstance(fetch, kind) for kind in plain):
        name = type(fetch).__name__
        raise FetchError(
            f"cannot fetch {fetch!r}: it is {'an' if name[0] in 'aeiou' else 'a'} {name}, not a tensor, an operation "
            "or a name of one.\n  Try: keep the result of session.run under another name than the tensor you fetch."
        )
    try:
        return graph.as_graph_element(fetch)
    except TypeError as error:
        raise FetchError(f"cannot fetch {fetch!r} ({type(fetch).__name__}): {error}{_advice(fetch)}") from None


def _advice(fetch: Any) -> str:
    if hasattr(fetch, "make_one_shot_iterator"):
        return "\n  Try: x = dataset.make_one_shot_iterator().get_next(), and session.run(x) for each element."
    return "\n  Try: session.run(iterator.get_next())." if hasattr(fetch, "get_next") else ""
