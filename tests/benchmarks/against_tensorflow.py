"""`make bench-tf`: labkit's softmax step beside that of TensorFlow's `compat.v1` Session, block by block.

python -m tests.benchmarks.against_tensorflow PYTHON_WITH_TENSORFLOW
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.benchmarks import models
from tests.benchmarks.sidebyside import Ratio, timed

STEPS, BLOCKS = 300, 21


def main() -> None:
    """Alternates blocks of TensorFlow (in its own process) and labkit; prints the ratio."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    script = Path(__file__).with_name("tensorflow_step.py")
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
    process = subprocess.Popen(
        [sys.argv[1], str(script), str(STEPS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=quiet,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    if process.stdin is None or process.stdout is None or process.stdout.readline().strip() != "ready":
        sys.exit("TensorFlow did not start; run tests/benchmarks/tensorflow_step.py by hand to see why.")
    ours = models.LabkitStep(models.softmax_labkit)
    ours.run(STEPS)
    pairs: list[tuple[float, float]] = []
    for _ in range(BLOCKS):
        process.stdin.write("block\n")
        process.stdin.flush()
        pairs.append((float(process.stdout.readline()), timed(lambda: ours.run(STEPS))))
    process.stdin.close()
    process.wait()
    ratios = sorted(theirs / mine for theirs, mine in pairs)
    middle = len(ratios) // 2
    mine, yours = (sorted(times)[middle] / STEPS for times in zip(*[(m, t) for t, m in pairs], strict=True))
    ratio = Ratio(ratios[middle], ratios[middle // 2], ratios[-1 - middle // 2], mine, yours)
    print(ratio.line("softmax step: TensorFlow compat.v1 Session / labkit", ">= 2.5"))


if __name__ == "__main__":
    main()
