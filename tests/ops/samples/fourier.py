"""Samples of `fourier`, against NumPy."""

from typing import Any

import numpy as np

from labkit.ops.fourier import FFT, FFT2D, FFT3D, IFFT, IFFT2D, IFFT3D
from tests.ops.sample import Floats, Sample


def signal(shape: str) -> Any:
    """A complex input."""
    return Floats(shape, dtype="complex128")


SAMPLES = [
    Sample(FFT(), (signal("n m"),), np.fft.fft),
    Sample(IFFT(), (signal("m"),), np.fft.ifft),
    Sample(FFT2D(), (signal("n m k"),), np.fft.fft2),
    Sample(IFFT2D(), (signal("n m k"),), np.fft.ifft2),
    Sample(FFT3D(), (signal("n m k"),), np.fft.fftn),
    Sample(IFFT3D(), (signal("n m k"),), np.fft.ifftn),
]
