"""Samples of the element-wise families: `math`, `sums`, `division`, `exponential`, `trigonometry`, `hyperbolic`,
`special`, `magnitude`, `conversion`."""

import numpy as np
import scipy.special as sp

from labkit.dtypes import as_dtype
from labkit.ops.conversion import Angle, Complex, Imag, Real
from labkit.ops.division import FloorDiv, FloorMod, TruncateDiv, TruncateMod
from labkit.ops.exponential import Exp, Expm1, Log, Log1p, Pow, Rsqrt, Sigmoid, Sqrt, Tanh
from labkit.ops.hyperbolic import Acosh, Asinh, Atanh, Cosh, Sinh
from labkit.ops.magnitude import Abs, Ceil, ComplexAbs, Floor, Maximum, Minimum, Rint, Round, Sign
from labkit.ops.math import Add, Cast, Conj, Mul, Neg, RealDiv, Reciprocal, Square, SquaredDifference, Sub
from labkit.ops.special import Digamma, Erf, Erfc, Lgamma, Polygamma
from labkit.ops.sums import AddN
from labkit.ops.trigonometry import Acos, Asin, Atan, Atan2, Cos, Sin, Tan
from tests.ops.sample import Floats, Ints, Sample


def complexes(shape: str) -> Floats:
    """A complex input."""
    return Floats(shape, dtype="complex128")


POSITIVE = Floats("a?", 0.3, 3.0)
DIVISOR = Floats("b?", 0.4, 2.0)
UNIT = Floats("a", -0.9, 0.9)
WHOLE = "a step of the order leaves the whole numbers"

ARITHMETIC = [
    Sample(Add(), ("a? b?", "a? b?"), np.add),
    Sample(Sub(), ("a? b?", "b?"), np.subtract),
    Sample(Mul(), ("a? b?", "b?"), np.multiply),
    Sample(Mul(), (complexes("a?"), complexes("a?")), np.multiply),
    Sample(RealDiv(), ("a? b?", DIVISOR), np.divide),
    Sample(RealDiv(), (complexes("a"), complexes("a")), np.divide),
    Sample(Neg(), ("a b",), np.negative),
    Sample(Conj(), (complexes("a b"),), np.conj),
    Sample(Reciprocal(), (POSITIVE,), lambda x: 1 / x),
    Sample(Square(), ("a b",), np.square),
    Sample(Square(), (complexes("a"),), np.square),
    Sample(SquaredDifference(), ("a? b?", "a? b?"), lambda x, y: (x - y) ** 2),
    Sample(AddN(), ("a b", "a b", "a b"), lambda *xs: sum(xs)),
    Sample(Cast(as_dtype("float32")), (Ints("a b"),), lambda x: x.astype(np.float32)),
    Sample(Cast(as_dtype("int32")), ("a b",), lambda x: x.astype(np.int32)),
    Sample(Cast(as_dtype("complex128")), ("a b",), lambda x: x.astype(np.complex128)),
    Sample(Cast(as_dtype("float64")), (complexes("a"),), lambda x: x.real),
]

DIVISION = [
    Sample(FloorDiv(), (Ints("a?", 9, -9), Ints("a?", 5, 1)), np.floor_divide),
    Sample(FloorDiv(), ("a? b?", DIVISOR), np.floor_divide),
    Sample(FloorMod(), (Ints("a?", 9, -9), Ints("a?", 5, 1)), np.mod),
    Sample(FloorMod(), ("a? b?", DIVISOR), np.mod),
    Sample(TruncateDiv(), (Ints("a?", 9, -9), Ints("a?", 5, 1)), lambda x, y: np.trunc(x / y).astype(np.int32)),
    Sample(TruncateMod(), (Ints("a?", 9, -9), Ints("a?", 5, 1)), np.fmod),
]

EXPONENTIAL = [
    Sample(Exp(), ("a b",), np.exp),
    Sample(Exp(), (complexes("a"),), np.exp),
    Sample(Expm1(), ("a",), np.expm1),
    Sample(Log(), (POSITIVE,), np.log),
    Sample(Log(), (complexes("a"),), np.log),
    Sample(Log1p(), (POSITIVE,), np.log1p),
    Sample(Sqrt(), (POSITIVE,), np.sqrt),
    Sample(Sqrt(), (complexes("a"),), np.sqrt),
    Sample(Rsqrt(), (POSITIVE,), lambda x: 1 / np.sqrt(x)),
    Sample(Sigmoid(), ("a b",), lambda x: 1 / (1 + np.exp(-x))),
    Sample(Tanh(), ("a b",), np.tanh),
    Sample(Tanh(), (complexes("a"),), np.tanh),
    Sample(Pow(), (POSITIVE, "a? b?"), np.power, sizes={"a": (2, 2), "b": (2, 2)}),
    Sample(Pow(), (Floats("a", -2.0, -0.5), np.array(3.0)), np.power, wrt=(0,), why="no derivative by exponent"),
    Sample(Pow(), (Ints("a"), Ints("a", 4)), np.power),
]

TRIGONOMETRY = [
    Sample(Sin(), ("a",), np.sin),
    Sample(Cos(), ("a",), np.cos),
    Sample(Cos(), (complexes("a"),), np.cos),
    Sample(Tan(), (UNIT,), np.tan),
    Sample(Asin(), (UNIT,), np.arcsin),
    Sample(Acos(), (UNIT,), np.arccos),
    Sample(Atan(), ("a",), np.arctan),
    Sample(Sinh(), ("a",), np.sinh),
    Sample(Cosh(), ("a",), np.cosh),
    Sample(Asinh(), ("a",), np.arcsinh),
    Sample(Acosh(), (Floats("a", 1.2, 3.0),), np.arccosh),
    Sample(Atanh(), (UNIT,), np.arctanh),
    Sample(Atan2(), ("a? b?", "b?"), np.arctan2),
]

SPECIAL = [
    Sample(Erf(), ("a",), sp.erf),
    Sample(Erfc(), ("a",), sp.erfc),
    Sample(Lgamma(), (POSITIVE,), sp.gammaln),
    Sample(Digamma(), (POSITIVE,), sp.digamma),
    Sample(Polygamma(), (np.array(2.0), POSITIVE), lambda n, x: sp.polygamma(2, x), wrt=(1,), why=WHOLE),
]

MAGNITUDE = [
    Sample(Abs(), ("a b",), np.abs),
    Sample(ComplexAbs(), (complexes("a b"),), np.abs),
    Sample(Sign(), ("a b",), np.sign),
    Sample(Sign(), (complexes("a"),), lambda x: x / np.abs(x), gradient=False, why="JAX calls it constant"),
    Sample(Maximum(), ("a? b?", "a? b?"), np.maximum),
    Sample(Minimum(), ("a? b?", "b?"), np.minimum),
    Sample(Floor(), ("a b",), np.floor),
    Sample(Ceil(), ("a b",), np.ceil),
    Sample(Rint(), (Ints("a", 9, -9, "float64"),), np.rint),
    Sample(Round(), (np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.3]),), np.round),
]

CONVERSION = [
    Sample(Complex(), ("a? b?", "b?"), lambda x, y: x + 1j * y),
    Sample(Real(), (complexes("a b"),), np.real),
    Sample(Imag(), (complexes("a b"),), np.imag),
    Sample(Angle(), (complexes("a b"),), np.angle),
]

SAMPLES = [*ARITHMETIC, *DIVISION, *EXPONENTIAL, *TRIGONOMETRY, *SPECIAL, *MAGNITUDE, *CONVERSION]
