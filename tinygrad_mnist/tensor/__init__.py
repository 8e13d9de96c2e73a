"""Tensor, and the functions of the top-level namespace, a family a file."""

from typing import TYPE_CHECKING

from tinygrad_mnist.ops.dtypes import *
from tinygrad_mnist.ops.limits import *
from tinygrad_mnist.tensor import return_types as return_types
from tinygrad_mnist.tensor.arithmetic import *
from tinygrad_mnist.tensor.attributes import *
from tinygrad_mnist.tensor.comparison import *
from tinygrad_mnist.tensor.core import Tensor as Tensor
from tinygrad_mnist.tensor.creation import *
from tinygrad_mnist.tensor.device import device as device
from tinygrad_mnist.tensor.einsum import *
from tinygrad_mnist.tensor.elementwise import *
from tinygrad_mnist.tensor.exchange import *
from tinygrad_mnist.tensor.generator import *
from tinygrad_mnist.tensor.indexing import *
from tinygrad_mnist.tensor.joining import *
from tinygrad_mnist.tensor.legacy_constructors import *
from tinygrad_mnist.tensor.matrices import *
from tinygrad_mnist.tensor.printing import set_printoptions as set_printoptions
from tinygrad_mnist.tensor.products import *
from tinygrad_mnist.tensor.random_functions import *
from tinygrad_mnist.tensor.rearrangement import *
from tinygrad_mnist.tensor.reduction import *
from tinygrad_mnist.tensor.scattering import *
from tinygrad_mnist.tensor.shape import *
from tinygrad_mnist.tensor.sorting import *
from tinygrad_mnist.tensor.types import *

