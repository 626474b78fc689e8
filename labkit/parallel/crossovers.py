"""Data or model parallelism? What a net of dense layers moves between devices in a step, either way.

*Data parallelism* (each of n devices has all weights and some of the examples) moves gradients: as many numbers as
there are weights, whatever the batch. *Model parallelism* (each has some of the weights and sees all examples) moves
activations: as many as there are examples, whatever the weights. In numbers a step, over all devices, for P weights and
biases, B examples and layers of w_1, w_2, ... outputs:

    data, "ring"     2 (n - 1) P            each gradient is summed and handed round (all-reduce)
    data, "servers"  2 n P                  each worker reads the weights and sends its gradient
    model, "columns" 2 (n - 1) B (w_1 + ... + w_last but one) + 5 (n - 1) B
                                            each hidden output to all, its gradient summed from all; and what a cross
                                            entropy cut by classes needs (`softmax_cuts.py`)
    model, "layers"  2 B (w at each border) forward the outputs, backward their gradients

Where both are the same is the *crossover*: with fewer examples model parallelism moves less, with more data
parallelism. For one dense layer in the middle of a net it lies, with "ring" and "columns", at about as many examples as
the layer has outputs: never worth splitting for ten digits, always for 80,000 words.

Example:
    >>> digits = crossover([784, 512, 512, 10], batch=100, devices=4)
    >>> digits
    <crossover at 653 examples: 670 k parameters, 4 devices; at 100 model parallelism moves less>
    >>> digits.data_bytes, digits.model_bytes
    (16072944.0, 2463600.0)
    >>> print(digits)  # doctest: +ELLIPSIS
    <crossover ...>
    layer       parameters  data moves  model moves  crossover
    784 -> 512       402 k     9.65 MB          0 B      never
    512 -> 512       263 k     6.30 MB      1.23 MB        513
    512 -> 10       5.13 k      123 kB      1.23 MB         11
    all              670 k     16.1 MB      2.46 MB        653

What is not counted: what is fed (data parallelism gives each device its share, model parallelism by columns all of it),
and how long it takes: a ring and a star move the same bytes over other links. `labkit.simulator` knows that.

Source: A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", arXiv:1404.5997; M. Shoeybi et
al., "Megatron-LM", arXiv:1909.08053, section 3; J. Dean et al., "Large Scale Distributed Deep Networks", NIPS 2012.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, cast

from labkit.cluster.errors import ClusterError, checked_count, checked_number, unknown
from labkit.trace import aligned, short

DATA = ("ring", "servers")
"""How gradients travel."""

MODEL = ("columns", "layers")
"""How a net is split."""

_SOFTMAX = 5  # numbers an example and device: a maximum and its answer, a sum and its answer, the score of the truth


class DenseLayer(NamedTuple):
    """What one layer moves in a step.

    Args:
        inputs: of the layer.
        outputs: of the layer.
        parameters: weights and biases.
        data_bytes: moved for it by data parallelism.
        model_bytes: moved for its inputs by model parallelism; none for what is fed.
        batch: from how many examples on data parallelism moves less for it; infinity for never.
    """

    inputs: int
    outputs: int
    parameters: int
    data_bytes: float
    model_bytes: float
    batch: float


@dataclass(frozen=True, repr=False)
class Crossover:
    """What a net moves in a step with data parallelism and with model parallelism, and where it is the same.

    Args:
        sizes: inputs, and outputs of each layer.
        batch: examples in a step, over all devices.
        devices: how many.
        data: how gradients travel.
        model: how the net is split.
        number_bytes: of a weight, a gradient, an activation.
        biases: whether layers have them.
    """

    sizes: tuple[int, ...]
    batch: int
    devices: int
    data: str
    model: str
    number_bytes: float
    biases: bool

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def data_bytes(self) -> float:
        """Moved in a step by data parallelism."""
        return self._of_gradients(self.parameters)

    @property
    def model_bytes(self) -> float:
        """Moved in a step by model parallelism."""
        return self.batch * self._of_an_example

    @property
    def batch_at(self) -> float:
        """With how many examples both move the same; infinity if model parallelism moves nothing."""
        return self.data_bytes / self._of_an_example if self._of_an_example else math.inf

    @property
    def parameters_at(self) -> float:
        """With how many parameters, and the layers' outputs as they are, both move the same for this batch."""
        return self.model_bytes / self._of_gradients(1) if self.devices > 1 else math.inf

    @property
    def moves_less(self) -> str:
        """What moves less: "data", "model", or "both" if it is the same."""
        data, model = self.data_bytes, self.model_bytes
        return "both" if data == model else "data" if data < model else "model"

    @property
    def layers(self) -> tuple[DenseLayer, ...]:
        """Each layer on its own: one may be better off split, and another copied. The softmax is of the whole net."""
        found: list[DenseLayer] = []
        for number, (inputs, outputs) in enumerate(pairwise(self.sizes)):
            count = (inputs + self.biases) * outputs
            each = self._of_inputs(number)
            data = self._of_gradients(count)
            found.append(DenseLayer(inputs, outputs, count, data, self.batch * each, data / each if each else math.inf))
        return tuple(found)

    @property
    def borders(self) -> tuple[int, ...]:
        """With "layers": before which layers, from 1, a new device begins: where the fewest numbers cross."""
        hidden = range(1, len(self.sizes) - 1)
        return tuple(sorted(sorted(hidden, key=lambda place: (self.sizes[place], place))[: self.devices - 1]))

    def _of_gradients(self, count: int) -> float:
        """Bytes that data parallelism moves for so many parameters."""
        n = self.devices
        times = 2 * (n - 1) if self.data == "ring" else 2 * n
        return times * count * self.number_bytes if n > 1 else 0.0

    def _of_inputs(self, number: int) -> float:
        """Bytes that model parallelism moves for the inputs of a layer, for one example, there and back."""
        if not number or (self.model == "layers" and number not in self.borders):
            return 0.0
        return 2 * (self.devices - 1 if self.model == "columns" else 1) * self.sizes[number] * self.number_bytes

    @property
    def _of_an_example(self) -> float:
        softmax = _SOFTMAX * (self.devices - 1) * self.number_bytes if self.model == "columns" else 0.0
        return softmax + sum(self._of_inputs(number) for number in range(len(self.sizes) - 1))

    def __str__(self) -> str:
        rows = [("layer", "parameters", "data moves", "model moves", "crossover")]
        for layer in self.layers:
            name = f"{layer.inputs:,} -> {layer.outputs:,}"
            rows.append((name, *_cells(layer.parameters, layer.data_bytes, layer.model_bytes, layer.batch)))
        rows.append(("all", *_cells(self.parameters, self.data_bytes, self.model_bytes, self.batch_at)))
        return f"{self!r}\n{aligned(rows)}"

    def __repr__(self) -> str:
        which = {"data": "data parallelism", "model": "model parallelism", "both": "neither"}[self.moves_less]
        return (
            f"<crossover at {_examples(self.batch_at)} examples: {short(self.parameters)} parameters, {self.devices} "
            f"devices; at {self.batch:,} {which} moves less>"
        )


