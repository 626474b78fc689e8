"""IDX files are read whole or refused by name."""

import gzip

import numpy as np
import pytest

from labkit.datasets import BrokenFileError, read_idx
from tests.datasets.small_mnist import idx

VALUES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def test_plain_and_gzipped_files_give_the_same_array(tmp_path):
    """The content decides whether a file is compressed, not its name."""
    (tmp_path / "plain.gz").write_bytes(idx(VALUES))
    (tmp_path / "zipped").write_bytes(gzip.compress(idx(VALUES), mtime=0))
    np.testing.assert_array_equal(read_idx(tmp_path / "plain.gz"), VALUES)
    np.testing.assert_array_equal(read_idx(tmp_path / "zipped"), VALUES)


@pytest.mark.parametrize(
    ("code", "dtype"), [(0x08, "u1"), (0x09, "i1"), (0x0B, "i2"), (0x0C, "i4"), (0x0D, "f4"), (0x0E, "f8")]
)
def test_every_type_of_the_format_is_read(tmp_path, code, dtype):
    """The format has six types, stored largest byte first."""
    values = np.array([1, 2, 3], dtype)
    (tmp_path / "x").write_bytes(bytes([0, 0, code, 1, 0, 0, 0, 3]) + values.astype(f">{dtype}").tobytes())
    read = read_idx(tmp_path / "x")
    assert read.dtype == dtype
    np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an IDX file: it begins with the bytes \\(none\\)"),
        (b"<html>", "is not an IDX file: it begins with the bytes 3c 68 74 6d"),
        (bytes([0, 0, 7, 1, 0, 0, 0, 1, 5]), "type 0x07 in the IDX header is none of"),
        (bytes([0, 0, 8, 3, 0, 0]), "was cut off: 6 bytes, where the header of 3 sizes takes 16"),
        (idx(VALUES)[:-1], "was cut off: 39 bytes, where its header promises 40 \\(2 x 3 x 4 numbers\\)"),
        (idx(VALUES) + b"x", "is too long: 41 bytes, where its header promises 40"),
        (gzip.compress(idx(VALUES), mtime=0)[:-9], "cannot be uncompressed, so it was cut off or changed"),
        (gzip.compress(idx(VALUES), mtime=0)[:20] + b"\0" * 40, "cannot be uncompressed, so it was cut off or changed"),
    ],
    ids=["empty", "a web page", "unknown type", "cut in the header", "cut off", "too long", "cut gzip", "changed gzip"],
)
def test_a_broken_file_is_refused_by_name(tmp_path, content, message):
    """Nothing is returned from a file that is not exactly what its header says."""
    path = tmp_path / "digits-idx3-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(BrokenFileError, match=message) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


def test_the_real_test_set_holds_the_published_counts_of_each_digit(real_mnist):
    """The first picture and labels of the real test set are the ones known from many books: a seven first."""
    labels = read_idx(real_mnist / "t10k-labels-idx1-ubyte.gz")
    images = read_idx(real_mnist / "t10k-images-idx3-ubyte.gz")
    assert labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert images.shape == (10_000, 28, 28)
