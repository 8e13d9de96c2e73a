"""A normalising flow of affine coupling layers with masks, and its inverse."""

import math

import torch
import torch.nn as nn


class Coupling(nn.Module):
    def __init__(self, mask):
        super().__init__()
        self.register_buffer("mask", mask)
        self.s = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(), nn.Linear(16, 2), nn.Tanh())
        self.t = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(), nn.Linear(16, 2))

    def forward(self, x):
        kept = x * self.mask
        s, t = self.s(kept) * (1 - self.mask), self.t(kept) * (1 - self.mask)
        return kept + (1 - self.mask) * (x * s.exp() + t), s.sum(dim=1)

    def inverse(self, y):
        kept = y * self.mask
        s, t = self.s(kept) * (1 - self.mask), self.t(kept) * (1 - self.mask)
        return kept + (1 - self.mask) * ((y - t) * torch.exp(-s))


class Flow(nn.Module):
    def __init__(self, layers):
        super().__init__()
        masks = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(layers // 2, 1)
        self.layers = nn.ModuleList(Coupling(mask) for mask in masks)

    def log_prob(self, x):
        logdet = x.new_zeros(x.shape[0])
        for layer in self.layers:
            x, change = layer(x)
            logdet += change
        return -0.5 * (x**2).sum(1) - math.log(2 * math.pi) + logdet

    def sample(self, n):
        z = torch.randn(n, 2)
        for layer in reversed(self.layers):
            z = layer.inverse(z)
        return z


def main():
    torch.manual_seed(0)
    angle = torch.rand(60) * math.pi
    x = torch.stack([angle.cos() * 2, angle.sin() * 2 - 1], dim=1) + 0.1 * torch.randn(60, 2)
    flow = Flow(4)
    optimizer = torch.optim.Adam(flow.parameters(), lr=5e-3)
    losses = []
    for _step in range(10):
        loss = -flow.log_prob(x).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sorted(flow.state_dict())[0] == "layers.0.mask"
    with torch.no_grad():
        losses += flow.sample(4).flatten().tolist()
    return losses
