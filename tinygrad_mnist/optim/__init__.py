"""Optimizers, one family a file."""

from tinygrad_mnist.optim import lr_scheduler as lr_scheduler
from tinygrad_mnist.optim import swa_utils as swa_utils
from tinygrad_mnist.optim.adadelta import Adadelta as Adadelta
from tinygrad_mnist.optim.adagrad import Adagrad as Adagrad
from tinygrad_mnist.optim.adam import Adam as Adam
from tinygrad_mnist.optim.adam import AdamW as AdamW
from tinygrad_mnist.optim.adamax import Adamax as Adamax
from tinygrad_mnist.optim.asgd import ASGD as ASGD
from tinygrad_mnist.optim.lbfgs import LBFGS as LBFGS
from tinygrad_mnist.optim.minimize import minimize as minimize
from tinygrad_mnist.optim.nadam import NAdam as NAdam
from tinygrad_mnist.optim.optimizer import Optimizer as Optimizer
from tinygrad_mnist.optim.radam import RAdam as RAdam
from tinygrad_mnist.optim.rmsprop import RMSprop as RMSprop
from tinygrad_mnist.optim.rprop import Rprop as Rprop
from tinygrad_mnist.optim.sgd import SGD as SGD
