"""What all distributions share: names, shapes, and the methods that follow from others.

A subclass gives `_log_prob`, `_sample` and whichever of `_mean`, `_variance`, `_entropy`, `_cdf`, `_mode` have a
formula.

Example:
    >>> import labkit as tf
    >>> isinstance(tf.distributions.Normal(0.0, 1.0), Distribution)
    True

Source: `tensorflow/python/ops/distributions/distribution.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from labkit.dtypes import DType
from labkit.errors import UnimplementedError
from labkit.graph import Graph, Tensor, constant_value, graph_of
from labkit.ops.array import reshape
from labkit.ops.exponential import exp, sqrt
from labkit.ops.joining import concat
from labkit.ops.shaping import shape as shape_of
from labkit.shapes import TensorShape, broadcast


class Distribution:
    """Base of the distributions.

    Args:
        dtype: the dtype of the samples.
        parameters: tensors whose shapes broadcast to the shape of the batch.
        name: name of the scope of all nodes.

    Example:
        >>> import labkit as tf
        >>> normal = tf.distributions.Normal([0.0, 5.0], 1.0)
        >>> normal.batch_shape, normal.event_shape, normal.dtype
        (TensorShape([Dimension(2)]), TensorShape([]), tf.float32)
    """

    event_rank: ClassVar[int] = 0

    def __init__(self, dtype: DType, parameters: Sequence[Tensor], name: str) -> None:
        self.dtype = dtype
        self.name = name
        self.graph: Graph = graph_of(parameters)
        self._parameters = tuple(parameters)

    @property
    def batch_shape(self) -> TensorShape:
        """The shape of the batch of distributions, as far as it is known."""
        return self._static_shape()[: -self.event_rank or None]

    @property
    def event_shape(self) -> TensorShape:
        """The shape of one sample of one distribution."""
        return self._static_shape()[-self.event_rank :] if self.event_rank else TensorShape([])

    def _static_shape(self) -> TensorShape:
        shape = self._parameters[0].static_shape
        for tensor in self._parameters[1:]:
            shape = broadcast(shape, tensor.static_shape)
        return TensorShape(shape)

    def batch_shape_tensor(self, name: str = "batch_shape_tensor") -> Tensor:
        """The shape of the batch, as a tensor."""
        return self._named(name, lambda: self._full_shape()[: -self.event_rank or None])

    def _full_shape(self) -> Tensor:
        """The shape of batch and event together, as a tensor."""
        total = self._parameters[0]
        for tensor in self._parameters[1:]:
            total = total + tensor
        return shape_of(total)

    def sample(self, sample_shape: Any = (), seed: int | None = None, name: str = "sample") -> Tensor:
        """Random draws.

        Args:
            sample_shape: how many: a number or a shape, which comes before that of the batch.
            seed: of the generator; see `tf.set_random_seed`.
            name: name of the scope.

        Returns:
            A tensor of the shape of the samples, the batch and the event together.

        Example:
            >>> import labkit as tf
            >>> tf.distributions.Normal([0.0, 5.0], 1.0).sample(3).shape.as_list()
            [3, 2]
        """

        def drawn() -> Tensor:
            wanted = reshape(self.graph.as_tensor(sample_shape, "int32"), [-1])
            known = constant_value(wanted)
            result = self._sample(concat([wanted, self._full_shape()], 0), seed)
            if known is not None:
                front = tuple(int(size) for size in known)
                whole = self._static_shape()
                result.set_shape(TensorShape(front).concatenate(whole))
            return result

        return self._named(name, drawn)

    def log_prob(self, value: Any, name: str = "log_prob") -> Tensor:
        """The logarithm of the density (or, of a discrete distribution, of the chance) at `value`."""
        return self._named(name, lambda: self._log_prob(self._value(value)))

    def prob(self, value: Any, name: str = "prob") -> Tensor:
        """The density (or, of a discrete distribution, the chance) at `value`."""
        return self._named(name, lambda: exp(self._log_prob(self._value(value))))

    def cdf(self, value: Any, name: str = "cdf") -> Tensor:
        """The chance of a sample that is at most `value`."""
        return self._named(name, lambda: self._cdf(self._value(value)))

    def entropy(self, name: str = "entropy") -> Tensor:
        """Shannon's entropy in nats (the differential one, of a continuous distribution)."""
        return self._named(name, self._entropy)

    def mean(self, name: str = "mean") -> Tensor:
        """The mean."""
        return self._named(name, self._mean)

    def mode(self, name: str = "mode") -> Tensor:
        """The likeliest value."""
        return self._named(name, self._mode)

    def variance(self, name: str = "variance") -> Tensor:
        """The variance."""
        return self._named(name, self._variance)

    def stddev(self, name: str = "stddev") -> Tensor:
        """The standard deviation."""
        return self._named(name, lambda: sqrt(self._variance()))

    def _named(self, name: str, build: Callable[[], Tensor]) -> Tensor:
        with self.graph.name_scope(self.name), self.graph.name_scope(name):
            return build()

    def _value(self, value: Any) -> Tensor:
        return self.graph.as_tensor(value, None if hasattr(value, "dtype") else self.dtype, "value")

    def _sample(self, shape: Tensor, seed: int | None) -> Tensor:
        raise self._without("samples")

    def _log_prob(self, value: Tensor) -> Tensor:
        raise self._without("log_prob")

    def _cdf(self, value: Tensor) -> Tensor:
        raise self._without("cdf")

    def _entropy(self) -> Tensor:
        raise self._without("entropy")

    def _mean(self) -> Tensor:
        raise self._without("mean")

    def _mode(self) -> Tensor:
        raise self._without("mode")

    def _variance(self) -> Tensor:
        raise self._without("variance")

    def _without(self, what: str) -> UnimplementedError:
        return UnimplementedError(None, None, f"the distribution {type(self).__name__} has no {what}.")

    def __repr__(self) -> str:
        return (
            f"<tf.distributions.{type(self).__name__} {self.name!r} batch_shape={self.batch_shape} "
            f"event_shape={self.event_shape} dtype={self.dtype.name}>"
        )


def parameters(name: str, *values: Any) -> list[Tensor]:
    """Parameters as tensors of one floating-point dtype: that of the first tensor among them, else float32."""
    graph = graph_of(values)
    dtype = next((value.dtype for value in values if hasattr(value, "dtype")), "float32")
    with graph.name_scope(name):
        return [graph.as_tensor(value, None if hasattr(value, "dtype") else dtype) for value in values]
