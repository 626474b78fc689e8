"""What runs for each learner: the course is brought up to date, then this becomes their server.

It runs as the learner, in the learner's home folder, after `binder/start` has seeded compiled code. What goes wrong
here is said in the server's log and does not keep the learner from their notebooks: a full disk must not lock anybody
out.
"""

import os
import sys
from pathlib import Path

from labkit.cli import jupyter_options
from labkit.workshop.course import hand_out

home = Path.home()
os.umask(0o077)
try:
    done = hand_out(Path(os.environ["LABKIT_COURSE"]), home / "notebooks")
    print(f"labkit: the course: {done or 'up to date'}", file=sys.stderr, flush=True)
except Exception as error:
    print(f"labkit: the course could not be brought up to date: {error}", file=sys.stderr, flush=True)
os.chdir(home)
as_root = ["--allow-root"] if os.geteuid() == 0 else []  # who tries the hub in a container
command = [sys.executable, "-m", "jupyterhub.singleuser", *jupyter_options(home), *as_root, *sys.argv[1:]]
os.execv(sys.executable, command)
