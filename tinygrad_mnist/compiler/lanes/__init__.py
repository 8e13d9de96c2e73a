"""Lanes: parts of the batch, each computed by a thread of its own.

Between matrix products most of a step is work on arrays that one core does alone. So the calls of
a step that treat each row of the batch for itself become a program for a part of the rows, and
every thread runs it for its own part, with products on one thread. What is a sum over the batch,
such as the gradient of a weight, has a summand in each lane; they are added at the end, or where
all lanes wait for the sum, as batch norm does for its statistics.

``spreading`` knows what each call does to a part of the rows, ``regions`` finds the calls and puts
them together, ``building`` makes a program for each lane, ``running`` runs them. What is left of a
step, drawing numbers before and the optimizer after, is done once.
"""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np

from tinygrad_mnist.compiler.lanes.building import NotAlikeError, lane_programs
from tinygrad_mnist.compiler.lanes.regions import find_region
from tinygrad_mnist.compiler.trace import Program

NUMBER = 2
"""How many lanes there are. Python lets one thread at a time begin its next call."""


def with_lanes(program: Program) -> Program:
    """Put the calls that lanes can make together, if they are worth it."""
    if program.lanes is not None or (os.cpu_count() or 1) < NUMBER:
        return program
    found = find_region(program)
    if found is None:
        return program
    ordered, region = found
    try:
        with np.errstate(all="ignore"):
            return replace(
                ordered, lanes=lane_programs(region, NUMBER, not program.reads_gradients)
            )
    except NotAlikeError:
        return program
