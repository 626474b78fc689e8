"""Does a checkpoint fit the variables of a graph? Everything that does not is said at once, before anything changes.

Example:
    >>> import labkit as tf, tempfile
    >>> path = f"{tempfile.mkdtemp()}/model.ckpt"
    >>> with tf.Graph().as_default(), tf.Session() as sess:
    ...     w = tf.Variable([1.0, 2.0], name="weights")
    ...     sess.run(w.initializer)
    ...     path = tf.train.Saver().save(sess, path)
    >>> with tf.Graph().as_default(), tf.Session() as sess:
    ...     w = tf.Variable([1.0, 2.0, 3.0], name="weights")
    ...     try:
    ...         tf.train.Saver().restore(sess, path)
    ...     except tf.errors.InvalidArgumentError as error:
    ...         print(str(error).splitlines()[1])
      "weights" float32[3]: the file has float32[2]
"""

from __future__ import annotations

from collections.abc import Sequence

from labkit.checkpoints import CheckpointReader
from labkit.errors import InvalidArgumentError, NotFoundError
from labkit.saving.nodes import Restored
from labkit.shapes import compatible, num_elements, shape_text

_MOST_LINES = 10


def check_fit(reader: CheckpointReader, wanted: Sequence[Restored]) -> None:
    """Refuses a checkpoint that lacks a variable, or has it with another dtype or shape.

    Args:
        reader: the checkpoint.
        wanted: the variables to restore.

    Raises:
        NotFoundError: if a name is missing.
        InvalidArgumentError: if a dtype or a shape is another one.
    """
    lines: list[str] = []
    missing = 0
    for each in wanted:
        ref = each.variable
        asked = f'  "{each.name}" {ref.dtype.name}{shape_text(ref.static_shape)}'
        entry = reader.tensors.get(each.name)
        if entry is None:
            missing += 1
            lines.append(f"{asked}: the file has no such name.{reader.nearest(each.name)}")
            continue
        if each.reshapes:
            fits = num_elements(ref.static_shape) in (None, num_elements(entry.shape))
        else:
            fits = compatible(ref.static_shape, entry.shape)
        if entry.dtype is not ref.dtype or not fits:
            lines.append(f"{asked}: the file has {entry.text()}")
    if not lines:
        return
    more = [f"  and {len(lines) - _MOST_LINES} more"] if len(lines) > _MOST_LINES else []
    message = "\n".join(
        [
            f"the checkpoint {reader.prefix!r} does not fit this graph; missing or different in the file: "
            f"{len(lines)} of {len(wanted)} variables.",
            *lines[:_MOST_LINES],
            *more,
            "  Try: the graph that saved it; tf.train.Saver([some, variables]) for a part; "
            'tf.train.Saver({"name in the file": variable}) for another name; reshape=True for another shape of the '
            "same size. tf.train.list_variables(path) shows what is there.",
        ]
    )
    raise (NotFoundError if missing else InvalidArgumentError)(None, None, message)
