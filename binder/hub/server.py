"""What runs for each learner: compiled code is seeded, the course brought up to date, then this becomes their server.

It runs as the learner, in the learner's home folder, and does what `binder/start` does, too: `import labkit` takes a
second of processor time, which thirty learners pay at the same moment, so both are done by one process. What goes wrong
here is said in the server's log and does not keep the learner from their notebooks: a full disk must not lock anybody
out.

    LABKIT_COURSE  folder of the notebooks that learners are given
    LABKIT_SEED    folder of compiled code, made by `binder/warm`
"""

import contextlib
import os
import sys
import tempfile
from pathlib import Path

from labkit import compile_cache
from labkit.cli import jupyter_options
from labkit.workshop.course import hand_out


def main() -> None:
    """Does not return."""
    os.umask(0o077)
    home = Path.home()
    seed = os.environ.pop("LABKIT_SEED", "")
    if seed:
        compile_cache.fill(Path(seed))
    try:
        done = hand_out(Path(os.environ["LABKIT_COURSE"]), home / "notebooks")
        say(f"the course: {done or 'up to date'}")
    except Exception as error:
        say(f"the course could not be brought up to date: {error}")
    os.chdir(home)
    if not writable(home):
        # JupyterLab writes down how to reach it before it starts: elsewhere, so that the learner can make room.
        os.environ["JUPYTER_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="labkit-")
        say(f"nothing can be written to {home}: delete something there, and start the server again")
    try:
        options = jupyter_options(home)
    except OSError as error:
        say(f"JupyterLab's settings for the course could not be written: {error}")
        options = [f"--ServerApp.root_dir={home}"]
    as_root = ["--allow-root"] if os.geteuid() == 0 else []  # who tries the hub in a container
    command = [sys.executable, "-m", "jupyterhub.singleuser", *options, *as_root, *sys.argv[1:]]
    os.execve(sys.executable, command, os.environ | compile_cache.environment())


def writable(folder: Path) -> bool:
    """Whether a small file can be written there."""
    probe = folder / f".labkit-{os.getpid()}"
    try:
        probe.write_bytes(bytes(100_000))
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()
    return True


def say(what: str) -> None:
    """A line in the server's log."""
    print(f"labkit: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
