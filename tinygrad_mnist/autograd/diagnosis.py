"""What kind of mistake explains that a Jacobian is not the numerical one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping

import numpy as np

Arrays = Mapping[str, np.ndarray]


class Comparison:
    """An analytic and a numerical Jacobian that differ, and what they may be made of.

    Parameters
    ----------
    analytic, numeric
        Matrices with a row for each element of the output and a column for each of the input.
    shape, to
        The input's and the output's shape.
    arrays
        The inputs and outputs, under the names by which a diagnosis calls them.
    close
        Whether two matrices agree.
    """

    def __init__(
        self,
        analytic: np.ndarray,
        numeric: np.ndarray,
        shape: tuple[int, ...],
        to: tuple[int, ...],
        arrays: Arrays,
        close: Callable[[np.ndarray, np.ndarray], bool],
    ) -> None:
        self.analytic, self.numeric, self.close = analytic, numeric, close
        self.shape, self.to, self.arrays = shape, to, arrays

    def cause(self) -> str:
        """Say what explains the difference, or return an empty string."""
        if np.isnan(self.analytic).any():
            return "the gradient is NaN: a division by zero, or inf - inf, in the rule"
        if not np.any(self.analytic):
            return "the gradient is zero: the rule returns nothing, or the graph was cut"
        if self.close(self.numeric, np.zeros_like(self.numeric)):
            return "the slope is zero, but the rule passes something on"
        with np.errstate(all="ignore"):
            guesses = (
                self.ignored, self.constant_factor, self.transposed, self.missing_sum,
                self.lost_rows, self.factor, self.exchange, self.term,
            )  # fmt: skip
            return next((said for guess in guesses if (said := guess())), "")

    def ignored(self) -> str:
        """See whether each element of the output has the same gradient."""
        rows = self.analytic
        if len(rows) < 2 or not np.allclose(rows, rows[0]) or np.allclose(self.numeric, rows[0]):
            return ""
        return "the rule doesn't multiply by the gradient of the output"

    def constant_factor(self) -> str:
        """Compare with multiples."""
        weight = float(np.sum(self.numeric * self.numeric))
        factor = float(np.sum(self.analytic * self.numeric)) / weight
        if not factor or not self.close(self.analytic, factor * self.numeric):
            return ""
        if abs(factor + 1) < 1e-2:
            return "the sign is reversed"
        return f"a factor: the gradient is {factor:.4g} times what it should be"

    def transposed(self) -> str:
        """Compare with the transposed gradient."""
        if len(self.shape) < 2 or self.shape[-1] != self.shape[-2]:
            return ""
        turned = self.analytic.reshape(-1, *self.shape).swapaxes(-1, -2)
        found = self.close(turned.reshape(self.analytic.shape), self.numeric)
        return "the gradient is transposed" if found else ""

    def missing_sum(self) -> str:
        """Compare with sums over a dimension of the input."""
        rows = self.analytic.reshape(-1, *self.shape)
        for axis, n in enumerate(self.shape):
            spread = np.broadcast_to(rows.sum(axis + 1, keepdims=True), rows.shape)
            if n > 1 and self.close(spread.reshape(self.analytic.shape), self.numeric):
                return f"a missing sum over dimension {axis} (a broadcast that was not undone)"
        return ""

    def lost_rows(self) -> str:
        """See whether some elements of the output count, and others don't."""
        kept = np.any(self.analytic, axis=1)
        needed = np.any(np.abs(self.numeric) > 1e-9, axis=1)
        if np.all(kept[needed]) or not self.close(self.analytic[kept], self.numeric[kept]):
            return ""
        return (
            f"a missing sum: {np.sum(kept & needed)} of the {np.sum(needed)} output elements that "
            f"depend on the input count (a broadcast is undone by a sum over all of them)"
        )

    def factor(self) -> str:
        """Look for a factor or a divisor that is missing."""
        for name, x in self.scalings():
            if self.close(self.analytic * x, self.numeric):
                return f"a factor is missing: the gradient fits if it is multiplied by {name}"
            if self.close(self.analytic, self.numeric * x):
                return f"a divisor is missing: the gradient fits if it is divided by {name}"
        return ""

    def exchange(self) -> str:
        """Look for an array that stands in another's place."""
        for (name, x), (other, y) in itertools.permutations(self.scalings(), 2):
            if self.close(self.analytic * x, self.numeric * y):
                return f"the wrong array: the gradient fits with {name} in the place of {other}"
        return ""

    def term(self) -> str:
        """Look for a term that is missing in the slope: a number, an array, or two's product."""
        missing = self.numeric - self.analytic
        where = (np.abs(self.numeric) > 1e-9) | (self.analytic != 0)
        if np.sum(where) < 3:
            return ""
        mean = float(np.mean(missing[where]))
        if self.close(missing, mean * where):
            return f"a term is missing: the slope fits if {mean:.4g} is added"
        found = list(self.scalings())
        products = [
            (f"{name} times {other}", x * y)
            for (name, x), (other, y) in itertools.combinations_with_replacement(found, 2)
        ]
        for name, x in (*found, *products):
            for verb, sign in (("added", 1), ("subtracted", -1)):
                if self.close(missing, sign * x * where):
                    return f"a term is missing: the slope fits if {name} is {verb}"
        return ""

    def scalings(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the arrays that may scale the rows or the columns, with their names."""
        for name, x in self.arrays.items():
            if x.dtype.kind != "f" or x.size < 2 or np.ptp(x) < 1e-3:
                continue
            for shape, matrix in ((self.to, (-1, 1)), (self.shape, (1, -1))):
                try:
                    yield name, np.broadcast_to(x, shape).reshape(matrix)
                except ValueError:
                    continue
                break
