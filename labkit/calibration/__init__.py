"""The simulated twin of this computer: its processor measured by small probes, and a model fitted to it.

    probes.py     what is measured, and how: programs of made-up sizes, watched op by op; `calibrate`
    classes.py    classes of ops that one figure serves
    fitting.py    the fit of a class: launch time, efficiency, how it falls for small ops
    result.py     `Calibration`: the kind of device, the times of ops, whole steps, JSON

Example:
    >>> from labkit.workload import WorkNode
    >>> ops = [(WorkNode(f"m{n}", "MatMul", flops=n), 2e-5 + n / 1e11) for n in (1e4, 1e7, 1e9)]
    >>> ops += [(WorkNode(f"a{n}", "Add", bytes=n), 2e-5 + n / 1e10) for n in (1e4, 1e7, 1e9)]
    >>> fit(ops)
    <calibration of this CPU: 99.8 GFLOP/s, 10.0 GB/s, 20.0 us an op; 6 ops in 2 classes, off by 0 % each>
"""

from labkit.calibration.errors import CalibrationError
from labkit.calibration.fitting import ClassFit
from labkit.calibration.probes import Watched, calibrate, watched
from labkit.calibration.result import DEVICE, Calibration, WholeStep, fit

__all__ = [
    "DEVICE",
    "Calibration",
    "CalibrationError",
    "ClassFit",
    "Watched",
    "WholeStep",
    "calibrate",
    "fit",
    "watched",
]
