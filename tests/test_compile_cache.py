"""Compiled code that came from elsewhere: private, whole, and nobody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from labkit import compile_cache


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of compiled code."""
    for name in ("LABKIT_NO_CACHE", "JAX_COMPILATION_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(compile_cache.platformdirs, "user_cache_path", lambda name: tmp_path / "own" / name)
    return compile_cache.folder().parent


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    """Two kinds of compiled code, and a copy that is not finished."""
    for kind in ("jaxlib-1-a", "jaxlib-1-b", ".fresh.x"):
        (tmp_path / "seed" / kind).mkdir(parents=True)
        (tmp_path / "seed" / kind / "entry").write_bytes(kind.encode())
    return tmp_path / "seed"


def test_a_seed_is_copied_for_this_user_alone(seed, own):
    """Copies, not links: who writes into theirs changes nobody else's."""
    compile_cache.fill(seed)
    assert sorted(path.name for path in own.iterdir()) == ["jaxlib-1-a", "jaxlib-1-b"]
    for path in (own, *own.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    (own / "jaxlib-1-a" / "entry").write_bytes(b"mine")
    assert (seed / "jaxlib-1-a" / "entry").read_bytes() == b"jaxlib-1-a"
    assert not (own / "jaxlib-1-a" / "entry").is_symlink()


def test_what_the_user_has_stays(seed, own):
    """At the next start only what is new is copied."""
    compile_cache.fill(seed)
    (own / "jaxlib-1-a" / "entry").write_bytes(b"mine")
    (seed / "jaxlib-1-a" / "later").write_bytes(b"later")
    compile_cache.fill(seed)
    assert (own / "jaxlib-1-a" / "entry").read_bytes() == b"mine"
    assert (own / "jaxlib-1-a" / "later").read_bytes() == b"later"


def test_who_wants_no_cache_is_given_none(seed, own, monkeypatch):
    """LABKIT_NO_CACHE holds for seeds, too."""
    monkeypatch.setenv("LABKIT_NO_CACHE", "1")
    compile_cache.fill(seed)
    assert not own.exists()


def test_a_copy_that_fails_leaves_nothing_behind(seed, own, monkeypatch):
    """Half an entry would be a warning in a learner's cell."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    compile_cache.fill(seed)
    assert not [path for path in own.rglob("*") if path.is_file()]
