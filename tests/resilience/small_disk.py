"""A disk of a few megabytes that only the test's own processes see, to be filled; and a JupyterLab that lives on it.

The disk is a `tmpfs` in a mount namespace of its own. A process sleeps in the namespace as long as it is needed; when
it ends, the disk is gone, whatever happened to the test. Who is not root makes a user namespace for it too; where the
system forbids that, the tests are skipped.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class SmallDisk:
    """A disk that stands at a folder, for processes that are started with `before` in front.

    Args:
        folder: where it stands.
        pid: the process that holds it.
    """

    def __init__(self, folder: Path, pid: int) -> None:
        self.folder = folder
        # Not `nsenter --wd`, which looks for the folder before it enters, and finds the one under the disk.
        enter = ["nsenter", f"--target={pid}", "--user", "--mount", "--preserve-credentials"]
        self.before = [*enter, "sh", "-c", 'cd "$0" && exec "$@"', str(folder)]
        self._most_bytes = shutil.disk_usage(f"/proc/{pid}/root{folder}").total
        self._root = Path(f"/proc/{pid}/root")

    def at(self, *parts: str) -> Path:
        """A file on it, as this process sees it."""
        return self._root / self.folder.joinpath(*parts).relative_to("/")

    def fill(self, leave_bytes: int = 0) -> None:
        """Writes a file until there is no more room than that."""
        with self.at("fill").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            for _ in range(self._most_bytes // 4096):  # and never more, wherever this should write to
                if shutil.disk_usage(self.at()).free <= leave_bytes:
                    break
                file.write(bytes(4096))

    def free(self) -> None:
        """Removes that file."""
        self.at("fill").unlink()


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[SmallDisk]:
    """Makes one, or skips the test where that is not allowed."""
    if not all(shutil.which(tool) for tool in ("unshare", "nsenter", "mount")):
        pytest.skip("no unshare, nsenter or mount on this computer")
    folder.mkdir(exist_ok=True)
    script = f'mount -t tmpfs -o size={mebibytes}m tmpfs "$0" && echo ready && exec sleep infinity'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, str(folder)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        if holder.stdout.readline() != "ready\n":
            pytest.skip(f"this computer lets no test mount a disk: {holder.communicate()[1].strip()}")
        yield SmallDisk(folder, holder.pid)
    finally:
        holder.kill()
        holder.communicate()


def run(disk: SmallDisk, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs a program there; its compiled code is kept outside."""
    return subprocess.run(
        [*disk.before, *command], capture_output=True, text=True, timeout=120, check=False,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    )  # fmt: skip
