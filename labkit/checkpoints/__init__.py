"""A checkpoint on disk: the values of variables, in files that hold data and cannot execute.

A checkpoint named `model.ckpt-100` is two files:

    model.ckpt-100.index                  JSON: for each variable its dtype, shape and checksum; read it with any editor
    model.ckpt-100.data-00000-of-00001    safetensors: the values, by name; any safetensors library reads them

What safetensors does not know is stored as something it does: a complex128 as pairs of float64, strings as their bytes
and their lengths (`NAME:lengths`). What operations keep lies beside the variables, as `random_state:NODE`: where the
streams of random numbers have got to, and how many elements of a data set were given. A run that is taken up again then
goes on as one that was never stopped.

How a crash at any moment leaves the last good checkpoint: `labkit.checkpoints.write`. What a damaged, foreign or
hostile file meets: `labkit.checkpoints.read`.

Why not TensorFlow's own format: its tables and its checksums are a program of their own, and nothing but TensorFlow
reads them.

Source: `tensorflow/core/util/tensor_bundle/tensor_bundle.h` (1.4), for the roles of the two files.
"""

from labkit.checkpoints.arrays import Entry
from labkit.checkpoints.read import CheckpointReader, data_path, index_path
from labkit.checkpoints.write import write_checkpoint

__all__ = ["CheckpointReader", "Entry", "data_path", "index_path", "write_checkpoint"]
