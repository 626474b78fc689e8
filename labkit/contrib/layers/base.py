"""What contrib's layers share: their scope, their variables, their end (normalizer, activation, collections).

Source: `tensorflow/contrib/layers/python/layers/layers.py` and `utils.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from labkit.contrib.framework import model_variable
from labkit.graph import Tensor, get_default_graph
from labkit.layers.base import activated
from labkit.nests import is_listed, is_mapping, listed
from labkit.ops.nn import bias_add
from labkit.variable_scope import VariableScope, variable_scope


@contextmanager
def layer_scope(scope: Any, default: str, inputs: Any, reuse: Any = None) -> Generator[VariableScope]:
    """The variable scope of a layer: the one given, or its kind's name made unique."""
    with variable_scope(scope, default, listed(inputs), reuse=reuse) as opened:
        yield opened


def collections_for(variables_collections: Any, name: str) -> Sequence[str]:
    """The collections of a variable: the same for all, or by the variable's name."""
    if is_mapping(variables_collections):
        return listed(variables_collections.get(name) or [])
    if variables_collections is None:
        return []
    return list(variables_collections) if is_listed(variables_collections) else [variables_collections]


def finished(outputs: Any, scope: VariableScope, outputs_collections: Any) -> Any:
    """The output, after adding it to the collections named."""
    if outputs_collections:
        get_default_graph().add_to_collections(collections_for(outputs_collections, scope.name), outputs)
    return outputs


@dataclass(frozen=True)
class Weighted:
    """The arguments that all layers with weights take, and what they do."""

    activation_fn: Any
    normalizer_fn: Any
    normalizer_params: Any
    weights_initializer: Any
    weights_regularizer: Any
    biases_initializer: Any
    biases_regularizer: Any
    variables_collections: Any
    outputs_collections: Any
    trainable: bool

    def weights(self, shape: Sequence[Any], dtype: Any, name: str = "weights") -> Any:
        """The weights, a variable of the model."""
        return model_variable(
            name, shape, dtype, self.weights_initializer, self.weights_regularizer, self.trainable,
            collections_for(self.variables_collections, name),
        )  # fmt: skip

    def end(self, outputs: Tensor, size: int, scope: VariableScope, layout: str | None = None) -> Any:
        """The output after biases or normalizer, activation and collections."""
        if self.normalizer_fn is not None:
            outputs = self.normalizer_fn(outputs, **(self.normalizer_params or {}))
        elif self.biases_initializer is not None:
            biases = model_variable(
                "biases", [size], outputs.dtype, self.biases_initializer, self.biases_regularizer, self.trainable,
                collections_for(self.variables_collections, "biases"),
            )  # fmt: skip
            outputs = bias_add(outputs, biases, layout)
        return finished(activated(outputs, self.activation_fn), scope, self.outputs_collections)
