"""Where MNIST is looked for, and what happens to files that are not the published ones."""

import numpy as np
import pytest

from labkit.datasets import BrokenFileError, DownloadError, handwritten, mnist, read_idx
from tests.datasets.server import Mirror, serve
from tests.datasets.small_mnist import zipped


def put(folder, files):
    """Write files into a folder, making it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_the_real_files_load_as_bytes(real_mnist):
    """Shapes, element type and a checksum of the pixels that NumPy computes from the file itself."""
    data = mnist.load()
    assert data.name == "MNIST"
    assert [array.shape for array in data[:4]] == [(60_000, 28, 28), (60_000,), (10_000, 28, 28), (10_000,)]
    assert all(array.dtype == np.uint8 for array in data[:4])
    assert round(float(data.train_images.mean()) / 255, 4) == 0.1307  # the mean that every MNIST recipe subtracts
    assert repr(data) == f"Images(MNIST: 60,000 to train, 10,000 to test; from {real_mnist})"


def test_a_given_folder_comes_before_labkit_data_before_the_cache(computer, small, tmp_path, monkeypatch):
    """Each place is used only if no earlier one has all four files."""
    put(computer, zipped(small))
    assert mnist.load(tmp_path / "nothing").source == str(computer)
    variable = put(tmp_path / "data", zipped(small))
    monkeypatch.setenv("LABKIT_DATA", str(variable))
    assert mnist.load().source == str(variable)
    given = put(tmp_path / "given", zipped(small))
    assert mnist.load(given).source == str(given)
    (given / "t10k-labels-idx1-ubyte.gz").unlink()
    assert mnist.load(given).source == str(variable)


def test_labkit_data_may_name_the_folder_above(computer, small, tmp_path, monkeypatch):
    """`$LABKIT_DATA/mnist` is looked in too."""
    put(tmp_path / "data" / "mnist", zipped(small))
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path / "data"))
    assert mnist.load().source == str(tmp_path / "data" / "mnist")


@pytest.mark.parametrize("rename", [lambda name: name, lambda name: name.replace("-idx", ".idx")])
def test_uncompressed_files_serve_as_well(computer, small, tmp_path, rename):
    """The check is on the content, so both spellings of the plain files are read."""
    folder = put(tmp_path / "plain", {rename(name): content for name, content in small.items()})
    data = mnist.load(folder)
    np.testing.assert_array_equal(data.test_labels, read_idx(folder / rename("t10k-labels-idx1-ubyte")))


def test_one_changed_pixel_is_refused_by_name_and_hash(computer, small, tmp_path):
    """A file of the right size and shape is refused too if its content is not the published one."""
    name = "train-images-idx3-ubyte"
    changed = bytearray(small[name])
    changed[5000] ^= 1
    folder = put(tmp_path / "given", zipped(small | {name: bytes(changed)}))
    with pytest.raises(BrokenFileError, match="is not the published file") as caught:
        mnist.load(folder)
    message = str(caught.value)
    assert str(folder / f"{name}.gz") in message
    expected = next(file.sha256 for file in mnist.FILES if file.name == name)
    assert f"SHA-256 expected {expected}" in message
    assert "SHA-256 found" in message


def test_a_cut_off_file_is_refused_by_name_even_where_a_stand_in_would_do(computer, small, tmp_path):
    """`handwritten` falls back when MNIST is absent, not when it is broken."""
    files = zipped(small)
    name = "train-labels-idx1-ubyte.gz"
    folder = put(tmp_path / "given", files | {name: files[name][:-4]})
    with pytest.raises(BrokenFileError, match=name):
        handwritten(folder)


def test_labels_in_the_place_of_pictures_are_refused(computer, small, tmp_path):
    """Two files that were swapped are named by what they hold."""
    labels = small["t10k-labels-idx1-ubyte"]
    folder = put(tmp_path / "given", zipped(small | {"t10k-images-idx3-ubyte": labels}))
    with pytest.raises(BrokenFileError, match=r"holds uint8\(20,\), where MNIST has uint8\(20, 28, 28\)"):
        mnist.load(folder)


def test_a_download_fills_the_cache_once(computer, small, monkeypatch):
    """The second load asks no mirror."""
    with serve(Mirror(zipped(small))) as mirror:
        monkeypatch.setattr(mnist, "MIRRORS", (mirror.url,))
        data = mnist.load()
        assert len(mirror.asked) == 4
        again = mnist.load()
        assert len(mirror.asked) == 4
    assert data.source == again.source == str(computer)
    assert sorted(path.name for path in computer.iterdir()) == sorted(zipped(small))
    for field, name in zip(data[:4], small, strict=True):
        np.testing.assert_array_equal(field, read_idx(computer / f"{name}.gz"))


def test_a_download_goes_to_the_given_folder_and_asks_the_given_mirror_first(computer, small, tmp_path):
    """`read_data_sets("MNIST_data/", source_url=...)` did the same."""
    with serve(Mirror(zipped(small))) as mirror:
        data = mnist.load(tmp_path / "MNIST_data", source_url=mirror.url.rstrip("/"))
    assert data.source == str(tmp_path / "MNIST_data")


def test_without_files_or_network_the_error_says_what_to_do(computer, small):
    """It names the places, the reason and the three ways out."""
    with pytest.raises(DownloadError) as caught:
        mnist.load()
    message = str(caught.value)
    for part in ["MNIST is not on this computer", "train-images-idx3-ubyte.gz could not be downloaded", "refused"]:
        assert part in message
    for part in ["LABKIT_DATA (not set)", str(computer), "Try: connect to the network", "labkit.datasets.digits"]:
        assert part in message


def test_downloads_can_be_forbidden(computer, small, monkeypatch):
    """By argument and by environment."""
    with serve(Mirror(zipped(small))) as mirror:
        monkeypatch.setattr(mnist, "MIRRORS", (mirror.url,))
        with pytest.raises(DownloadError, match="not to be downloaded"):
            mnist.load(download=False)
        monkeypatch.setenv("LABKIT_NO_DOWNLOAD", "1")
        with pytest.raises(DownloadError, match="not to be downloaded"):
            mnist.load()
        assert mirror.asked == []


def test_the_stand_in_says_that_it_is_one(computer, small, capsys):
    """The notebooks run without a network, and their reader knows on what."""
    data = handwritten()
    assert data.name == "scikit-learn's digits"
    printed = capsys.readouterr().out
    assert "MNIST is not on this computer" in printed
    assert "using scikit-learn's digits instead\n(1,500 to train, 297 to test)" in printed
    handwritten()
    assert capsys.readouterr().out == "", "once is enough"
