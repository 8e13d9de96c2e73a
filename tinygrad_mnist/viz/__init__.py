"""Pictures and tables of what happens: in a step, and over a training.

``explore``, ``graph``, ``trace`` and ``memory`` show the graph of a loss, ``statistics`` the
layers of a recorded step. Curves of a history are drawn with matplotlib, the extra ``examples``.
"""

from tinygrad_mnist.autograd.recorder import Recorder
from tinygrad_mnist.viz.curves import LiveCurves as LiveCurves
from tinygrad_mnist.viz.curves import draw_curves as draw_curves
from tinygrad_mnist.viz.explore import explore as explore
from tinygrad_mnist.viz.graph import Graph as Graph
from tinygrad_mnist.viz.graph import graph as graph
from tinygrad_mnist.viz.history import History as History
from tinygrad_mnist.viz.memory import memory as memory
from tinygrad_mnist.viz.statistics import statistics as statistics
from tinygrad_mnist.viz.trace import trace as trace

record = Recorder
