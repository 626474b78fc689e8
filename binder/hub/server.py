"""What runs for each learner: compiled code is seeded, the course brought up to date, then this becomes their server.

It runs as the learner, in the learner's home folder, and does what `binder/start` does, too: `import labkit` takes a
second of processor time, which thirty learners pay at the same moment, so both are done by one process. What goes wrong
here is said in the server's log and does not keep the learner from their notebooks: a full disk must not lock anybody
out.

    LABKIT_COURSE  folder of the notebooks that learners are given
    LABKIT_SEED    folder of compiled code, made by `binder/warm`
"""

import os
import sys
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
    as_root = ["--allow-root"] if os.geteuid() == 0 else []  # who tries the hub in a container
    command = [sys.executable, "-m", "jupyterhub.singleuser", *jupyter_options(home), *as_root, *sys.argv[1:]]
    os.execve(sys.executable, command, os.environ | compile_cache.environment())


def say(what: str) -> None:
    """A line in the server's log."""
    print(f"labkit: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
