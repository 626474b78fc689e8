"""`tf.train.Saver`: the variables of a session to a checkpoint, and back.

Example:
    >>> import labkit as tf, tempfile
    >>> w = tf.Variable([1.0, 2.0], name="w")
    >>> saver = tf.train.Saver()
    >>> with tf.Session() as sess:
    ...     sess.run(w.initializer)
    ...     path = saver.save(sess, f"{tempfile.mkdtemp()}/model.ckpt", global_step=100)
    >>> with tf.Session() as sess:  # perhaps in another program
    ...     saver.restore(sess, path)
    ...     sess.run(w)
    array([1., 2.], dtype=float32)

What a restored session draws: `restore` brings back variables and leaves random streams alone, as TensorFlow does, so
seeds give TensorFlow's numbers. To go on exactly where a run was stopped, the streams must go on too: that is
`restore_random_states`, which `MonitoredTrainingSession` and `Supervisor` call when they recover a run.

Source: `tensorflow/python/training/saver.py` (1.4).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np

from labkit import logging
from labkit.checkpoints import CheckpointReader
from labkit.checkpoints.files import explained, write_file
from labkit.checkpoints.read import check_prefix
from labkit.errors import GraphError, InvalidArgumentError, ResourceExhaustedError
from labkit.gfile import local_path
from labkit.global_step import global_step as value_of_step
from labkit.graph import Graph, GraphKeys, get_default_graph, is_tensor_like
from labkit.graphdef import export_meta_graph
from labkit.messages import message
from labkit.saving.fit import check_fit
from labkit.saving.nodes import SaverNodes, add_nodes, named_references, restored_variables
from labkit.saving.state import (
    checkpoint_exists,
    get_checkpoint_mtimes,
    remove_checkpoint,
    remove_leftovers,
    update_checkpoint_state,
)
from labkit.session import Session


class Saver:
    """Saves the variables of a session to checkpoints, and restores them.

    Args:
        var_list: what to save: a list of variables, or a dictionary from names in the checkpoint to variables; None
            for all global variables that exist now.
        reshape: gives what is restored the shape of the variable, if the sizes are equal.
        sharded: kept for TensorFlow's signature; a checkpoint is one file of data.
        max_to_keep: how many of the newest checkpoints to keep; None or 0 for all.
        keep_checkpoint_every_n_hours: of those that would be removed, one for so many hours is kept.
        name: the scope of the nodes; "save" if None.
        restore_sequentially: restores one variable after another.
        saver_def: a `SaverDef` of nodes that the graph has already.
        builder: kept for TensorFlow's signature.
        defer_build: adds the nodes later, in `build` or at the first use.
        allow_empty: lets there be no variables; `save` and `restore` then do nothing.
        write_version: kept for TensorFlow's signature; there is one format.
        pad_step_number: writes the step with 8 digits.
        save_relative_paths: the file `checkpoint` gets relative paths, so that the directory can be moved.
        filename: the name of the checkpoint while none is fed.

    Raises:
        GraphError: if there are no variables, or two have one name.
        DTypeError: if something in `var_list` is no variable.

    Example:
        >>> import labkit as tf
        >>> w = tf.Variable(1.0, name="w")
        >>> tf.train.Saver({"weights": w}).saver_def.save_tensor_name
        'save/control_dependency:0'
    """

    def __init__(
        self, var_list: Any = None, reshape: bool = False, sharded: bool = False, max_to_keep: int | None = 5,
        keep_checkpoint_every_n_hours: float = 10000.0, name: str | None = None, restore_sequentially: bool = False,
        saver_def: Any = None, builder: Any = None, defer_build: bool = False, allow_empty: bool = False,
        write_version: int = 2, pad_step_number: bool = False, save_relative_paths: bool = False,
        filename: str | None = None,
    ) -> None:  # fmt: skip
        if defer_build and var_list is not None:
            raise InvalidArgumentError(
                None,
                None,
                "var_list and defer_build cannot both be given: what is built later takes all variables then.",
            )
        self._var_list = var_list
        self._options = (name or "save", filename or "model", reshape, restore_sequentially)
        self._sharded = sharded
        self._max_to_keep = max_to_keep or 0
        self._every_n_hours = keep_checkpoint_every_n_hours
        self._allow_empty = allow_empty
        self._pad_step_number = pad_step_number
        self._relative_paths = save_relative_paths
        self._nodes: SaverNodes | None = None
        self._is_empty = False
        self._graph: Graph | None = None
        self._meta: tuple[int, bytes] = (-1, b"")
        if saver_def is not None:
            self._take(saver_def)
        elif not defer_build:
            self.build()
        self._next_kept_seconds = time.time() + self._every_n_hours * 3600
        self._last: list[tuple[str, float]] = []  # the checkpoints that are kept, and when each was written
        self._to_remove: list[tuple[str, float]] = []

    def _take(self, saver_def: Any) -> None:
        names = (saver_def.filename_tensor_name, saver_def.save_tensor_name, saver_def.restore_op_name)
        if not all(names):
            raise InvalidArgumentError(None, None, f"this SaverDef does not name its nodes: {names}.")
        self._nodes = SaverNodes(*names)
        self._max_to_keep = saver_def.max_to_keep
        self._every_n_hours = saver_def.keep_checkpoint_every_n_hours
        self._sharded = saver_def.sharded

    def build(self) -> None:
        """Adds the nodes, for a Saver that was made with `defer_build=True`.

        Raises:
            GraphError: if there are no variables.
        """
        if self._nodes is not None or self._is_empty:
            return
        given = self._var_list
        if given is None:
            graph = get_default_graph()
            given = [*graph.get_collection(GraphKeys.GLOBAL_VARIABLES), *graph.get_collection("saveable_objects")]
        references = named_references(given)
        if not references:
            if self._allow_empty:
                self._is_empty = True
                return
            raise GraphError("there are no variables to save.\n  Try: make the Saver after the variables.")
        self._graph = next(iter(references.values())).graph
        self._nodes = add_nodes(self._graph, references, *self._options)

    def _built(self) -> SaverNodes:
        if self._nodes is None:
            raise GraphError(
                "this Saver has not added its nodes yet.\n  Try: saver.build(), before the graph is finalized."
            )
        return self._nodes

    @property
    def saver_def(self) -> Any:
        """The `SaverDef` message; see `as_saver_def`."""
        return self.as_saver_def()

    def as_saver_def(self) -> Any:
        """A `SaverDef` message: the names of the nodes, and what is kept.

        Raises:
            GraphError: if the nodes have not been added yet.
        """
        nodes = SaverNodes("", "", "") if self._is_empty else self._built()
        return message("SaverDef")(
            filename_tensor_name=nodes.filename,
            save_tensor_name=nodes.save,
            restore_op_name=nodes.restore,
            max_to_keep=self._max_to_keep,
            sharded=self._sharded,
            keep_checkpoint_every_n_hours=self._every_n_hours,
            version=2,
        )

    def to_proto(self, export_scope: str | None = None) -> Any:
        """The `SaverDef` message, without the scope in front of its names; None for nodes outside that scope.

        Args:
            export_scope: a name scope.
        """
        made = self.as_saver_def()
        if export_scope is None:
            return made
        if not made.filename_tensor_name.startswith(export_scope):
            return None
        for field in ("filename_tensor_name", "save_tensor_name", "restore_op_name"):
            setattr(made, field, getattr(made, field).removeprefix(export_scope).removeprefix("/"))
        return made

    @staticmethod
    def from_proto(saver_def: Any, import_scope: str | None = None) -> Saver:
        """A Saver of nodes that the default graph has already.

        Args:
            saver_def: a `SaverDef` message.
            import_scope: a name scope that the nodes were imported into.
        """
        if import_scope:
            copied = type(saver_def)()
            copied.CopyFrom(saver_def)
            for field in ("filename_tensor_name", "save_tensor_name", "restore_op_name"):
                setattr(copied, field, f"{import_scope}/{getattr(saver_def, field)}")
            saver_def = copied
        return Saver(saver_def=saver_def)

    @property
    def last_checkpoints(self) -> list[str]:
        """The checkpoints that were saved and are kept, the oldest first."""
        return [path for path, _ in self._last]

    def set_last_checkpoints(self, last_checkpoints: Sequence[str]) -> None:
        """Says which checkpoints this Saver shall count as its own, the oldest first."""
        self._last = [(path, float("nan")) for path in _listed(last_checkpoints)]

    def set_last_checkpoints_with_time(self, last_checkpoints_with_time: Sequence[tuple[str, float]]) -> None:
        """Likewise, with the time at which each was written, in seconds since 1970."""
        self._last = [(path, seconds) for path, seconds in _listed(last_checkpoints_with_time)]

    def recover_last_checkpoints(self, checkpoint_paths: Iterable[str]) -> None:
        """After a restart: counts these checkpoints, as far as they are there, as its own; removes what a crash left.

        Args:
            checkpoint_paths: such as `tf.train.get_checkpoint_state(folder).all_model_checkpoint_paths`.
        """
        there = [path for path in checkpoint_paths if checkpoint_exists(path)]
        self._last = list(zip(there, get_checkpoint_mtimes(there), strict=True))
        if there:
            remove_leftovers(there[-1])

    def save(
        self, sess: Any, save_path: Any, global_step: Any = None, latest_filename: str | None = None,
        meta_graph_suffix: str = "meta", write_meta_graph: bool = True, write_state: bool = True,
    ) -> str | None:  # fmt: skip
        """Writes a checkpoint. A crash meanwhile leaves the one before; Ctrl-C too.

        Args:
            sess: the session.
            save_path: its name: a path without suffix, such as "logs/model.ckpt". The last directory is made if it
                is not there.
            global_step: a number, or the tensor or variable that counts steps; it is put at the end: model.ckpt-100.
            latest_filename: the name of the file that lists checkpoints; "checkpoint" if None.
            meta_graph_suffix: the ending of the file with the graph.
            write_meta_graph: writes the graph too.
            write_state: writes the list of checkpoints, and removes old ones.

        Returns:
            The name, to give to `restore`; None if there are no variables and that was allowed.

        Raises:
            FailedPreconditionError: if a variable has no value yet.
            ResourceExhaustedError: if there is no room; the one before is unharmed, and nothing of this one is left.
            InvalidArgumentError: if the path cannot be used.
        """
        session = _session(sess)
        if self._nodes is None and not self._is_empty:
            self.build()
        if self._is_empty:
            return None
        latest = latest_filename or "checkpoint"
        if os.path.basename(latest) != latest:
            raise InvalidArgumentError(
                None, None, f"latest_filename is the name of a file in the directory of the checkpoint, not {latest!r}."
            )
        prefix = self._prefix(session, save_path, global_step)
        nodes = self._built()
        new, before = not checkpoint_exists(prefix), (list(self._last), list(self._to_remove))
        path = os.fsdecode(session.run(nodes.save, {nodes.filename: prefix}))
        try:
            if write_meta_graph:
                self._write_graph(session.graph, f"{path}.{meta_graph_suffix}")
            if write_state:
                self._record(path)
                folder = os.path.dirname(prefix)
                update_checkpoint_state(folder, path, self.last_checkpoints, latest, self._relative_paths)
        except ResourceExhaustedError:
            self._last, self._to_remove = before
            if new:  # no list names it: it would only take the room that is lacking
                remove_checkpoint(path, meta_graph_suffix=meta_graph_suffix)
            raise
        if write_state:
            self._remove_old(meta_graph_suffix)
        return path

    def _prefix(self, session: Session, save_path: Any, step: Any) -> str:
        prefix = local_path(save_path)
        check_prefix(prefix)
        if step is not None:
            number = value_of_step(session, step) if is_tensor_like(step) else int(step)
            prefix = f"{prefix}-{number:08d}" if self._pad_step_number else f"{prefix}-{number}"
        folder = os.path.dirname(prefix)
        if folder and not os.path.isdir(folder):
            if os.path.dirname(folder) and not os.path.isdir(os.path.dirname(folder)):
                raise InvalidArgumentError(
                    None, None, f"the directory {folder!r} is not there, nor is the one above it: nothing is saved.\n"
                    f"  Try: os.makedirs({folder!r}, exist_ok=True)."
                )  # fmt: skip
            with explained(folder):
                os.makedirs(folder, exist_ok=True)
        return prefix

    def _record(self, path: str) -> None:
        """Counts a checkpoint as the newest, and notes which is no longer kept."""
        self._last = [kept for kept in self._last if kept[0] != path]
        self._last.append((path, time.time()))
        while self._max_to_keep and len(self._last) > self._max_to_keep:
            self._to_remove.append(self._last.pop(0))

    def _remove_old(self, meta_graph_suffix: str) -> None:
        while self._to_remove:
            path, seconds = self._to_remove.pop(0)
            if seconds > self._next_kept_seconds:
                self._next_kept_seconds += self._every_n_hours * 3600
            elif path not in self.last_checkpoints:
                remove_checkpoint(path, meta_graph_suffix=meta_graph_suffix)

    def _write_graph(self, graph: Graph, path: str) -> None:
        """The graph beside the checkpoint; a graph that no file can hold costs a warning, not the checkpoint."""
        if not graph.finalized or self._meta[0] != graph.version:
            try:
                with graph.as_default():
                    self._meta = (graph.version, self.export_meta_graph().SerializeToString())
            except GraphError as error:
                if self._meta[0] < 0:
                    logging.warning("checkpoints are saved without the graph: %s", error)
                self._meta = (graph.version, b"")
        if self._meta[1]:
            write_file(path, [self._meta[1]])

    def export_meta_graph(
        self, filename: str | None = None, collection_list: Sequence[str] | None = None, as_text: bool = False,
        export_scope: str | None = None, clear_devices: bool = False, clear_extraneous_savers: bool = False,
    ) -> Any:  # fmt: skip
        """Writes the default graph with its collections and this Saver; see `tf.train.export_meta_graph`.

        Args:
            filename: where to; None to return the message only.
            collection_list: names of the collections to write; all if None.
            as_text: writes text instead of binary.
            export_scope: writes only what is in this scope.
            clear_devices: leaves devices out.
            clear_extraneous_savers: leaves out what other Savers made.

        Returns:
            The message.
        """
        return export_meta_graph(
            filename=filename, saver_def=self.as_saver_def(), collection_list=collection_list, as_text=as_text,
            export_scope=export_scope, clear_devices=clear_devices, clear_extraneous_savers=clear_extraneous_savers,
        )  # fmt: skip

    def restore(self, sess: Any, save_path: Any) -> None:
        """Gives the variables the values of a checkpoint; they need no initialization before.

        Args:
            sess: the session.
            save_path: what `save` returned, or `tf.train.latest_checkpoint(directory)`.

        Raises:
            NotFoundError: if there is no such checkpoint, or it lacks a variable; with what is there.
            InvalidArgumentError: if it has a variable with another dtype or shape, or `save_path` is None.
            DataLossError: if a file is damaged, or no checkpoint of labkit's.
        """
        session = _session(sess)
        if self._is_empty:
            return
        if save_path is None:
            raise InvalidArgumentError(
                None, None, "there is nothing to restore: save_path is None, which is what tf.train.latest_checkpoint "
                "gives for a directory without checkpoints.\n  Try: initialize the variables in that case."
            )  # fmt: skip
        nodes = self._built()
        reader = CheckpointReader(save_path)
        check_fit(reader, restored_variables(session.graph, nodes.restore))
        logging.info("Restoring parameters from %s", reader.prefix)
        session.run(nodes.restore, {nodes.filename: reader.prefix})


def restore_random_states(sess: Any, save_path: str) -> int:
    """Takes up random streams and data sets where a checkpoint was saved: training goes on with the same numbers.

    Args:
        sess: the session.
        save_path: the checkpoint.

    Returns:
        How many states were set: those of nodes that the graph has, of the same type and size.

    Example:
        >>> import labkit as tf, tempfile
        >>> noise, w = tf.random_uniform([]), tf.Variable(1.0)
        >>> saver = tf.train.Saver()
        >>> with tf.Session() as sess:
        ...     sess.run([w.initializer, noise])
        ...     path = saver.save(sess, f"{tempfile.mkdtemp()}/model.ckpt")
        ...     expected = sess.run(noise)
        [None, ...]
        >>> with tf.Session() as sess:
        ...     restore_random_states(sess, path), bool(sess.run(noise) == expected)
        (1, True)
    """
    session = _session(sess)
    fitting: dict[str, Any] = {}
    for name, (kind, state) in CheckpointReader(save_path).read_states().items():
        node = session.graph.nodes_by_name.get(name)
        if node is None or node.type != kind:
            continue
        first = node.kind.initial_state() if node.kind.has_state else np.zeros((), np.int64)  # a place in a data set
        if first is not None and first.shape == state.shape and first.dtype == state.dtype:
            fitting[name] = state
    session.load_node_states(fitting)
    return len(fitting)


def _session(sess: Any) -> Session:
    if not isinstance(sess, Session):
        advice = "saver.save(monitored.raw_session(), ...)" if hasattr(sess, "raw_session") else "tf.Session()"
        raise InvalidArgumentError(
            None, None, f"a Saver works on a tf.Session, not on {type(sess).__name__}.\n  Try: {advice}."
        )
    return sess


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidArgumentError(None, None, f"the checkpoints are given as a list, not as {value!r}.")
    return list(cast("list[Any]", value))
