"""The translation model of Sutskever et al. as a step on eight GPUs: a GPU for each LSTM layer, four for the softmax.

    encoder   20 words x 4 layers; a cell waits for the one before it in time and the one below it
    decoder   the same, from the encoder's last states
    softmax   the words of the vocabulary in four parts; all four need the top layer's output, and their errors return
    backward  everything again in reverse, twice the arithmetic

The step is a `Workload` of some 500 ops that `labkit.simulator.simulate` runs on K40s (PCIe 3), with peak rates.
The paper names neither the GPU nor the length of a sentence: both are assumed here.

Example:
    >>> work = translation_step(words=2)
    >>> len(work), sorted(set(devices_of(work, 8).values()))[:2]
    (58, ['/device:GPU:0', '/device:GPU:1'])

Source: I. Sutskever, O. Vinyals, Q. Le: "Sequence to sequence learning with neural networks", 2014, section 3.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from labkit.cluster import Cluster, Device, single
from labkit.cluster.errors import checked_count
from labkit.simulator.step import simulate
from labkit.trace import Output
from labkit.workload import Workload, WorkNode

_LAYERS, _PARTS = 4, 4


def translation_step(words: int = 20, batch: int = 128, cells: int = 1000, vocabulary: int = 80_000) -> Workload:
    """A training step.

    Args:
        words: of each sentence, source and target.
        batch: sentences.
        cells: of each layer.
        vocabulary: target words.

    Raises:
        ClusterError: if a number is not a positive integer.
    """
    checked_count(words, "the number of words")
    state = batch * cells * 4
    kernel = 2 * cells * 4 * cells * 4  # bytes of the weights of a layer
    cell_flops, cell_bytes = 2.0 * batch * 2 * cells * 4 * cells, float(kernel + 12 * state)
    columns = vocabulary // _PARTS
    part_flops, part_bytes = 2.0 * batch * cells * columns, float(cells * columns * 4 + batch * columns * 4)
    nodes: list[WorkNode] = []

    def add(name: str, op: str, inputs: list[str], flops: float, moved: float, size: int = state) -> None:
        taken = tuple(f"{need}:0" for need in inputs)
        out = (Output(f"{name}:0", "float32", (size // 4,), size),)
        nodes.append(WorkNode(name, op, taken, out, flops, moved))

    for side in ("encoder", "decoder"):
        for t in range(words):
            for d in range(_LAYERS):
                before = f"{side}_{t - 1}_{d}" if t else f"encoder_{words - 1}_{d}" if side == "decoder" else ""
                needs = [before] if before else []
                needs += [f"{side}_{t}_{d - 1}"] if d else []
                add(f"{side}_{t}_{d}", "LSTM", needs, cell_flops, cell_bytes)
    for t in range(words):
        for p in range(_PARTS):
            add(f"softmax_{t}_{p}", "MatMul", [f"decoder_{t}_{_LAYERS - 1}"], part_flops, part_bytes, batch * 4)
        add(f"normaliser_{t}_0", "AddN", [f"softmax_{t}_{p}" for p in range(_PARTS)], 0.0, batch * 20.0, batch * 4)
        for p in range(_PARTS):  # the logits stay where they are; the sums of all parts come back
            add(f"softmax_back_{t}_{p}", "MatMul", [f"normaliser_{t}_0"], 2 * part_flops, 2 * part_bytes)
    for side in ("decoder", "encoder"):
        for t in reversed(range(words)):
            for d in reversed(range(_LAYERS)):
                after = f"{side}_back_{t + 1}_{d}" if t + 1 < words else f"decoder_back_0_{d}"
                needs = [] if side == "decoder" and t + 1 == words else [after]
                if d + 1 < _LAYERS:
                    needs.append(f"{side}_back_{t}_{d + 1}")
                elif side == "decoder":
                    needs += [f"softmax_back_{t}_{p}" for p in range(_PARTS)]
                add(f"{side}_back_{t}_{d}", "LSTMBack", needs, 2 * cell_flops, 2 * cell_bytes)
    for d in range(_LAYERS):
        add(f"update_{2 * words}_{d}", "Descent", [f"encoder_back_0_{d}"], 0.0, 2 * 3.0 * kernel, 4)
    for p in range(_PARTS):
        add(f"softmax_update_0_{p}", "Descent", [f"softmax_back_0_{p}"], 0.0, 3.0 * cells * columns * 4, 4)
    return Workload(tuple(nodes))


def devices_of(work: Workload, gpus: int) -> Mapping[str, str]:
    """The GPU of each op: layer d on GPU d, part p of the softmax on GPU 4 + p; all on one if there is but one.

    Args:
        work: of `translation_step`.
        gpus: 1 or 8.
    """

    def number(name: str) -> int:
        last = int(name.rpartition("_")[2])
        return 0 if gpus == 1 else last + (_LAYERS if name.startswith(("softmax", "normaliser")) else 0)

    return {node.name: f"/device:GPU:{number(node.name)}" for node in work.nodes}


@lru_cache(maxsize=16)
def translation_seconds(gpus: int, words: int = 20, kind: str = "k40") -> float:
    """Simulated time of a step on one GPU, or on eight of one machine.

    Args:
        gpus: 1 or 8.
        words: of each sentence.
        kind: the kind of GPU.

    Example:
        >>> 3.0 < translation_seconds(1, words=4) / translation_seconds(8, words=4) < 5.0
        True
    """
    work = translation_step(words)
    machine = Cluster("eight GPUs", single(), [Device(f"/device:GPU:{n}", kind, "h0", "pcie3_x16") for n in range(8)])
    return simulate(work, devices_of(work, gpus), machine, memory="report").seconds
