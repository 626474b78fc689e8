"""`tf.contrib.framework`: default arguments for many calls (`arg_scope`), and variables found by name.

Source: `tensorflow/contrib/framework/__init__.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.contrib.framework import nest
from labkit.contrib.framework.scopes import (
    add_arg_scope,
    arg_scope,
    arg_scope_func_key,
    arg_scoped_arguments,
    current_arg_scope,
    has_arg_scope,
)
from labkit.contrib.framework.variables import (
    add_model_variable,
    assign_from_values,
    assign_from_values_fn,
    get_local_variables,
    get_model_variables,
    get_trainable_variables,
    get_unique_variable,
    get_variables,
    get_variables_by_name,
    get_variables_by_suffix,
    get_variables_to_restore,
    local_variable,
    model_variable,
    variable,
)
from labkit.global_step import assert_global_step, create_global_step, get_global_step, get_or_create_global_step
from labkit.graph import is_tensor_like as is_tensor
from labkit.missing import missing_name

__all__ = [
    "add_arg_scope", "add_model_variable", "arg_scope", "arg_scope_func_key", "arg_scoped_arguments",
    "assert_global_step", "assign_from_values", "assign_from_values_fn", "create_global_step", "current_arg_scope",
    "get_global_step", "get_local_variables", "get_model_variables", "get_or_create_global_step",
    "get_trainable_variables", "get_unique_variable", "get_variables", "get_variables_by_name",
    "get_variables_by_suffix", "get_variables_to_restore", "has_arg_scope", "is_tensor", "local_variable",
    "model_variable", "nest", "variable",
]  # fmt: skip

_OF_TRAIN = {"list_variables": "list_variables", "load_checkpoint": "load_checkpoint",
             "load_variable": "load_variable", "init_from_checkpoint": "init_from_checkpoint"}  # fmt: skip


def __getattr__(name: str) -> Any:
    """What reads checkpoints is in `tf.train`."""
    if name in _OF_TRAIN:
        from labkit import train

        return getattr(train, _OF_TRAIN[name])
    return missing_name(__name__, name, __all__)
