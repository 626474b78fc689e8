"""`CalibrationError`: what was measured, or read, makes no processor."""

from __future__ import annotations

from labkit.errors import LabkitError


class CalibrationError(LabkitError, ValueError):
    """A processor was to be fitted to what does not describe one.

    Cause: no samples of matrix products or of ops element by element; a time that is not above zero; a file that is no
    calibration.

    Example:
        >>> from labkit.calibration import fit
        >>> try:
        ...     fit([])
        ... except CalibrationError as error:
        ...     print(str(error).splitlines()[0])
        among the samples (0 ops) there are no matrix products: the peak cannot be found.
    """
