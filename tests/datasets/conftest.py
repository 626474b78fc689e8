"""A user's computer with empty folders and no network, for the tests of the data sets."""

import importlib

import pytest

from labkit.datasets import mnist
from tests.datasets.small_mnist import small_files


@pytest.fixture
def real_mnist():
    """The folder of the real MNIST; the test is skipped where there is none."""
    folder = mnist.find()
    if folder is None:
        pytest.skip("the real MNIST is not on this computer (set LABKIT_DATA to its folder)")
    return folder


@pytest.fixture
def computer(tmp_path, monkeypatch):
    """A cache folder that is empty, no LABKIT_DATA, mirrors that nobody answers; returns the cache folder."""
    monkeypatch.delenv("LABKIT_DATA", raising=False)
    monkeypatch.delenv("LABKIT_NO_DOWNLOAD", raising=False)
    importlib.import_module("labkit.datasets.handwritten")._say_once.cache_clear()
    monkeypatch.setattr(mnist, "cache_folder", lambda: tmp_path / "cache" / "mnist")
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/",))  # the discard port: refused at once
    return tmp_path / "cache" / "mnist"


@pytest.fixture
def small(monkeypatch):
    """Four small files that labkit takes for MNIST; returns their contents by name."""
    contents, table = small_files()
    monkeypatch.setattr(mnist, "FILES", table)
    return contents
