"""Kernels for one shape: what a program knows, they needn't find out, and their arrays are there.

A kernel gives the numbers of the operation that it stands for, bit for bit. What it isn't made for
(other numbers than usual, such as a target that is ignored) it leaves to the operation.
"""

from __future__ import annotations

from dataclasses import replace

from tinygrad_mnist.compiler.kernels import cross_entropy, products, recurrent
from tinygrad_mnist.compiler.trace import Call, Program, Storage, Value

MAKERS = (cross_entropy.kernels, products.kernels, recurrent.kernels)
"""Each returns kernels by the call that they stand for."""


def prepared_kernels(program: Program) -> Program:
    """Let calls of operations be calls of kernels that are made for their shapes."""
    kept: set[Storage] = {x.storage for x in program.outputs + program.rebound}
    functions = {call: f for make in MAKERS for call, f in make(program).items()}

    def own(call: Call) -> bool:
        """Whether what a kernel keeps for the next step stays within the program."""
        results = call.results
        rest = () if type(results) is Value else results[1:]
        return all(type(x) is not Value or x.storage not in kept for x in rest)

    calls = [
        call.but(function=functions[call], printed=(call,))
        if call in functions and own(call)
        else call
        for call in program.calls
    ]
    return replace(program, calls=calls)
