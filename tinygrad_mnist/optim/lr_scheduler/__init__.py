"""Schedules of the learning rate, one family a file."""

from tinygrad_mnist.optim.lr_scheduler.compose import ChainedScheduler as ChainedScheduler
from tinygrad_mnist.optim.lr_scheduler.compose import SequentialLR as SequentialLR
from tinygrad_mnist.optim.lr_scheduler.cosine import CosineAnnealingLR as CosineAnnealingLR
from tinygrad_mnist.optim.lr_scheduler.cosine import (
    CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts,
)
from tinygrad_mnist.optim.lr_scheduler.cyclic import CyclicLR as CyclicLR
from tinygrad_mnist.optim.lr_scheduler.cyclic import OneCycleLR as OneCycleLR
from tinygrad_mnist.optim.lr_scheduler.factors import ConstantLR as ConstantLR
from tinygrad_mnist.optim.lr_scheduler.factors import ExponentialLR as ExponentialLR
from tinygrad_mnist.optim.lr_scheduler.factors import LambdaLR as LambdaLR
from tinygrad_mnist.optim.lr_scheduler.factors import LinearLR as LinearLR
from tinygrad_mnist.optim.lr_scheduler.factors import MultiplicativeLR as MultiplicativeLR
from tinygrad_mnist.optim.lr_scheduler.factors import MultiStepLR as MultiStepLR
from tinygrad_mnist.optim.lr_scheduler.factors import PolynomialLR as PolynomialLR
from tinygrad_mnist.optim.lr_scheduler.factors import StepLR as StepLR
from tinygrad_mnist.optim.lr_scheduler.plateau import ReduceLROnPlateau as ReduceLROnPlateau
from tinygrad_mnist.optim.lr_scheduler.scheduler import LRScheduler as LRScheduler
from tinygrad_mnist.optim.lr_scheduler.scheduler import _LRScheduler as _LRScheduler
