"""The normal distribution of vectors."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_mnist import linalg
from tinygrad_mnist.distributions.distribution import HALF_LOG_2PI, Distribution, once
from tinygrad_mnist.tensor import Tensor, eye


class MultivariateNormal(Distribution):
    r"""Normal distribution of vectors, given one of three matrices.

    .. math:: \log p(x) = -\tfrac{1}{2} |L^{-1}(x - \mu)|^2 - \log \det L - \tfrac{n}{2} \log 2 \pi

    Follows ``torch.distributions.MultivariateNormal``.

    Parameters
    ----------
    loc
        Shape (*, n): the mean.
    covariance_matrix, precision_matrix, scale_tril
        Shape (*, n, n): the covariance, its inverse, or its lower Cholesky factor L.
    validate_args
        Whether values out of range are refused; they are unless it is False.

    Examples
    --------
    >>> from tinygrad_mnist import eye, zeros
    >>> from tinygrad_mnist.distributions import MultivariateNormal
    >>> MultivariateNormal(zeros(2), eye(2)).log_prob(zeros(2))
    tensor(-1.8379)
    """

    parameters = ("loc", "covariance_matrix", "precision_matrix", "scale_tril")
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.ndim < 1:
            raise ValueError("loc must have at least one dimension")
        given = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        matrices = [(name, matrix) for name, matrix in given.items() if matrix is not None]
        if len(matrices) != 1:
            raise ValueError(
                "give exactly one of covariance_matrix, precision_matrix and scale_tril"
            )
        name, matrix = matrices[0]
        n = loc.shape[-1]
        if matrix.ndim < 2 or matrix.shape[-2:] != (n, n):
            raise ValueError(
                f"{name} has shape {list(matrix.shape)}; for vectors of {n} "
                f"elements it must end in [{n}, {n}]"
            )
        batch = (matrix[..., 0] + loc).shape[:-1]
        super().__init__(batch, (n,), validate_args)
        self.loc = loc.expand((*batch, n))
        self.__dict__[name] = matrix.expand((*batch, n, n))
        if name == "scale_tril":
            self._factor = matrix
        elif name == "covariance_matrix":
            self._factor = linalg.cholesky(matrix)
        else:
            # With P reversed, and R its factor, the reversed transpose of R is upper triangular.
            reversed_ = linalg.cholesky(matrix.flip((-2, -1))).flip((-2, -1)).mT
            one = eye(n, dtype=matrix.dtype)
            self._factor = linalg.solve_triangular(reversed_, one, upper=False)

    @once
    def scale_tril(self) -> Tensor:
        """Return the lower Cholesky factor of the covariance."""
        return self._factor.expand((*self.batch_shape, *self._factor.shape[-2:]))

    @once
    def covariance_matrix(self) -> Tensor:
        """Return the covariance."""
        return self.scale_tril @ self.scale_tril.mT

    @once
    def precision_matrix(self) -> Tensor:
        """Return the inverse of the covariance."""
        return linalg.inv(self.covariance_matrix)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The variance of each element."""
        return self.scale_tril.square().sum(-1)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw ``loc + L @ noise``."""
        noise = self.loc.new_empty(self._shape(sample_shape)).normal_()
        return self.loc + (self._factor @ noise.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        distance = (value - self.loc).unsqueeze(-1)
        scaled = linalg.solve_triangular(self._factor, distance, upper=False)
        norms = scaled.squeeze(-1).square().sum(-1)
        return -0.5 * norms - self._half_log_det() - self.event_shape[0] * HALF_LOG_2PI

    def entropy(self) -> Tensor:
        constant = self.event_shape[0] * (0.5 + HALF_LOG_2PI)
        return (constant + self._half_log_det()).expand(self.batch_shape)

    def _half_log_det(self) -> Tensor:
        return self._factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
