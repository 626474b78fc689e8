"""labkit: dataflow graphs as TensorFlow 1 has them, running on JAX. Write `import labkit as tf`.

This file is the table of contents: every public name under a heading. Namespaces are modules: `tf.nn`, `tf.train`,
`tf.layers`, `tf.losses`, `tf.errors`, `tf.test`, `tf.compat`; `tf.draw`, `tf.check`, `tf.datasets` and `tf.examples`
are imported when first used, because they bring matplotlib or data with them.

Example:
    >>> import labkit as tf
    >>> x = tf.placeholder(tf.float32, [])
    >>> float(tf.Session().run(x * x, {x: 3.0}))
    9.0
"""

# ruff: noqa: I001  # the headings order the imports, not the alphabet

from labkit import (
    app,
    compat,
    data,
    errors,
    flags,
    gfile,
    image,
    layers,
    logging,
    losses,
    nn,
    python,
    python_io,
    summary,
    test,
    train,
)

# Graphs, operations, tensors
from labkit.graph import (
    Graph,
    GraphKeys,
    Operation,
    Tensor,
    add_to_collection,
    colocate_with,
    control_dependencies,
    device,
    get_collection,
    get_collection_ref,
    get_default_graph,
    name_scope,
    reset_default_graph,
)
from labkit.graphdef import graph_util, import_graph_def

# Element types, shapes, device names
from labkit.dtypes import (
    DType,
    as_dtype,
    bfloat16,
    complex128,
    complex64,
    float16,
    float32,
    float64,
    int16,
    int32,
    int64,
    int8,
    string,
    uint16,
    uint32,
    uint64,
    uint8,
)
from labkit.shapes import Dimension, TensorShape
from labkit.devices import DeviceSpec
from labkit.dtypes import bool_ as bool
from labkit.dtypes import float16 as half
from labkit.dtypes import float64 as double

# Where values enter
from labkit.ops.source import constant, convert_to_tensor, placeholder, placeholder_with_default
from labkit.ops.filling import fill, ones, ones_like, zeros, zeros_like
from labkit.ops.ranges import lin_space, linspace, meshgrid, range

# Variables, and the initial values they take
from labkit.variables import (
    Variable,
    assert_variables_initialized,
    global_variables,
    global_variables_initializer,
    local_variables,
    local_variables_initializer,
    model_variables,
    moving_average_variables,
    report_uninitialized_variables,
    trainable_variables,
    variables_initializer,
)
from labkit.ops.state import assign, assign_add, assign_sub, is_variable_initialized
from labkit.ops.scatter import (
    scatter_add,
    scatter_div,
    scatter_mul,
    scatter_nd_add,
    scatter_nd_sub,
    scatter_nd_update,
    scatter_sub,
    scatter_update,
)
from labkit.partitioned import (
    PartitionedVariable,
    fixed_size_partitioner,
    min_max_variable_partitioner,
    variable_axis_size_partitioner,
)
from labkit.shared_variables import get_local_variable, get_variable, no_regularizer
from labkit.variable_scope import AUTO_REUSE, VariableScope, get_variable_scope, variable_op_scope, variable_scope
from labkit.initializers import (
    constant_initializer,
    glorot_normal_initializer,
    glorot_uniform_initializer,
    ones_initializer,
    orthogonal_initializer,
    random_normal_initializer,
    random_uniform_initializer,
    truncated_normal_initializer,
    uniform_unit_scaling_initializer,
    variance_scaling_initializer,
    zeros_initializer,
)

# Sessions and their options
from labkit.session import InteractiveSession, Session, get_default_session
from labkit.config import ConfigProto, GPUOptions, GraphOptions, OptimizerOptions, RunMetadata, RunOptions

# Derivatives
from labkit.gradients import AggregationMethod, gradients, hessians
from labkit.registered_gradients import NoGradient, NotDifferentiable, RegisterGradient
from labkit.ops.indexed_slices import IndexedSlices, IndexedSlicesValue, convert_to_tensor_or_indexed_slices
from labkit.clip import clip_by_average_norm, clip_by_global_norm, clip_by_norm, global_norm

