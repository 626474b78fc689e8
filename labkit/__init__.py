"""labkit"""
from labkit.graph import *
from labkit import errors
from labkit.dtypes import *
from labkit.ops.math import *
from labkit.ops.array import *
from labkit.ops.layout import *
from labkit.ops.slicing import *
from labkit.ops.joining import *
from labkit.ops.padding import *
from labkit.ops.reduce import *
from labkit.ops.state import *
from labkit.ops.source import *
from labkit.ops.control_flow import *
from labkit.ops.linalg import *
from labkit.variables import *
from labkit.gradients import *
from labkit.session import *
from labkit.ops.random import *
from labkit.ops.sampling import *
from labkit.ops.math import cast  # the star imports above bring typing.cast
