"""Changes of a rule that change nothing, or nothing that differences can see, and why."""

from __future__ import annotations

_CHOSEN = "the output is the larger (or smaller) of both, so both comparisons say the same"
_LOST = "where only the output is equal to the other one, the gradient is lost already"
_CLAMPED = "the output is the value brought between the bounds: both comparisons say the same"
_SPEED = "it chooses how the work is cut or which way is taken; all give the same numbers"
_OWN_SHAPE = "this input always has the output's shape, so it is never broadcast"
_SWEEP = "it matters for an infinite gradient or slope alone, which is compared with PyTorch's"

EQUIVALENT: dict[tuple[str, str, str], str] = {
    ("maximum", "x", "x < y -> x < out"): _CHOSEN,
    ("maximum", "x", "x == y -> out == y"): _LOST,
    ("maximum", "y", "y < x -> y < out"): _CHOSEN,
    ("maximum", "y", "x == y -> x == out"): _LOST,
    ("minimum", "x", "x > y -> x > out"): _CHOSEN,
    ("minimum", "x", "x == y -> out == y"): _LOST,
    ("minimum", "y", "y > x -> y > out"): _CHOSEN,
    ("minimum", "y", "x == y -> x == out"): _LOST,
    ("hardswish", "x", "x < 3 -> out < 3"): "above -3 the output is below 3 where the input is",
    ("setitem", "x", "result[0]"): _OWN_SHAPE,
    ("setitem", "value", "len(shape) - len(picked.shape) -> len(shape)"): (
        "further dimensions of length 1 in front are summed where broadcasting is undone"
    ),
    ("standardize", "x", "result[0]"): _OWN_SHAPE,
    **{
        ("standardize", "x", f"_spread(-along, normal) -> _spread(-along, {x})"): _SPEED
        for x in ("out", "scale", "x")
    },
    ("svd", "x", "0 * s[..., None, :] -> 0"): "the product with 0 is there for its dtype",
    ("between", "x", "x >= low -> x >= out"): _CLAMPED,
    ("between", "x", "x <= high -> x <= out"): _CLAMPED,
    ("between", "low", "x < low -> x < out"): _CLAMPED,
    ("between", "low", "low < high -> out < high"): _CLAMPED,
    ("between", "high", "x > high -> x > out"): _CLAMPED,
    ("between", "high", "low > high -> low > out"): _CLAMPED,
    ("logit", "x", "np.where(outside, 0.5, x + 0.0) -> np.where(outside, 1.5, x + 0.0)"): (
        "the number keeps the division from failing where its result isn't used"
    ),
    ("logit", "x", "x + 0.0 -> x"): _SWEEP,
    ("xlogy", "x", "x == 0 -> out == 0"): (
        "where y isn't positive, the output is 0 only where x is"
    ),
    ("power_norm", "x", "g * 0 -> g"): _SWEEP,
    ("power_norm", "x", "g * 0 -> 0"): _SWEEP,
    ("max_pool", "x", "8 * x.size -> 8"): _SPEED,
    ("max_pool", "x", "8 * x.size -> x.size"): _SPEED,
    ("max_pool", "x", "out.size * prod(kernel) -> out.size"): _SPEED,
    ("max_pool", "x", "out.size * prod(kernel) -> prod(kernel)"): _SPEED,
    ("max_pool", "x", "in_blocks(part, x) -> in_blocks(part, out)"): _SPEED,
    ("max_pool", "x", "k - 1 -> k"): _SPEED,
    ("cumprod", "x", "x != 0 -> out != 0"): _SPEED,
    ("cumprod", "x", "cut(x, 0, 1) -> cut(out, 0, 1)"): "of these only the shape is used",
}
"""By operation, input and change: the reason why the mutant passes."""
