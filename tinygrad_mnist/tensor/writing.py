"""Functions that write into their first argument: ``relu_(x)`` beside ``x.relu_()``.

They are made when they are first asked for, as ``torch.relu_``.
"""

from __future__ import annotations

from tinygrad_mnist.tensor.core import Tensor
from tinygrad_mnist.tensor.export import checked

NAMES = """abs_ acos_ acosh_ addmv_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_ asin_ asinh_
atan_ atanh_ ceil_ clamp_ clamp_max_ clamp_min_ clip_ cos_ cosh_ deg2rad_ detach_ erf_ erfc_ exp2_
exp_ expm1_ fill_ fix_ floor_ frac_ index_put_ log10_ log1p_ log2_ log_ logit_ nan_to_num_ neg_
negative_ rad2deg_ reciprocal_ relu_ resize_as_ round_ rsqrt_ sigmoid_ sin_ sinc_ sinh_ sqrt_
conj_physical_ gcd_ lcm_ ldexp_ square_ tan_ tanh_ trunc_ xlogy_ zero_""".split()
"""Those of Tensor's methods that PyTorch has as functions, too."""

globals().update({name: checked(getattr(Tensor, name)) for name in NAMES})
