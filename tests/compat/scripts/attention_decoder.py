"""A decoder block of today: RMS norm, rotary positions, gated units, fused attention, a mask."""

import torch
import torch.nn as nn
import torch.nn.functional as F


def rotate(x, cos, sin):
    x1, x2 = x.chunk(2, dim=-1)
    return torch.cat((x1 * cos - x2 * sin, x2 * cos + x1 * sin), dim=-1)


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.RMSNorm(dim, eps=1e-6), nn.RMSNorm(dim, eps=1e-6)
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim, bias=False)
        self.w1, self.w3 = nn.Linear(dim, 2 * dim, bias=False), nn.Linear(dim, 2 * dim, bias=False)
        self.w2 = nn.Linear(2 * dim, dim, bias=False)

    def forward(self, x, cos, sin):
        B, T, C = x.shape
        qkv = self.qkv(self.norm1(x)).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(B, T, C))
        h = self.norm2(x)
        return x + self.w2(F.silu(self.w1(h)) * self.w3(h))


def main():
    torch.manual_seed(0)
    vocab, dim, heads, T = 12, 16, 2, 8
    embed = nn.Embedding(vocab, dim)
    blocks = nn.ModuleList([Block(dim, heads) for _ in range(2)])
    cross = nn.MultiheadAttention(dim, heads, batch_first=True)
    head = nn.Linear(dim, vocab)
    frequency = 1.0 / 100 ** (torch.arange(0, dim // heads, 2).float() / (dim // heads))
    angles = torch.outer(torch.arange(T).float(), frequency)
    cos, sin = angles.cos(), angles.sin()
    modules = nn.ModuleDict({"e": embed, "b": blocks, "c": cross, "h": head})
    optimizer = torch.optim.AdamW(modules.parameters(), lr=3e-3, betas=(0.9, 0.95))
    data = (torch.arange(T + 1) * torch.randint(1, 5, (10, 1))) % vocab
    memory = torch.randn(10, 3, dim)
    causal = torch.triu(torch.ones(T, 3, dtype=torch.bool), diagonal=2)
    losses = []
    for _step in range(8):
        x = embed(data[:, :-1])
        for block in blocks:
            x = block(x, cos, sin)
        context, weights = cross(x, memory, memory, attn_mask=causal)
        logits = head(x + context)
        loss = F.cross_entropy(logits.transpose(1, 2), data[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses += [loss.item(), weights[:, -1].max().item()]
    return losses
