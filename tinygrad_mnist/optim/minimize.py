"""minimize: SciPy's optimizers applied to parameters, with gradients from autograd."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist._runtime.lazy_imports import late
from tinygrad_mnist.autograd import enable_grad, grad
from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.tensor import Tensor

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

_WITHOUT_GRADIENT = {"nelder-mead", "powell", "cobyla", "cobyqa"}
_WITH_CURVATURE = {"newton-cg", "trust-ncg", "trust-krylov", "trust-constr"}
_WITH_HESSIAN = {"dogleg", "trust-exact"}


def minimize(
    closure: Callable[[], Tensor],
    params: Tensor | Iterable[Tensor],
    method: str | None = None,
    *,
    callback: Callable[..., Any] | None = None,
    **settings: Any,
) -> OptimizeResult:
    r"""Minimize a loss over parameters, by ``scipy.optimize.minimize``.

    .. math:: \min_\theta f(\theta), \quad \theta = (p_1, p_2, \dots) \text{ as one vector}

    SciPy sees one vector of float64, whatever the parameters' dtypes; they hold the vector that is
    evaluated, and in the end the result. Gradients come from autograd, as do the Hessian (dogleg,
    trust-exact) and its products with vectors (Newton-CG, trust-ncg, trust-krylov, trust-constr).
    Most methods take rounding for a slope, so float64 parameters and data are worth their memory.

    Parameters
    ----------
    closure
        A function without arguments that returns the loss, a tensor of one element. It need not
        call ``backward()``, and ``.grad`` is left alone.
    params
        A tensor, or several, such as ``model.parameters()``.
    method
        A method of SciPy's, such as ``"L-BFGS-B"``, ``"BFGS"``, ``"CG"``, ``"TNC"``,
        ``"Newton-CG"`` or ``"Nelder-Mead"``; it chooses one itself if there is none.
    callback
        Called after each iteration, as SciPy does, with the parameters at the present point.
    settings
        ``bounds``, ``constraints``, ``tol`` and ``options``, as for SciPy; bounds are in the order
        of ``nn.utils.parameters_to_vector``.

    Returns
    -------
    scipy.optimize.OptimizeResult
        SciPy's result, with the vector ``x``, the loss ``fun``, ``success`` and ``message``.

    Raises
    ------
    ValueError
        When there are no parameters, one is listed twice, or one doesn't require grad.
    RuntimeError
        When the loss has more than one element. After any error the parameters are as before.

    Examples
    --------
    >>> from tinygrad_mnist import float64, tensor
    >>> from tinygrad_mnist.optim import minimize
    >>> w = tensor([3.0, -2.0], dtype=float64, requires_grad=True)
    >>> found = minimize(lambda: (w[0] - 1) ** 2 + (w[1] - w[0] ** 2) ** 2, w, method="BFGS")
    >>> bool(found.success), [round(x, 3) for x in w.tolist()]
    (True, [1.0, 1.0])
    """
    function = _Function(closure, params)
    name = (method or "").lower()
    if name not in _WITHOUT_GRADIENT:
        settings["jac"] = True
    if name in _WITH_CURVATURE:
        settings["hessp"] = function.hessian_product
    if name in _WITH_HESSIAN:
        settings["hess"] = function.hessian
    if callback is not None:
        callback = function.at_iterate(callback)
    start = [p._array.copy() for p in function.params]
    call = function.value_and_gradient if "jac" in settings else function.value
    try:
        found = late("scipy.optimize").minimize(
            call, function.vector(start), method=method, callback=callback, **settings
        )
        function.write(found.x)
    except BaseException:
        for p, array in zip(function.params, start, strict=True):
            p._array[...] = array
        raise
    return found


class _Function:
    """A loss as a function of all its parameters in one vector of float64."""

    def __init__(self, closure: Callable[[], Tensor], params: Tensor | Iterable[Tensor]) -> None:
        self.closure = closure
        self.recorded: tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]] | None = None
        self.params: list[Tensor] = [params] if isinstance(params, Tensor) else list(params)
        if not self.params:
            raise ValueError("minimize: got an empty parameter list")
        if len(set(self.params)) < len(self.params):
            raise ValueError("minimize: a parameter is listed more than once")
        for i, p in enumerate(self.params):
            if not (isinstance(p, Tensor) and p.is_leaf and p.requires_grad):
                raise ValueError(
                    f"minimize: parameter {i} is not a leaf tensor that requires grad; leave it "
                    f"out, or call requires_grad_() on it"
                )

    def vector(self, arrays: list[np.ndarray]) -> np.ndarray:
        """Join arrays of the parameters' shapes."""
        return np.concatenate([a.reshape(-1).astype(np.float64) for a in arrays])

    def pieces(self, x: np.ndarray) -> list[Tensor]:
        """Cut a vector into tensors of the parameters' shapes and dtypes."""
        ends = np.cumsum([p.numel() for p in self.params])[:-1]
        return [
            wrap(piece.reshape(p._array.shape).astype(p._array.dtype))
            for p, piece in zip(self.params, np.split(x, ends), strict=True)
        ]

    def write(self, x: np.ndarray) -> None:
        """Write a vector into the parameters."""
        self.recorded = None
        for p, piece in zip(self.params, self.pieces(x), strict=True):
            p._array[...] = piece._array
            p._version.bump("minimize")

    def loss(self, x: np.ndarray) -> Tensor:
        """Evaluate the closure at a vector."""
        self.write(x)
        with enable_grad():
            loss = self.closure()
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            raise RuntimeError("minimize: the closure must return the loss, a tensor of 1 element")
        return loss

    def value(self, x: np.ndarray) -> float:
        """Return the loss at a vector."""
        return float(self.loss(x).item())

    def value_and_gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the loss at a vector, and its gradient."""
        loss = self.loss(x)
        slopes = grad(loss, self.params, materialize_grads=True)
        return float(loss.item()), self.vector([g._array for g in slopes])

    def curvature(self, x: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Return the function that multiplies the Hessian at a vector with another vector."""
        slopes = grad(self.loss(x), self.params, create_graph=True, materialize_grads=True)
        bent = [g.requires_grad for g in slopes]

        def product(v: np.ndarray) -> np.ndarray:
            if not any(bent):
                return np.zeros_like(v)
            outputs = [g for g, it_is in zip(slopes, bent, strict=True) if it_is]
            along = [g for g, it_is in zip(self.pieces(v), bent, strict=True) if it_is]
            found = grad(outputs, self.params, along, retain_graph=True, materialize_grads=True)
            return self.vector([g._array for g in found])

        return product

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """Return the Hessian at a vector."""
        return np.array([*map(self.curvature(x), np.eye(x.size))])

    def hessian_product(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Return the product of the Hessian at x with v; the graph at the last x is kept."""
        if self.recorded is None or not np.array_equal(self.recorded[0], x):
            product = self.curvature(x)
            self.recorded = x.copy(), product
        return self.recorded[1](v)

    def at_iterate(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        """Write SciPy's present point into the parameters before it calls back."""

        @functools.wraps(callback)
        def call(*args: Any, **kwargs: Any) -> Any:
            self.write(args[0] if args else kwargs["intermediate_result"].x)
            return callback(*args, **kwargs)

        return call
