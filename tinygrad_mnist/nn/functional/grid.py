"""Images at places between their pixels: the parts of a spatial transformer."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_mnist.tensor import Tensor, linspace, ones, stack, where
from tinygrad_mnist.tensor.arguments import named


@named
def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """Return where affine maps take the pixels of an image: coordinates from -1 to 1.

    Follows ``torch.nn.functional.affine_grid`` for images (N, C, H, W).

    Parameters
    ----------
    theta
        Shape (N, 2, 3).
    size
        The image's (N, C, H, W).
    align_corners
        Whether -1 and 1 are the centres of the outermost pixels, instead of their edges.

    Raises
    ------
    NotImplementedError
        For volumes.

    Examples
    --------
    >>> from tinygrad_mnist import eye
    >>> affine_grid(eye(2, 3).unsqueeze(0), (1, 1, 1, 2))[0, 0]
    tensor([[-0.5000,  0.0000],
            [ 0.5000,  0.0000]])
    """
    if len(size) != 4 or tuple(theta.shape) != (size[0], 2, 3):
        raise NotImplementedError(
            f"affine_grid: for images of shape (N, C, H, W), theta has shape (N, 2, 3); got "
            f"{list(size)} and {list(theta.shape)}"
        )
    _, _, height, width = size

    def centres(n: int) -> Tensor:
        if n == 1:
            return theta.new_zeros(1)
        line = linspace(-1, 1, n, dtype=theta.dtype)
        return line if align_corners else line * (n - 1) / n

    x = centres(width).expand(height, width)
    y = centres(height).unsqueeze(1).expand(height, width)
    base = stack([x, y, ones(height, width, dtype=theta.dtype)], -1).reshape(1, -1, 3)
    return (base @ theta.mT).reshape(size[0], height, width, 2)


@named
def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Return the values of images (N, C, H, W) at places (N, P, Q, 2): a tensor (N, C, P, Q).

    A place is x and y, from -1 to 1. Between pixels the value is that of the nearest, or bilinear;
    outside of the image it is 0, or that of its border, or of its reflection. Follows
    ``torch.nn.functional.grid_sample``.

    Raises
    ------
    NotImplementedError
        For volumes, and for ``mode="bicubic"``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> image = tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> grid_sample(image, tensor([[[[0.0, 0.0]]]]))
    tensor([[[[2.5000]]]])
    """
    if input.ndim != 4 or mode not in ("bilinear", "nearest"):
        raise NotImplementedError(
            f"grid_sample: offered for images (N, C, H, W), and mode 'bilinear' or 'nearest'; got "
            f"shape {list(input.shape)} and {mode!r}"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            f"grid_sample: padding_mode is 'zeros', 'border' or 'reflection', not {padding_mode!r}"
        )
    count, channels, height, width = input.shape
    if grid.ndim != 4 or grid.shape[0] != count or grid.shape[3] != 2:
        raise RuntimeError(
            f"grid_sample: expected a grid of shape [{count}, P, Q, 2], got {list(grid.shape)}"
        )
    pixels = input.flatten(2)

    def place(coordinate: Tensor, n: int) -> Tensor:
        """Return a coordinate in pixels, moved into the image where that is asked for."""
        x = (coordinate + 1) * ((n - 1) / 2) if align_corners else ((coordinate + 1) * n - 1) / 2
        if padding_mode == "reflection":
            first = 0.0 if align_corners else -0.5
            x = _reflected(x, first, n - 1 - first)
        return x if padding_mode == "zeros" else x.clamp(0, n - 1)

    def pick(x: Tensor, y: Tensor) -> Tensor:
        """Return the values of pixels, which are 0 outside of the image."""
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        row, column = (where(inside, place, 0.0).long() for place in (y, x))  # no NaN
        number = row * width + column
        found = pixels.gather(2, number.reshape(count, 1, -1).expand(-1, channels, -1))
        return where(inside.unsqueeze(1), found.reshape(count, channels, *x.shape[1:]), 0.0)

    x, y = place(grid[..., 0], width), place(grid[..., 1], height)
    if mode == "nearest":
        return pick(x.detach().round(), y.detach().round())
    left, top = x.detach().floor(), y.detach().floor()
    total: Tensor | None = None
    for i, column in enumerate((1 - (x - left), x - left)):
        for j, row in enumerate((1 - (y - top), y - top)):
            part = pick(left + i, top + j) * (column * row).unsqueeze(1)
            total = part if total is None else total + part
    assert total is not None
    return total


def _reflected(x: Tensor, first: float, last: float) -> Tensor:
    """Reflect numbers at two points until they lie between them."""
    span = last - first
    if span == 0:
        return x * 0
    away = (x - first).abs()
    turns = (away.detach() / span).floor()
    rest = away - turns * span
    return where(turns % 2 == 0, rest + first, last - rest)