# Arithmetic, element by element
from labkit.ops.math import add, cast, multiply, negative, reciprocal, scalar_mul, square, squared_difference, subtract
from labkit.ops.sums import accumulate_n, add_n
from labkit.ops.division import (
    div,
    divide,
    floor_div,
    floordiv,
    floormod,
    mod,
    realdiv,
    truediv,
    truncatediv,
    truncatemod,
)
from labkit.ops.exponential import exp, expm1, log, log1p, log_sigmoid, pow, rsqrt, sigmoid, sqrt, tanh
from labkit.ops.trigonometry import acos, asin, atan, atan2, cos, sin, tan
from labkit.ops.hyperbolic import acosh, asinh, atanh, cosh, sinh
from labkit.ops.special import digamma, erf, erfc, lgamma, polygamma
from labkit.ops.incomplete import betainc, igamma, igammac, lbeta, zeta
from labkit.ops.magnitude import abs, ceil, clip_by_value, floor, maximum, minimum, rint, round, sign
from labkit.ops.bitcast import bitcast
from labkit.ops.conversion import (
    angle,
    complex,
    conj,
    imag,
    real,
    saturate_cast,
    to_bfloat16,
    to_double,
    to_float,
    to_int32,
    to_int64,
)
from labkit.ops.logic import (
    equal,
    greater,
    greater_equal,
    is_finite,
    is_inf,
    is_nan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    not_equal,
)

# Reductions, and what runs along an axis
from labkit.ops.reduce import reduce_max, reduce_mean, reduce_min, reduce_prod, reduce_sum
from labkit.ops.reduce_bool import reduce_all, reduce_any
from labkit.ops.norms import count_nonzero, norm, reduce_logsumexp
from labkit.ops.along_axis import argmax, argmin, cross, cumprod, cumsum
from labkit.ops.segment import (
    confusion_matrix,
    segment_max,
    segment_mean,
    segment_min,
    segment_prod,
    segment_sum,
    unsorted_segment_max,
    unsorted_segment_sum,
)

from labkit.ops.statistics import histogram_fixed_width

# Matrices
from labkit.ops.decompositions import cholesky, cholesky_solve, qr, self_adjoint_eig, self_adjoint_eigvals, svd
from labkit.ops.solving import matrix_determinant, matrix_inverse, matrix_solve, matrix_triangular_solve
from labkit.ops.fourier import fft, fft2d, fft3d, ifft, ifft2d, ifft3d
from labkit.ops.linalg import einsum, matmul, matrix_transpose, tensordot
from labkit.ops.matrices import (
    diag,
    diag_part,
    eye,
    matrix_band_part,
    matrix_diag,
    matrix_diag_part,
    matrix_set_diag,
    trace,
)

# Shapes and layout
from labkit.ops.array import expand_dims, identity, identity_n, newaxis, reshape, squeeze
from labkit.ops.shaping import rank, shape, shape_n, size
from labkit.ops.layout import depth_to_space, invert_permutation, reverse_sequence, space_to_depth, transpose
from labkit.ops.batching_space import batch_to_space, batch_to_space_nd, space_to_batch, space_to_batch_nd
from labkit.ops.stacking import parallel_stack, stack, unstack
from labkit.ops.tiling import broadcast_to, tile
from labkit.ops.padding import pad
from labkit.ops.patches import extract_image_patches

# Parts of tensors
from labkit.ops.slicing import reverse as reverse_v2, slice
from labkit.ops.unravelling import unravel_index
from labkit.ops.indexing import strided_slice
from labkit.ops.gathering import gather, gather_nd, scatter_nd
from labkit.ops.selecting import (
    boolean_mask,
    listdiff,
    one_hot,
    sequence_mask,
    setdiff1d,
    unique,
    unique_with_counts,
    where,
)
from labkit.ops.partitioning import dynamic_partition, dynamic_stitch

# Sparse tensors
from labkit.ops.sparse_tensor import (
    SparseTensor,
    SparseTensorValue,
    convert_to_tensor_or_sparse_tensor,
    sparse_placeholder,
)
from labkit.ops.sparse_dense import (
    sparse_reduce_max,
    sparse_reduce_sum,
    sparse_tensor_dense_matmul,
    sparse_tensor_to_dense,
    sparse_to_dense,
    sparse_to_indicator,
)
from labkit.ops.sparse_layout import (
    sparse_fill_empty_rows,
    sparse_mask,
    sparse_reorder,
    sparse_reset_shape,
    sparse_reshape,
    sparse_retain,
    sparse_slice,
    sparse_transpose,
)
from labkit.ops.sparse_joining import sparse_add, sparse_concat, sparse_merge
from labkit.ops.embedding_sparse import sparse_segment_mean, sparse_segment_sqrt_n, sparse_segment_sum
from labkit.ops.edit_distance import edit_distance

