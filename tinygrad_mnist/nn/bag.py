"""Embedded bags of words."""

from __future__ import annotations

from typing import Any, Self

from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.nn.sparse import Embedding
from tinygrad_mnist.tensor import Tensor


class EmbeddingBag(Embedding):
    """Sum, mean or maximum of embeddings, bag by bag. Follows ``torch.nn.EmbeddingBag``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> EmbeddingBag(10, 3)(tensor([1, 2, 4, 5]), tensor([0, 3])).shape
    torch.Size([2, 3])
    """

    _shown = (
        "num_embeddings embedding_dim max_norm? norm_type? scale_grad_by_freq? mode= padding_idx?"
    )

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq,
            sparse, _weight, False, device, dtype,
        )  # fmt: skip
        self.mode, self.include_last_offset = mode, include_last_offset

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> Self:
        """Make one of a table (V, H), which is not trained unless ``freeze`` is False."""
        rows, columns = embeddings.shape
        made = cls(
            rows, columns, max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings,
            include_last_offset, padding_idx,
        )  # fmt: skip
        made.weight.requires_grad_(not freeze)
        return made

    def forward(
        self,
        input: Tensor,
        offsets: Tensor | None = None,
        per_sample_weights: Tensor | None = None,
    ) -> Tensor:
        """Return a vector for each bag: (N, embedding_dim)."""
        return F.embedding_bag(
            input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq,
            self.mode, self.sparse, per_sample_weights, self.include_last_offset, self.padding_idx,
        )  # fmt: skip
