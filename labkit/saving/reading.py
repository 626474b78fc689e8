"""Looking into a checkpoint without a graph, and starting variables from one.

Example:
    >>> import labkit as tf, tempfile
    >>> w = tf.Variable([1.0, 2.0], name="w")
    >>> with tf.Session() as sess:
    ...     sess.run(w.initializer)
    ...     path = tf.train.Saver().save(sess, f"{tempfile.mkdtemp()}/model.ckpt")
    >>> tf.train.list_variables(path), tf.train.load_variable(path, "w")
    ([('w', [2])], array([1., 2.], dtype=float32))

Source: `tensorflow/contrib/framework/python/framework/checkpoint_utils.py` (1.4).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from labkit.checkpoints import CheckpointReader
from labkit.errors import NotFoundError
from labkit.gfile import local_path
from labkit.graph import GraphKeys, get_default_graph
from labkit.ops.checkpointing import restore_v2
from labkit.ops.state import assign
from labkit.saving.fit import check_fit
from labkit.saving.nodes import Restored
from labkit.saving.state import latest_checkpoint


def NewCheckpointReader(filepattern: Any) -> CheckpointReader:  # noqa: N802  # TensorFlow's name
    """A reader of a checkpoint: its names, dtypes, shapes and values.

    Args:
        filepattern: the name of the checkpoint, without suffix.

    Returns:
        An object with `has_tensor`, `get_tensor`, `get_variable_to_shape_map`, `get_variable_to_dtype_map`.

    Raises:
        NotFoundError: if there is none.
        DataLossError: if it is damaged.

    Example:
        >>> import labkit as tf, tempfile
        >>> with tf.Session() as sess:
        ...     sess.run(tf.Variable([1, 2], name="counts").initializer)
        ...     path = tf.train.Saver().save(sess, f"{tempfile.mkdtemp()}/model.ckpt")
        >>> reader = tf.train.NewCheckpointReader(path)
        >>> reader.get_tensor("counts").tolist(), reader.get_variable_to_shape_map()
        ([1, 2], {'counts': [2]})
    """
    return CheckpointReader(filepattern)


def load_checkpoint(ckpt_dir_or_file: Any) -> CheckpointReader:
    """A reader of a checkpoint.

    Args:
        ckpt_dir_or_file: its name, or a directory, whose newest one is meant.

    Raises:
        NotFoundError: if there is none.

    Example:
        >>> import labkit as tf
        >>> try:
        ...     tf.train.load_checkpoint("nowhere")
        ... except tf.errors.NotFoundError as error:
        ...     print(str(error).splitlines()[0])
        there is no checkpoint 'nowhere': no file 'nowhere.index'. The directory has none.
    """
    path = local_path(ckpt_dir_or_file)
    if not os.path.isdir(path):
        return CheckpointReader(path)
    found = latest_checkpoint(path)
    if found is None:
        raise NotFoundError(None, None, f"the directory {path!r} has no checkpoint, or no list of them.")
    return CheckpointReader(found)


def list_variables(checkpoint_dir: Any) -> list[tuple[str, list[int]]]:
    """The names and shapes of what is in a checkpoint, sorted.

    Args:
        checkpoint_dir: its name, or a directory, whose newest one is meant.

    Example:
        >>> import labkit as tf, tempfile
        >>> with tf.Session() as sess:
        ...     sess.run(tf.Variable(1, name="step").initializer)
        ...     path = tf.train.Saver().save(sess, f"{tempfile.mkdtemp()}/model.ckpt")
        >>> tf.train.list_variables(path)
        [('step', [])]
    """
    return sorted(load_checkpoint(checkpoint_dir).get_variable_to_shape_map().items())


def load_variable(checkpoint_dir: Any, name: str) -> Any:
    """The value of one variable of a checkpoint.

    Args:
        checkpoint_dir: its name, or a directory, whose newest one is meant.
        name: the variable; "w:0" is the same as "w".

    Returns:
        A NumPy array.

    Example:
        >>> import labkit as tf, tempfile
        >>> with tf.Session() as sess:
        ...     sess.run(tf.Variable(3, name="step").initializer)
        ...     path = tf.train.Saver().save(sess, f"{tempfile.mkdtemp()}/model.ckpt")
        >>> int(tf.train.load_variable(path, "step"))
        3
    """
    reader = load_checkpoint(checkpoint_dir)
    return reader.get_tensor(name if reader.has_tensor(name) else name.removesuffix(":0"))


def init_from_checkpoint(checkpoint_dir: Any, assignment_map: Mapping[str, Any]) -> None:
    """Makes variables start from a checkpoint: their initializers give what it has.

    Call it before `tf.global_variables_initializer()`, which then reads the checkpoint when it runs.

    Args:
        checkpoint_dir: the name of a checkpoint, or a directory, whose newest one is meant.
        assignment_map: from names in the checkpoint to variables or names of variables; "scope/" to "other/" maps
            all that is in a scope.

    Raises:
        NotFoundError: if the checkpoint or the graph lacks a variable.
        InvalidArgumentError: if a dtype or a shape is another one.

    Example:
        >>> import labkit as tf, tempfile
        >>> with tf.Graph().as_default(), tf.Session() as sess:
        ...     sess.run(tf.Variable(3.0, name="old").initializer)
        ...     path = tf.train.Saver().save(sess, f"{tempfile.mkdtemp()}/model.ckpt")
        >>> new = tf.Variable(0.0, name="new")
        >>> tf.train.init_from_checkpoint(path, {"old": new})
        >>> with tf.Session() as sess:
        ...     sess.run(tf.global_variables_initializer())
        ...     float(sess.run(new))
        3.0
    """
    reader = load_checkpoint(checkpoint_dir)
    graph = get_default_graph()
    by_name = {variable.op.name: variable for variable in graph.get_collection(GraphKeys.GLOBAL_VARIABLES)}
    pairs: list[tuple[str, Any]] = []
    for source, target in assignment_map.items():
        if source.endswith("/"):
            start = "" if source == "/" else source
            scope = f"{target}".removesuffix("/") + "/"
            inside = [name for name in by_name if name.startswith(scope)]
            if not inside:
                raise NotFoundError(None, None, f"the graph has no variables in the scope {target!r}.")
            pairs += [(start + name.removeprefix(scope), by_name[name]) for name in inside]
        elif isinstance(target, str) and target not in by_name:
            raise NotFoundError(None, None, f"the graph has no variable {target!r}; it has {sorted(by_name)}.")
        else:
            pairs.append((source, by_name[target] if isinstance(target, str) else target))
    check_fit(reader, [Restored(name, variable.ref, False) for name, variable in pairs])
    for name, variable in pairs:
        with graph.as_default(), graph.control_dependencies(None):
            value = restore_v2(reader.prefix, [name], [""], [variable.dtype], "checkpoint_initializer")[0]
            variable.initializer = assign(variable, value, name=f"{variable.op.name}/checkpoint_initializer").op
