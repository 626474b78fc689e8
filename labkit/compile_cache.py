"""A private place where JAX keeps compiled code between runs of a notebook.

The first run of each new step is compiled by XLA, which for a teaching notebook is most of the time a learner waits.
JAX can keep the results on disk, but its thresholds are meant for long compilations: with them nothing of a teaching
notebook is ever written. The environment made here lowers them, for the processes started with it: `labkit lab` gives
it to JupyterLab, whose kernels inherit it. `import labkit` alone never switches anything on.

The folder is this user's own (mode 0700), because compiled code that others can write is code that others can run. It
is named after everything that makes compiled code unusable elsewhere: the version of jaxlib, the processor, and
`XLA_FLAGS`. It may be deleted at any time; `LABKIT_NO_CACHE=1` does without it.

`python -m labkit.compile_cache [SEED]` prints the environment as lines for a shell, for start scripts. SEED is a folder
of code that was compiled before (`binder/warm` makes one); it is copied into the user's own first.

Source: "Persistent compilation cache" in JAX's documentation.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import shlex
import stat
import sys
from pathlib import Path

import platformdirs

# JAX writes a file in place. Who reads it meanwhile (another thread or kernel of the same learner) compiles anew:
# nothing is wrong, and nothing for a learner to do.
_HALF_WRITTEN = "ignore:Error reading persistent compilation cache entry:UserWarning"


def folder() -> Path:
    """Name the folder for this jaxlib, processor and set of XLA flags; it need not exist yet.

    Example:
        >>> from labkit import compile_cache
        >>> compile_cache.folder().parent.name
        'jax'
    """
    jaxlib = importlib.metadata.version("jaxlib")
    machine = hashlib.sha256(f"{_processor()}\n{os.environ.get('XLA_FLAGS', '')}".encode()).hexdigest()[:12]
    return platformdirs.user_cache_path("labkit") / "jax" / f"jaxlib-{jaxlib}-{machine}"


def environment() -> dict[str, str]:
    """Make the folder and return the environment variables that switch the cache on.

    Returns:
        The variables; none if `LABKIT_NO_CACHE` is set, if `JAX_COMPILATION_CACHE_DIR` already is, or if no private
        folder can be made: the cache saves time, so its absence is never an error.
    """
    if os.environ.get("LABKIT_NO_CACHE") or os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return {}
    path = folder()
    if why_not_private(path):
        return {}
    return {
        "JAX_COMPILATION_CACHE_DIR": str(path),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",  # JAX's own: 1 second
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",  # -1: however small
        # JAX's own puts a folder for GPUs below the cache's into the key: what was compiled elsewhere is never found.
        "JAX_PERSISTENT_CACHE_ENABLE_XLA_CACHES": "none",
        "PYTHONWARNINGS": ",".join(filter(None, (os.environ.get("PYTHONWARNINGS"), _HALF_WRITTEN))),
    }


def fill(seed: Path) -> None:
    """Copies code that was compiled before into this user's own folder. What is there stays; what fails is left out.

    Args:
        seed: a folder with a folder for each jaxlib, processor and set of XLA flags.
    """
    if os.environ.get("LABKIT_NO_CACHE"):
        return
    own = folder().parent
    for kind in seed.glob("jaxlib-*"):
        if why_not_private(own / kind.name):
            return
        for file in kind.iterdir():
            place = own / kind.name / file.name
            if not place.exists():
                _copy(file, place)


def _copy(file: Path, place: Path) -> None:
    fresh = place.with_name(f"{place.name}.{os.getpid()}")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
            copy.write(file.read_bytes())
        os.replace(fresh, place)  # whole: half an entry would be a warning in a learner's cell
    except OSError:
        fresh.unlink(missing_ok=True)


def why_not_private(path: Path) -> str:
    """Make `path` a folder that only this user can enter; return what stands in the way, or an empty string."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if hasattr(os, "getuid"):  # Windows: a user's cache folder is private already
            for each in (path, path.parent):
                if each.stat().st_uid != os.getuid():
                    return f"{each} belongs to another user"
                if stat.S_IMODE(each.stat().st_mode) != 0o700:
                    each.chmod(0o700)
    except OSError as error:
        return str(error)
    return ""


def _processor() -> str:
    """The processor's model and abilities; XLA compiles for exactly these."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return f"{platform.machine()} {platform.processor()}"
    first = {line.split(":", 1)[0].strip(): line for line in reversed(lines) if ":" in line}
    return "\n".join(first[key] for key in ("model name", "flags", "Features") if key in first) or platform.machine()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        fill(Path(sys.argv[1]))
    for name, value in environment().items():
        print(f"export {name}={shlex.quote(value)}")
