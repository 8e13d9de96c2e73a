"""Layers whose weight is a direction and a length; temporal convolutions with causal padding."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import weight_norm


class CausalConv(nn.Module):
    def __init__(self, channels, dilation):
        super().__init__()
        self.pad = 2 * dilation
        self.conv = weight_norm(nn.Conv1d(channels, channels, 3, dilation=dilation))

    def forward(self, x):
        return F.relu(x + self.conv(F.pad(x, (self.pad, 0))))


class TCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp = nn.Conv1d(1, 8, 1)
        self.blocks = nn.Sequential(CausalConv(8, 1), CausalConv(8, 2))
        self.out = weight_norm(nn.Linear(8, 1), name="weight")

    def forward(self, x):
        h = self.blocks(self.inp(x.unsqueeze(1)))
        return self.out(h.transpose(1, 2)).squeeze(-1)


def main():
    torch.manual_seed(0)
    t = torch.arange(16) * 0.4
    series = torch.sin(t + torch.rand(10, 1) * 6) + 0.05 * torch.randn(10, 16)
    model = TCN()
    print(sorted(name for name, _ in model.named_parameters()))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _step in range(8):
        prediction = model(series[:, :-1])
        loss = F.mse_loss(prediction, series[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    losses += [p.detach().norm().item() for _, p in sorted(model.named_parameters())]
    before = model.out(torch.ones(1, 8))
    nn.utils.remove_weight_norm(model.out)
    assert torch.allclose(before, model.out(torch.ones(1, 8)), atol=1e-6)
    return losses
