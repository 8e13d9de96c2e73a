"""A tensor as a notebook shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinygrad_mnist._runtime import html

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor

SMALL = 36
"""How many numbers are shown as text."""
LARGEST = 128
"""How many rows and columns of a matrix are shown as a picture, at most."""


def shown(x: Tensor) -> str:
    """Return a tensor as HTML: its text, or its shape, a summary and a picture of a matrix."""
    array = x.detach()._array
    if array.size <= SMALL:
        return html.block(f"<pre>{html.escape(repr(x))}</pre>")
    node = x.grad_fn
    facts = [str(x.dtype).rpartition(".")[2], f"{array.nbytes:,} bytes"]
    if node is not None:
        facts.append(f"computed by {node.op.name}")
    elif x.requires_grad:
        facts.append("collects a gradient")
    head = f"<b>{type(x).__name__} {html.lengths(array.shape)}</b>"
    first = ", ".join(f"{n:.4g}" for n in array.reshape(-1)[:6].tolist())
    parts = [
        f'<div>{head} <span class="soft">{html.escape(" · ".join(facts))}</span></div>',
        f"<div>{_summary(array)}</div>",
        f'<div class="soft">begins with {html.escape(first)}</div>',
    ]
    if array.ndim == 2:
        parts.append(html.picture(array[:LARGEST, :LARGEST]))
        if max(array.shape) > LARGEST:
            parts.append(f'<div class="soft">its first {LARGEST} rows and columns</div>')
    return html.block(*parts)


def _summary(array: np.ndarray) -> str:
    if array.dtype.kind == "b":
        return f"{int(array.sum()):,} of {array.size:,} are True"
    numbers = array.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    lost = array.size - finite.size
    text = f"{lost:,} of {array.size:,} are not finite" if lost else ""
    if finite.size:
        with np.errstate(all="ignore"):
            mean, deviation = finite.mean(), finite.std()
        text = (
            f"mean {mean:.4g}, std {deviation:.4g}, "
            f"from {finite.min():.4g} to {finite.max():.4g}{text and '; '}{text}"
        )
    return text