# Random numbers
from labkit.ops.random import get_seed, random_normal, random_uniform, set_random_seed, truncated_normal
from labkit.ops.sampling import multinomial, random_crop, random_gamma, random_poisson, random_shuffle

# Python functions, files and strings
from labkit.ops.py_func import py_func
from labkit.ops.files import matching_files, read_file, write_file
from labkit.ops.decoding import decode_csv, decode_raw, parse_tensor, serialize_tensor
from labkit.ops.strings import (
    as_string,
    decode_base64,
    encode_base64,
    regex_replace,
    string_join,
    string_to_number,
    substr,
)
from labkit.ops.splitting import reduce_join, string_split
from labkit.ops.hashing import string_to_hash_bucket, string_to_hash_bucket_fast, string_to_hash_bucket_strong

# Input: queues that threads fill, readers of files
from labkit.ops.counting import count_up_to
from labkit.queues import (
    ConditionalAccumulator,
    ConditionalAccumulatorBase,
    FIFOQueue,
    FixedLengthRecordReader,
    IdentityReader,
    PaddingFIFOQueue,
    PriorityQueue,
    QueueBase,
    RandomShuffleQueue,
    ReaderBase,
    SparseConditionalAccumulator,
    TFRecordReader,
    TextLineReader,
    WholeFileReader,
)

# Examples in files
from labkit.ops.parsing_features import FixedLenFeature, FixedLenSequenceFeature, SparseFeature, VarLenFeature
from labkit.ops.parsing import parse_example, parse_single_example, parse_single_sequence_example

# Lookup tables
from labkit.lookup import tables_initializer

# Control flow
from labkit.ops.control_flow import group, no_op, stop_gradient
from labkit.ops.conditional import case, cond
from labkit.ops.tensor_array import TensorArray
from labkit.ops.while_loops import while_loop
from labkit.ops.scans import foldl, foldr, map_fn, scan
from labkit.ops.checks import Assert, Print, add_check_numerics_ops, check_numerics, verify_tensor_all_finite
from labkit.ops.assertions import (
    assert_equal,
    assert_greater,
    assert_greater_equal,
    assert_less,
    assert_less_equal,
    assert_negative,
    assert_non_negative,
    assert_non_positive,
    assert_none_equal,
    assert_positive,
    assert_rank,
    assert_rank_at_least,
)
from labkit.ops.predicates import (
    assert_integer,
    assert_proper_iterable,
    assert_rank_in,
    assert_scalar,
    assert_type,
    is_non_decreasing,
    is_numeric_tensor,
    is_strictly_increasing,
)
from labkit.ops.control_flow import tuple_ as tuple

# Names and argument orders of TensorFlow before 1.0
from labkit.historic import (
    all_variables,
    arg_max,
    arg_min,
    batch_matmul,
    complex_abs,
    concat,
    concat_v2,
    histogram_summary,
    image_summary,
    initialize_all_variables,
    initialize_local_variables,
    initialize_variables,
    inv,
    merge_all_summaries,
    merge_summary,
    mul,
    neg,
    op_scope,
    pack,
    reverse,
    scalar_summary,
    select,
    split,
    sub,
    unpack,
)

from labkit.missing import missing_name

# Programs ask it which names there are, so TensorFlow's version comes first and labkit's own after it.
__version__ = VERSION = "1.4.0+labkit.0.1.0"
GIT_VERSION = COMPILER_VERSION = "unknown"