def _cells(parameters: int, data: float, model: float, batch: float) -> tuple[str, str, str, str]:
    return short(parameters), short(data, "B"), short(model, "B"), _examples(batch)


def _examples(batch: float) -> str:
    return "never" if math.isinf(batch) else f"{math.ceil(batch):,}"


def crossover(
    sizes: Any,
    batch: int,
    devices: int = 2,
    *,
    data: str = "ring",
    model: str = "columns",
    number_bytes: float = 4,
    biases: bool = True,
) -> Crossover:
    """What a net of dense layers moves in a step with data parallelism, and with model parallelism.

    Args:
        sizes: inputs of the net and outputs of each layer: [784, 512, 10]; or the variables of a net, such as
            `tf.trainable_variables()`: each matrix is a layer, vectors are biases.
        batch: examples in a step, over all devices.
        devices: over how many.
        data: "ring" or "servers".
        model: "columns" (every layer over all devices) or "layers" (each layer on one device).
        number_bytes: of a weight, a gradient, an activation.
        biases: whether layers have biases; of variables that is known.

    Raises:
        ClusterError: if something is no such number or choice, variables make no chain of dense layers, or there are
            more devices than layers.

    Example:
        >>> words = crossover([1000, 1000, 80_000], batch=128, devices=4)
        >>> words.moves_less, round(words.data_bytes / words.model_bytes), words.layers[1].batch
        ('model', 632, 80080.0)
        >>> crossover([512, 512, 512], batch=128, devices=2, model="layers").borders
        (1,)
    """
    if isinstance(sizes, (str, bytes)) or not isinstance(sizes, (list, tuple)):
        raise ClusterError(
            f"the sizes are {sizes!r}; they are numbers, or variables.", "[784, 512, 10], or tf.trainable_variables()."
        )
    given: list[Any] = list(cast("Sequence[Any]", sizes))
    if given and all(hasattr(one, "get_shape") for one in given):
        known, biases = _from_variables(given)
    else:
        known = [checked_count(size, "a size of the net") for size in given]
    if len(known) < 2:
        raise ClusterError(f"the sizes {known} make no layer.", "inputs and outputs: [784, 10].")
    checked_count(batch, "the number of examples")
    checked_count(devices, "the number of devices")
    checked_number(number_bytes, "the size of a number", "bytes")
    for what, value, choices in (("way of gradients", data, DATA), ("split of a model", model, MODEL)):
        if value not in choices:
            raise unknown(what, value, choices)
    if model == "layers" and devices > len(known) - 1:
        raise ClusterError(
            f"{len(known) - 1} layers cannot be on {devices} devices, a layer on each.",
            f'model="columns", or {len(known) - 1} devices.',
        )
    return Crossover(tuple(known), batch, devices, data, model, float(number_bytes), biases)


def _from_variables(variables: Sequence[Any]) -> tuple[list[int], bool]:
    """The sizes of a chain of dense layers, and whether they have biases."""
    sizes: list[int] = []
    vectors = 0
    for variable in variables:
        shape = variable.get_shape().as_list()
        if len(shape) == 2 and (not sizes or sizes[-1] == shape[0]):
            sizes += shape if not sizes else shape[1:]
        elif len(shape) == 1 and sizes and shape[0] == sizes[-1]:
            vectors += 1
        else:
            before = f" after a layer of {sizes[-1]} outputs" if sizes else ""
            raise ClusterError(
                f"the variable {variable.name!r} of shape {shape}{before} is no part of a chain of dense layers.",
                "the sizes as numbers, such as [784, 512, 10]. (A convolution moves few gradients and many "
                "activations: data parallelism.)",
            )
    if vectors not in (0, len(sizes) - 1):
        raise ClusterError(f"{vectors} of {len(sizes) - 1} layers have biases.", "the sizes as numbers.")
    return sizes, vectors > 0
