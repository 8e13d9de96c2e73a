"""All families of methods that the engine can do without."""

from __future__ import annotations

from tinygrad_mnist.tensor.like import LikeMethods
from tinygrad_mnist.tensor.ordering import OrderingMethods
from tinygrad_mnist.tensor.sampling import SamplingMethods
from tinygrad_mnist.tensor.scattering import ScatterMethods
from tinygrad_mnist.tensor.seldom import LateMethods, MissingMethods, SeldomMethods
from tinygrad_mnist.tensor.special import SpecialMethods
from tinygrad_mnist.tensor.statistics import StatisticsMethods
from tinygrad_mnist.tensor.twins import InplaceTwins
from tinygrad_mnist.tensor.views import ViewMethods


class SurfaceMethods(
    SpecialMethods,
    OrderingMethods,
    StatisticsMethods,
    SamplingMethods,
    ScatterMethods,
    ViewMethods,
    InplaceTwins,
    LikeMethods,
    SeldomMethods,
    LateMethods,
    MissingMethods,
):
    """What Tensor can do besides: one family a file."""
