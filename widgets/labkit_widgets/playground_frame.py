"""A moment of the playground as bytes: what the page draws of the net, 20 times a second at most.

    length of the header (4 bytes, little-endian) | header, JSON | sections, each padded to 4 bytes

The header says `epoch` and lists the sections as [name, "f4" or "i1" or "u1", count]:

    curve        f4  epoch, train loss, test loss, train accuracy, test accuracy; again for each point of the curve
    weights      f4  kernels and biases, one after another; `shapes` says their sizes. Digits: without the first kernel
    scales       f4  what 127 stands for in each map
    maps         i1  points: each input and hidden neuron over the plane, side x side, the first row on top;
                     digits: the first kernel, a picture of side x side per neuron
    output       i1  points: the prediction over the plane, grid x grid
    activations  f4  digits: each hidden neuron for the drawing
    probabilities f4 digits: of the ten digits, for the drawing

Maps have 8 bits: enough to see, and a frame stays below 200 kB. A NaN is written as -128.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit_widgets.playground import GRID, Net, grid

_TYPES = {"f4": "<f4", "i1": "i1", "u1": "u1"}


def pack(header: dict[str, Any], sections: dict[str, tuple[str, Any]]) -> bytes:
    """Header and sections as one run of bytes.

    Args:
        header: what JSON can hold.
        sections: by name, the type and the values.

    Returns:
        The bytes.

    Example:
        >>> pack({}, {"numbers": ("f4", [1.0])})[-4:].hex()
        '0000803f'
    """
    arrays = {name: np.ascontiguousarray(values, _TYPES[kind]).ravel() for name, (kind, values) in sections.items()}
    listed = [[name, sections[name][0], len(array)] for name, array in arrays.items()]
    text = json.dumps(header | {"sections": listed}, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    parts = [array.tobytes() for array in arrays.values()]
    return struct.pack("<I", len(text)) + text + b"".join(part + bytes(-len(part) % 4) for part in parts)


def eight_bits(values: NDArray[np.float32]) -> tuple[NDArray[np.int8], float]:
    """Values between -127 and 127, and what 127 stands for: 1, or the largest if that is more.

    Example:
        >>> import numpy as np
        >>> eight_bits(np.array([0.5, -2.0, np.nan]))
        (array([  32, -127, -128], dtype=int8), 2.0)
    """
    known = np.abs(values[np.isfinite(values)])
    scale = max(1.0, float(known.max(initial=0.0)))
    clean = np.nan_to_num(values / scale, nan=0.0, posinf=1.0, neginf=-1.0)
    return np.where(np.isnan(values), -128, np.round(clean * 127)).astype(np.int8), scale


def encode(net: Net, drawing: bytes) -> bytes:
    """The frame of a net as it is now.

    Args:
        net: the net.
        drawing: digits only: 784 bytes of ink.

    Returns:
        The bytes.
    """
    weights = net.weights()
    header: dict[str, Any] = {"epoch": net.epoch, "kind": net.settings.kind, "shapes": [w.shape for w in weights]}
    sections: dict[str, tuple[str, Any]] = {"curve": ("f4", np.array(net.curve))}
    if net.settings.kind == "digits":
        sent, more = weights[1:], _drawn(net, weights[0], drawing)
        header["side"] = int(np.sqrt(len(weights[0])))
    else:
        sent, more = weights, _mapped(net)
        header |= {"side": GRID // 2, "grid": GRID}
    flat = np.concatenate([w.ravel() for w in sent])
    return pack(header, sections | {"weights": ("f4", flat)} | more)


def _mapped(net: Net) -> dict[str, tuple[str, Any]]:
    *inner, output = net.look(grid(GRID))
    every = np.concatenate(inner, axis=1).T.reshape(-1, GRID, GRID)[:, ::2, ::2]  # (neurons, side, side)
    maps = [eight_bits(one) for one in every]
    return {
        "scales": ("f4", [scale for _, scale in maps]),
        "maps": ("i1", np.array([one for one, _ in maps])),
        "output": ("i1", eight_bits(output)[0]),
    }


def _drawn(net: Net, kernel: NDArray[np.float32], drawing: bytes) -> dict[str, tuple[str, Any]]:
    picture = np.frombuffer(drawing, np.uint8).astype(np.float32)[None] / 255
    _, *hidden, output = net.look(picture)
    scales = np.maximum(np.nan_to_num(np.abs(kernel)).max(axis=0), 1e-6)  # (neurons,)
    maps = [eight_bits(column)[0] for column in (kernel / scales).T]
    return {
        "scales": ("f4", scales),
        "maps": ("i1", np.array(maps)),
        "activations": ("f4", np.concatenate([part[0] for part in hidden]) if hidden else []),
        "probabilities": ("f4", output[0]),
    }


def encode_examples(net: Net) -> bytes:
    """The data: points as (x1, x2, label) with those to train first; of digits, 20 test pictures to begin from."""
    data = net.examples
    header = {"train": len(data.train_x), "test": len(data.test_x), "name": data.name}
    if net.settings.kind == "digits":
        labels = np.argmax(data.test_y[:200], axis=1)
        chosen = [i for digit in range(10) for i in np.flatnonzero(labels == digit)[:2]]
        pictures = np.round(data.test_x[chosen] * 255)
        return pack(header, {"pictures": ("u1", pictures), "labels": ("u1", labels[chosen])})
    rows = np.concatenate([np.concatenate([data.train_x, data.test_x]), np.concatenate([data.train_y, data.test_y])], 1)
    return pack(header, {"points": ("f4", rows)})
