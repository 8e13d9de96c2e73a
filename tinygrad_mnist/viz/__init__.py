"""Histories of a training, and their curves. Needs matplotlib, the extra ``examples``."""

from tinygrad_mnist.viz.curves import LiveCurves as LiveCurves
from tinygrad_mnist.viz.curves import draw_curves as draw_curves
from tinygrad_mnist.viz.history import History as History