__all__ = [
    "app", "compat", "data", "errors", "flags", "gfile", "image", "layers", "logging", "losses", "nn",
    "python", "python_io", "summary", "test", "train",
    # Graphs, operations, tensors
    "Graph", "GraphKeys", "Operation", "Tensor", "add_to_collection", "colocate_with", "control_dependencies",
    "device", "get_collection", "get_collection_ref", "get_default_graph", "name_scope", "reset_default_graph",
    "graph_util", "import_graph_def",
    # Element types, shapes, device names
    "DType", "as_dtype", "bfloat16", "complex128", "complex64", "float16", "float32", "float64", "int16", "int32",
    "int64", "int8", "string", "uint16", "uint32", "uint64", "uint8", "Dimension", "TensorShape", "DeviceSpec",
    "bool", "double", "half",
    # Where values enter
    "constant", "convert_to_tensor", "placeholder", "placeholder_with_default", "fill", "ones", "ones_like",
    "zeros", "zeros_like", "lin_space", "linspace", "meshgrid", "range",
    # Variables, and the initial values they take
    "Variable", "assert_variables_initialized", "global_variables", "global_variables_initializer",
    "local_variables", "local_variables_initializer", "model_variables", "moving_average_variables",
    "report_uninitialized_variables", "trainable_variables", "variables_initializer", "assign", "assign_add",
    "assign_sub", "is_variable_initialized", "scatter_add", "scatter_div", "scatter_mul", "scatter_nd_add",
    "scatter_nd_sub", "scatter_nd_update", "scatter_sub", "scatter_update", "get_local_variable", "get_variable",
    "PartitionedVariable", "fixed_size_partitioner", "min_max_variable_partitioner", "variable_axis_size_partitioner",
    "no_regularizer", "AUTO_REUSE", "VariableScope", "get_variable_scope", "variable_op_scope", "variable_scope",
    "constant_initializer", "glorot_normal_initializer", "glorot_uniform_initializer", "ones_initializer",
    "orthogonal_initializer", "random_normal_initializer", "random_uniform_initializer",
    "truncated_normal_initializer", "uniform_unit_scaling_initializer", "variance_scaling_initializer",
    "zeros_initializer",
    # Sessions and their options
    "InteractiveSession", "Session", "get_default_session", "ConfigProto", "GPUOptions", "GraphOptions",
    "OptimizerOptions", "RunMetadata", "RunOptions",
    # Derivatives
    "NoGradient", "NotDifferentiable", "RegisterGradient",
    "AggregationMethod", "IndexedSlices", "IndexedSlicesValue", "convert_to_tensor_or_indexed_slices", "gradients",
    "hessians", "clip_by_average_norm", "clip_by_global_norm", "clip_by_norm", "global_norm",
    # Arithmetic, element by element
    "accumulate_n", "add", "add_n", "cast", "multiply", "negative", "reciprocal", "scalar_mul", "square",
    "squared_difference", "subtract", "div", "divide", "floor_div", "floordiv", "floormod", "mod", "realdiv", "truediv",
    "truncatediv", "truncatemod", "exp", "expm1", "log", "log1p", "log_sigmoid", "pow", "rsqrt", "sigmoid", "sqrt",
    "tanh", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "sin", "sinh", "tan", "digamma",
    "erf", "erfc", "lgamma", "polygamma", "bitcast", "betainc", "igamma", "igammac", "lbeta", "zeta", "abs", "ceil",
    "clip_by_value", "floor", "maximum", "minimum", "rint", "round", "sign", "angle", "complex", "conj", "imag", "real",
    "saturate_cast", "to_bfloat16", "to_double", "to_float", "to_int32", "to_int64", "equal", "greater",
    "greater_equal", "is_finite", "is_inf", "is_nan", "less", "less_equal", "logical_and", "logical_not", "logical_or",
    "logical_xor", "not_equal",
    # Reductions, and what runs along an axis
    "reduce_all", "reduce_any", "reduce_max", "reduce_mean", "reduce_min", "reduce_prod", "reduce_sum",
    "count_nonzero", "norm", "reduce_logsumexp", "argmax", "argmin", "cross", "cumprod", "cumsum",
    "confusion_matrix", "segment_max", "segment_mean", "segment_min", "segment_prod", "segment_sum",
    "unsorted_segment_max", "unsorted_segment_sum", "histogram_fixed_width",
    # Matrices
    "fft", "fft2d", "fft3d", "ifft", "ifft2d", "ifft3d",
    "cholesky", "cholesky_solve", "matrix_determinant", "matrix_inverse", "matrix_solve", "matrix_triangular_solve",
    "qr", "self_adjoint_eig", "self_adjoint_eigvals", "svd", "einsum", "matmul", "matrix_transpose", "tensordot",
    "diag", "diag_part", "eye", "matrix_band_part", "matrix_diag", "matrix_diag_part", "matrix_set_diag", "trace",
    # Shapes and layout
    "expand_dims", "identity", "identity_n", "newaxis", "reshape", "squeeze", "rank", "shape", "shape_n", "size",
    "depth_to_space", "invert_permutation", "reverse_sequence", "space_to_depth", "transpose", "parallel_stack",
    "stack", "unstack", "broadcast_to", "tile", "pad", "extract_image_patches", "batch_to_space", "batch_to_space_nd",
    "space_to_batch", "space_to_batch_nd",
    # Parts of tensors
    "reverse_v2", "unravel_index",
    "slice", "strided_slice", "gather", "gather_nd", "scatter_nd", "boolean_mask", "listdiff", "one_hot",
    "sequence_mask", "setdiff1d", "unique", "unique_with_counts", "where", "dynamic_partition", "dynamic_stitch",
    # Sparse tensors
    "SparseTensor", "SparseTensorValue", "convert_to_tensor_or_sparse_tensor", "edit_distance", "sparse_add",
    "sparse_concat", "sparse_fill_empty_rows", "sparse_mask", "sparse_merge", "sparse_placeholder",
    "sparse_reduce_max", "sparse_reduce_sum", "sparse_reorder", "sparse_reset_shape", "sparse_reshape",
    "sparse_retain", "sparse_segment_mean", "sparse_segment_sqrt_n", "sparse_segment_sum", "sparse_slice",
    "sparse_tensor_dense_matmul", "sparse_tensor_to_dense", "sparse_to_dense", "sparse_to_indicator",
    "sparse_transpose",
    # Random numbers
    "get_seed", "random_normal", "random_uniform", "set_random_seed", "truncated_normal", "multinomial",
    "random_crop", "random_gamma", "random_poisson", "random_shuffle",
    # Python functions, files and strings
    "py_func", "matching_files", "read_file", "write_file", "decode_csv", "decode_raw", "parse_tensor",
    "serialize_tensor", "as_string", "decode_base64", "encode_base64", "regex_replace", "string_join",
    "string_to_number", "substr", "reduce_join", "string_split", "string_to_hash_bucket", "string_to_hash_bucket_fast",
    "string_to_hash_bucket_strong",
    # Input: queues that threads fill, readers of files
    "ConditionalAccumulator", "ConditionalAccumulatorBase", "FIFOQueue", "FixedLengthRecordReader", "IdentityReader",
    "PaddingFIFOQueue", "PriorityQueue", "QueueBase", "RandomShuffleQueue", "ReaderBase",
    "SparseConditionalAccumulator", "TFRecordReader", "TextLineReader", "WholeFileReader", "count_up_to",
    # Examples in files
    "FixedLenFeature", "FixedLenSequenceFeature", "SparseFeature", "VarLenFeature", "parse_example",
    "parse_single_example", "parse_single_sequence_example",
    # Lookup tables
    "tables_initializer",
    # Control flow
    "group", "no_op", "stop_gradient", "case", "cond", "foldl", "foldr", "map_fn", "scan", "while_loop", "TensorArray",
    "Assert", "Print", "add_check_numerics_ops", "assert_equal", "assert_greater", "assert_greater_equal",
    "assert_less", "assert_less_equal", "assert_negative", "assert_non_negative", "assert_non_positive",
    "assert_none_equal", "assert_positive", "assert_rank", "assert_rank_at_least", "check_numerics",
    "verify_tensor_all_finite", "tuple", "assert_integer", "assert_proper_iterable", "assert_rank_in",
    "assert_scalar", "assert_type", "is_non_decreasing", "is_numeric_tensor", "is_strictly_increasing",
    # Names and argument orders of TensorFlow before 1.0
    "all_variables", "arg_max", "arg_min", "batch_matmul", "complex_abs", "concat", "concat_v2",
    "initialize_all_variables", "initialize_local_variables", "initialize_variables", "inv", "mul",
    "neg", "op_scope", "pack", "reverse",
    "select", "split", "sub", "unpack", "histogram_summary", "image_summary", "merge_all_summaries", "merge_summary",
    "scalar_summary",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """Imports `tf.draw` and its kin when they are first used; for other names, says what labkit has instead."""
    return missing_name(__name__, name, __all__)
