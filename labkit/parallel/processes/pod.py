r"""One worker of a mesh that no notebook drives: what a pod, or a task of a batch system, runs.

    LABKIT_FOLDER=/run/labkit LABKIT_ADDRESS=host:41733 LABKIT_WORKERS=4 LABKIT_RANK=0 LABKIT_STEPS=1000 \
        python -m labkit.parallel.processes.pod

The folder holds a step and a state (`carried.write_step`, `carried.write_state`); checkpoints are written there, and a
worker that is started again goes on from the newest. The process ends with 1 if the mesh broke, so that whoever runs it
starts it again.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping

from labkit.errors import InvalidArgumentError
from labkit.parallel.processes import engine
from labkit.parallel.processes.carried import read_state
from labkit.parallel.processes.engines import HEARTBEAT_SECONDS

_NEEDED = ("LABKIT_FOLDER", "LABKIT_ADDRESS", "LABKIT_WORKERS", "LABKIT_RANK", "LABKIT_STEPS")


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Trains; 0 if the end was reached, 1 if the mesh broke.

    Raises:
        InvalidArgumentError: if a variable is missing.
    """
    missing = [name for name in _NEEDED if name not in environment]
    if missing:
        raise InvalidArgumentError(None, None, f"the environment lacks {', '.join(missing)}.")
    count, rank = int(environment["LABKIT_WORKERS"]), int(environment["LABKIT_RANK"])
    engine.prepare(0)
    engine.join(environment["LABKIT_ADDRESS"], count, rank, HEARTBEAT_SECONDS)
    found = engine.train(
        environment["LABKIT_FOLDER"], rank, count, int(environment["LABKIT_STEPS"]),
        int(environment.get("LABKIT_BATCH", "32")), environment.get("LABKIT_SAMPLING", "random"),
        int(environment.get("LABKIT_SEED", "0")), int(environment.get("LABKIT_CHECKPOINT_EVERY", "50")),
        int(environment.get("LABKIT_TELL_EVERY", "10")),
    )  # fmt: skip
    if found["failed"]:
        return 1
    if rank:
        _leave_after_the_first(environment["LABKIT_FOLDER"], int(environment["LABKIT_STEPS"]))
    return 0


def _leave_after_the_first(folder: str, steps: int) -> None:
    """Waits until worker 0 has written the last state, and ends this process at once.

    Worker 0 keeps the mesh's list of members and waits a moment for the others to leave. Who is later than that would
    find it gone while taking leave, and be ended as if the training had failed.
    """
    until = time.monotonic() + 60
    while read_state(folder)[0] < steps and time.monotonic() < until:
        time.sleep(0.05)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
