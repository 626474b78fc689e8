"""Handwritten digits for the notebooks: the real MNIST where it can be had, real smaller digits where it cannot.

MNIST is 70,000 scanned digits, each a 28x28 grey picture. It is looked for on this computer, else downloaded once;
without a network, scikit-learn's 1,797 digits (which come inside that package) stand in. Both are kept as bytes
(`uint8`), as they were scanned: 47 MB instead of the 188 MB that the same pictures take as `float32`.

The parts, each a file to read:

- `idx`: the file format MNIST is stored in;
- `mnist`: where the four files are, and how we know that they are the right ones;
- `download`: fetching a file so that it is whole or not there at all;
- `digits`: the stand-in, brought to MNIST's size and position;
- `batches`: `DataSet.next_batch`, with TensorFlow's shuffling.

Nothing here imports the rest of labkit: data are NumPy arrays, whatever reads them next.
"""

from labkit.datasets import digits, mnist
from labkit.datasets.batches import DataSet, Datasets
from labkit.datasets.download import DownloadError
from labkit.datasets.handwritten import handwritten
from labkit.datasets.idx import BrokenFileError, read_idx
from labkit.datasets.images import Images

__all__ = [
    "BrokenFileError",
    "DataSet",
    "Datasets",
    "DownloadError",
    "Images",
    "digits",
    "handwritten",
    "mnist",
    "read_idx",
]
