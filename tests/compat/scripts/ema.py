"""An exponential moving average of the weights, and updates in place under no_grad."""

import copy

import torch
import torch.nn as nn


class EMA:
    def __init__(self, model, decay):
        self.model = copy.deepcopy(model).eval()
        self.decay = decay
        for p in self.model.parameters():
            p.requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        for ema_p, p in zip(self.model.parameters(), model.parameters(), strict=True):
            ema_p.mul_(self.decay).add_(p, alpha=1 - self.decay)
        for ema_b, b in zip(self.model.buffers(), model.buffers(), strict=True):
            ema_b.copy_(b)


def main():
    torch.manual_seed(0)
    x = torch.randn(40, 4)
    y = x.cumsum(1)[:, 1::2]
    model = nn.Sequential(
        nn.Linear(4, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2)
    )
    ema = EMA(model, decay=0.9)
    velocity = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    squares = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    history = []
    for step in range(12):
        loss = nn.functional.l1_loss(model(x), y)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for name, p in model.named_parameters():
                velocity[name].lerp_(p.grad, 0.1)
                squares[name].mul_(0.99).addcmul_(p.grad, p.grad, value=0.01)
                rate = 0.01 / (1 - 0.9 ** (step + 1))
                scale = squares[name].div(1 - 0.99 ** (step + 1)).sqrt_().add_(1e-8)
                p.addcdiv_(velocity[name], scale, value=-rate)
            model[3].weight.clamp_(-0.4, 0.4)
            norm = model[0].weight.norm(dim=1, keepdim=True)
            model[0].weight.copy_(
                torch.where(norm > 0.9, model[0].weight * 0.9 / norm, model[0].weight)
            )
        ema.update(model)
        with torch.no_grad():
            history += [loss.item(), nn.functional.l1_loss(ema.model(x), y).item()]
    return history