if TYPE_CHECKING:  # these modules are imported when one of their names is first asked for
    from tinygrad_mnist.tensor.histograms import *
    from tinygrad_mnist.tensor.rare import *
    from tinygrad_mnist.tensor.rare_creation import *

    # For type checkers, which can't follow publish(); a test compares it with what there is.
    __all__ = [
        "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "Generator",
        "HalfTensor", "IntTensor", "LongTensor", "ShortTensor", "Size", "Tensor", "abs", "absolute",
        "acos", "acosh", "add", "addbmm", "addcdiv", "addcmul", "addmm", "addmv", "addr", "adjoint",
        "all", "allclose", "amax", "amin", "aminmax", "angle", "any", "arange", "arccos", "arccosh",
        "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "argmax", "argmin", "argsort",
        "argwhere", "as_strided", "as_tensor", "asarray", "asin", "asinh", "atan", "atan2", "atanh",
        "atleast_1d", "atleast_2d", "atleast_3d", "baddbmm", "bartlett_window", "bernoulli",
        "bfloat16", "bincount", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or",
        "bitwise_right_shift", "bitwise_xor", "blackman_window", "block_diag", "bmm", "bool",
        "broadcast_shapes", "broadcast_tensors", "broadcast_to", "bucketize", "can_cast",
        "cartesian_prod", "cat", "cdist", "cdouble", "ceil", "cfloat", "channels_last",
        "channels_last_3d", "cholesky", "cholesky_inverse", "cholesky_solve", "chunk", "clamp",
        "clamp_max", "clamp_min", "clip", "clone", "column_stack", "complex64", "complex128",
        "concat", "concatenate", "conj", "conj_physical", "contiguous_format", "copysign",
        "corrcoef", "cos", "cosh", "count_nonzero", "cov", "cross", "cummax", "cummin", "cumprod",
        "cumsum", "cumulative_trapezoid", "default_generator", "deg2rad", "det", "device", "diag",
        "diag_embed", "diagflat", "diagonal", "diagonal_scatter", "diff", "digamma", "dist", "div",
        "divide", "dot", "double", "dsplit", "dstack", "dtype", "einsum", "empty", "empty_like",
        "eq", "equal", "erf", "erfc", "erfinv", "exp", "exp2", "expm1", "eye", "fill", "finfo",
        "fix", "flatten", "flip", "fliplr", "flipud", "float", "float16", "float32", "float64",
        "float_power", "floor", "floor_divide", "fmax", "fmin", "fmod", "frac", "from_dlpack",
        "from_numpy", "frombuffer", "full", "full_like", "gather", "gcd", "ge", "ger",
        "get_default_dtype", "get_rng_state", "greater", "greater_equal", "gt", "half",
        "hamming_window", "hann_window", "heaviside", "histc", "histogram", "histogramdd", "hsplit",
        "hstack", "hypot", "iinfo", "index_add", "index_copy", "index_fill", "index_put",
        "index_select", "initial_seed", "inner", "int", "int8", "int16", "int32", "int64",
        "inverse", "is_complex", "is_conj", "is_distributed", "is_floating_point", "is_inference",
        "is_neg", "is_nonzero", "is_same_size", "is_storage", "is_tensor", "isclose", "isfinite",
        "isin", "isinf", "isnan", "isneginf", "isposinf", "isreal", "kaiser_window", "kron",
        "kthvalue", "layout", "lcm", "ldexp", "le", "lerp", "less", "less_equal", "lgamma",
        "linspace", "log", "log1p", "log2", "log10", "log_softmax", "logaddexp", "logaddexp2",
        "logcumsumexp", "logdet", "logical_and", "logical_not", "logical_or", "logical_xor",
        "logit", "logspace", "logsumexp", "long", "lt", "manual_seed", "masked_fill",
        "masked_scatter", "masked_select", "matmul", "matrix_exp", "matrix_power", "max", "maximum",
        "mean", "median", "memory_format", "meshgrid", "min", "minimum", "mm", "mode", "moveaxis",
        "movedim", "msort", "mul", "multinomial", "multiply", "mv", "mvlgamma", "nan_to_num",
        "nanmean", "nanmedian", "nanquantile", "nansum", "narrow", "narrow_copy", "ne", "neg",
        "negative", "newaxis", "nextafter", "nonzero", "norm", "normal", "not_equal", "numel",
        "ones", "ones_like", "outer", "pdist", "permute", "pinverse", "positive", "pow",
        "preserve_format", "prod", "promote_types", "put", "qr", "quantile", "rad2deg", "rand",
        "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "range", "ravel",
        "real", "reciprocal", "relu", "remainder", "renorm", "repeat_interleave", "reshape",
        "resolve_conj", "resolve_neg", "result_type", "return_types", "roll", "rot90", "round",
        "row_stack", "rsqrt", "rsub", "scalar_tensor", "scatter", "scatter_add", "scatter_reduce",
        "searchsorted", "seed", "select", "select_scatter", "set_default_dtype", "set_printoptions",
        "set_rng_state", "sgn", "short", "sigmoid", "sign", "signbit", "sin", "sinc", "sinh",
        "slice_scatter", "slogdet", "softmax", "sort", "split", "split_with_sizes", "sqrt",
        "square", "squeeze", "stack", "std", "std_mean", "strided", "sub", "subtract", "sum", "svd",
        "swapaxes", "swapdims", "t", "take", "take_along_dim", "tan", "tanh", "tensor",
        "tensor_split", "tensordot", "tile", "topk", "trace", "transpose", "trapezoid", "trapz",
        "tril", "tril_indices", "triu", "triu_indices", "true_divide", "trunc", "typename", "uint8",
        "unbind", "unflatten", "unique", "unique_consecutive", "unravel_index",
        "unsafe_split_with_sizes", "unsqueeze", "vander", "var", "var_mean", "vdot", "vsplit",
        "vstack", "where", "xlogy", "zeros", "zeros_like",
    ]  # fmt: skip
else:
    import types as _types

    __all__ = ["return_types"] + [
        name
        for name, value in globals().items()
        if name[0] != "_" and name != "TYPE_CHECKING" and type(value) is not _types.ModuleType
    ]
