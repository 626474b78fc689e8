r"""The file `checkpoint`: which checkpoints a directory has, and which is the newest.

It is text, in the form of TensorFlow's own, a CheckpointState message:

    model_checkpoint_path: "model.ckpt-200"
    all_model_checkpoint_paths: "model.ckpt-100"
    all_model_checkpoint_paths: "model.ckpt-200"

It is replaced in one step, after the checkpoint that it names is whole, and before older ones are removed.

Example:
    >>> import labkit as tf, pathlib, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> tf.train.update_checkpoint_state(folder, "model.ckpt-2", ["model.ckpt-1", "model.ckpt-2"])
    >>> print(pathlib.Path(folder, "checkpoint").read_text().splitlines()[0])
    model_checkpoint_path: "model.ckpt-2"

Source: `tensorflow/python/training/saver.py` (1.4), `checkpoint_state.proto`.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from labkit import logging
from labkit.checkpoints import index_path
from labkit.checkpoints.files import explained, remove, write_file
from labkit.checkpoints.read import PREVIOUS
from labkit.errors import DataLossError, InvalidArgumentError
from labkit.gfile import local_path

_MOST_BYTES = 1 << 24


@dataclass
class CheckpointState:
    """What `tf.train.get_checkpoint_state` returns.

    Args:
        model_checkpoint_path: the newest checkpoint.
        all_model_checkpoint_paths: all that are kept, the oldest first.

    Example:
        >>> CheckpointState("model.ckpt-2", ["model.ckpt-1", "model.ckpt-2"]).model_checkpoint_path
        'model.ckpt-2'
    """

    model_checkpoint_path: str
    all_model_checkpoint_paths: list[str] = field(default_factory=list[str])

    def text(self) -> str:
        """The message as text."""
        from google.protobuf import text_encoding

        lines = [("model_checkpoint_path", self.model_checkpoint_path)]
        lines += [("all_model_checkpoint_paths", path) for path in self.all_model_checkpoint_paths]
        return "".join(f'{key}: "{text_encoding.CEscape(path.encode(), as_utf8=True)}"\n' for key, path in lines)

    @classmethod
    def parse(cls, text: str, where: str) -> CheckpointState:
        """The message from its text.

        Raises:
            DataLossError: if the text is another one.
        """
        from google.protobuf import text_encoding

        state = cls("")
        for line in text.splitlines():
            found = _LINE.fullmatch(line)
            if line.strip() and not line.lstrip().startswith("#") and not found:
                raise DataLossError(
                    None, None, f"{where!r} is damaged: {line[:80]!r} does not name a checkpoint.\n"
                    "  Try: remove that file, and give Saver.restore the name of a checkpoint: that of a file ending "
                   "in .index, without the ending."
                )  # fmt: skip
            if found is None:
                continue
            try:
                path = os.fsdecode(text_encoding.CUnescape(found[2] or found[3] or ""))
            except ValueError as error:
                raise DataLossError(
                    None, None, f"{where!r} is damaged: {line[:80]!r} cannot be read ({error})."
                ) from None
            if found[1] == "model_checkpoint_path":
                state.model_checkpoint_path = path
            elif found[1] == "all_model_checkpoint_paths":
                state.all_model_checkpoint_paths.append(path)
        return state


_LINE = re.compile(r"""\s*(\w+):\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|[-+.\w]+)\s*""")


def get_checkpoint_state(checkpoint_dir: Any, latest_filename: str | None = None) -> CheckpointState | None:
    """What the file `checkpoint` of a directory says.

    Args:
        checkpoint_dir: the directory.
        latest_filename: the name of the file; "checkpoint" if None.

    Returns:
        An object with `model_checkpoint_path` and `all_model_checkpoint_paths`; None if there is no such file.

    Raises:
        DataLossError: if the file is damaged.

    Example:
        >>> import labkit as tf, tempfile
        >>> tf.train.get_checkpoint_state(tempfile.mkdtemp()) is None
        True
    """
    folder = local_path(checkpoint_dir)
    path = os.path.join(folder, latest_filename or "checkpoint")
    if not os.path.isfile(path):
        return None
    with explained(path):
        if os.path.getsize(path) > _MOST_BYTES:
            raise DataLossError(None, None, f"{path!r} is too large to be a list of checkpoints.")
        with open(path, "rb") as file:
            text = file.read().decode(errors="replace")
    state = CheckpointState.parse(text, path)
    if not state.model_checkpoint_path:
        raise DataLossError(None, None, f"{path!r} is damaged: it names no model_checkpoint_path.")
    state.model_checkpoint_path = os.path.join(folder, state.model_checkpoint_path)
    state.all_model_checkpoint_paths = [os.path.join(folder, p) for p in state.all_model_checkpoint_paths]
    return state


def latest_checkpoint(checkpoint_dir: Any, latest_filename: str | None = None) -> str | None:
    """The newest checkpoint of a directory.

    Args:
        checkpoint_dir: the directory.
        latest_filename: the name of the file that lists them; "checkpoint" if None.

    Returns:
        Its name, to give to `Saver.restore`; None if there is none.

    Raises:
        DataLossError: if the list is damaged.

    Example:
        >>> import labkit as tf, os, tempfile
        >>> folder, w = tempfile.mkdtemp(), tf.Variable(1.0)
        >>> with tf.Session() as sess:
        ...     sess.run(w.initializer)
        ...     path = tf.train.Saver().save(sess, f"{folder}/model.ckpt", global_step=7)
        >>> os.path.basename(tf.train.latest_checkpoint(folder))
        'model.ckpt-7'
    """
    state = get_checkpoint_state(checkpoint_dir, latest_filename)
    if state is None:
        return None
    if checkpoint_exists(state.model_checkpoint_path):
        return state.model_checkpoint_path
    logging.error("the list of checkpoints names %s, and that is not there", state.model_checkpoint_path)
    return None


def checkpoint_exists(checkpoint_prefix: Any) -> bool:
    """True if there is a checkpoint of that name.

    Args:
        checkpoint_prefix: its name, without suffix.

    Example:
        >>> import labkit as tf
        >>> tf.train.checkpoint_exists("nowhere/model.ckpt")
        False
    """
    return os.path.isfile(index_path(local_path(checkpoint_prefix)))


def get_checkpoint_mtimes(checkpoint_prefixes: Iterable[Any]) -> list[float]:
    """When checkpoints were written, in seconds since 1970; those that are not there are left out.

    Args:
        checkpoint_prefixes: their names, without suffix.

    Example:
        >>> import labkit as tf
        >>> tf.train.get_checkpoint_mtimes(["nowhere/model.ckpt"])
        []
    """
    return [os.path.getmtime(index_path(local_path(p))) for p in checkpoint_prefixes if checkpoint_exists(p)]


def remove_checkpoint(
    checkpoint_prefix: Any, checkpoint_format_version: int = 2, meta_graph_suffix: str = "meta"
) -> None:
    """Removes the files of a checkpoint: its index first, so that what is left by a crash is no checkpoint.

    Args:
        checkpoint_prefix: its name, without suffix.
        checkpoint_format_version: kept for TensorFlow's signature.
        meta_graph_suffix: the ending of the file with its graph.

    Example:
        >>> import labkit as tf
        >>> tf.train.remove_checkpoint("nowhere/model.ckpt")
    """
    prefix = local_path(checkpoint_prefix)
    remove(index_path(prefix))
    for path in glob.glob(glob.escape(prefix) + ".data-?????-of-?????*"):
        if re.search(r"-of-\d{5}(\.tmp|" + re.escape(PREVIOUS) + ")?$", path):
            remove(path)
    remove(f"{prefix}.{meta_graph_suffix}")


def remove_leftovers(checkpoint_prefix: str) -> None:
    """Removes what killed saves of the same series have left: files of an hour ago or older that are no checkpoint.

    Args:
        checkpoint_prefix: a checkpoint of the series, such as "logs/model.ckpt-100".
    """
    series = re.sub(r"-\d+$", "", checkpoint_prefix)
    ending = re.compile(r"(-\d+)?\.(index|meta|data-\d{5}-of-\d{5})(\.tmp|" + re.escape(PREVIOUS) + ")?")
    for path in glob.glob(glob.escape(series) + "*"):
        found = ending.fullmatch(path, len(series))
        if not found or (found[3] != ".tmp" and checkpoint_exists(series + (found[1] or ""))):
            continue
        with contextlib.suppress(OSError):
            if time.time() - os.path.getmtime(path) > _LEFT_SECONDS:  # younger ones may be a save of this moment
                os.remove(path)


_LEFT_SECONDS = 3600


def generate_checkpoint_state_proto(
    save_dir: Any, model_checkpoint_path: str, all_model_checkpoint_paths: Sequence[str] | None = None
) -> CheckpointState:
    """What the file `checkpoint` will say; relative paths become relative to the directory.

    Args:
        save_dir: the directory.
        model_checkpoint_path: the newest checkpoint.
        all_model_checkpoint_paths: all that are kept, the oldest first.

    Example:
        >>> import labkit as tf
        >>> tf.train.generate_checkpoint_state_proto("logs", "logs/model.ckpt-1").model_checkpoint_path
        'model.ckpt-1'
    """
    folder = local_path(save_dir)
    paths = list(all_model_checkpoint_paths or [])
    if not paths or paths[-1] != model_checkpoint_path:
        paths.append(model_checkpoint_path)

    def relative(path: str) -> str:
        return path if os.path.isabs(folder) or os.path.isabs(path) else os.path.relpath(path, folder or ".")

    return CheckpointState(relative(model_checkpoint_path), [relative(path) for path in paths])


def update_checkpoint_state(
    save_dir: Any, model_checkpoint_path: str, all_model_checkpoint_paths: Sequence[str] | None = None,
    latest_filename: str | None = None, save_relative_paths: bool = False,
) -> None:  # fmt: skip
    """Writes the file `checkpoint`, in one step.

    Args:
        save_dir: the directory.
        model_checkpoint_path: the newest checkpoint.
        all_model_checkpoint_paths: all that are kept, the oldest first.
        latest_filename: the name of the file; "checkpoint" if None.
        save_relative_paths: writes all paths relative to the directory, so that it can be moved.

    Raises:
        InvalidArgumentError: if a checkpoint has the name of the file itself.
        ResourceExhaustedError: if there is no room.

    Example:
        >>> import labkit as tf, pathlib, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> tf.train.update_checkpoint_state(folder, f"{folder}/a.ckpt", save_relative_paths=True)
        >>> pathlib.Path(folder, "checkpoint").read_text().split()[1]
        '"a.ckpt"'
    """
    folder = local_path(save_dir)
    path = os.path.join(folder, latest_filename or "checkpoint")
    if path == model_checkpoint_path:
        raise InvalidArgumentError(
            None, None, f"a checkpoint cannot have the name {path!r}: that is the file that lists checkpoints.\n"
            '  Try: "model.ckpt", or another latest_filename.'
        )  # fmt: skip
    if save_relative_paths:

        def inside(each: str) -> str:
            return os.path.relpath(each, folder or ".") if os.path.isabs(each) or not os.path.isabs(folder) else each

        paths = [inside(each) for each in all_model_checkpoint_paths or []]
        state = CheckpointState(inside(model_checkpoint_path), paths or [inside(model_checkpoint_path)])
    else:
        state = generate_checkpoint_state_proto(folder, model_checkpoint_path, all_model_checkpoint_paths)
    write_file(path, [state.text().encode()])
