"""A damped wave fitted by LBFGS, plainly and with a line search."""

import torch
import torch.nn as nn


class Wave(nn.Module):
    def __init__(self):
        super().__init__()
        self.amplitude = nn.Parameter(torch.tensor(1.0))
        self.decay = nn.Parameter(torch.tensor(0.1))
        self.frequency = nn.Parameter(torch.tensor(2.2))
        self.phase = nn.Parameter(torch.zeros(1))

    def forward(self, t):
        wave = torch.cos(self.frequency * t + self.phase)
        return self.amplitude * torch.exp(-self.decay * t) * wave


def main():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    t = torch.linspace(0, 4, 60)
    y = 1.7 * torch.exp(-0.3 * t) * torch.cos(2.5 * t + 0.4) + 0.02 * torch.randn(60)
    losses = []
    for options in (
        {"lr": 0.1},
        {"lr": 1.0, "max_iter": 5, "history_size": 4, "line_search_fn": "strong_wolfe"},
    ):
        model = Wave()
        optimizer = torch.optim.LBFGS(model.parameters(), **options)

        def closure(model=model, optimizer=optimizer):
            optimizer.zero_grad()
            loss = ((model(t) - y) ** 2).mean()
            if loss.requires_grad:
                loss.backward()
            return loss

        for _step in range(4):
            losses.append(optimizer.step(closure).item())
        with torch.no_grad():
            losses.append(closure().item())
    return losses
