"""Histories of a training, and their curves. Needs matplotlib, the extra ``examples``."""

from tinygrad_mnist.autograd.recorder import Recorder as record
from tinygrad_mnist.viz.curves import LiveCurves as LiveCurves
from tinygrad_mnist.viz.curves import draw_curves as draw_curves
from tinygrad_mnist.viz.graph import Graph as Graph
from tinygrad_mnist.viz.graph import graph as graph
from tinygrad_mnist.viz.history import History as History
