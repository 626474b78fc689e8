"""Samples of `incomplete`, against SciPy."""

import scipy.special as sp

from labkit.ops.incomplete import Betainc, Igamma, Igammac, Zeta
from tests.ops.sample import Floats, Sample

AS_IN_TENSORFLOW = "TensorFlow 1.4 has no gradient to the shapes"
SHAPE, OTHER_SHAPE = Floats("n m?", 0.5, 4.0), Floats("m", 0.5, 4.0)

SAMPLES = [
    Sample(Igamma(), (SHAPE, Floats("m", 0.3, 4.0)), sp.gammainc, wrt=(1,), why=AS_IN_TENSORFLOW),
    Sample(Igammac(), (SHAPE, Floats("m", 0.3, 4.0)), sp.gammaincc, wrt=(1,), why=AS_IN_TENSORFLOW),
    Sample(Betainc(), (SHAPE, OTHER_SHAPE, Floats("n 1", 0.1, 0.9)), sp.betainc, wrt=(2,), why=AS_IN_TENSORFLOW),
    Sample(Zeta(), (Floats("n m?", 2.0, 5.0), Floats("m", 0.5, 4.0)), sp.zeta, wrt=(1,), why="likewise, none to x"),
]
