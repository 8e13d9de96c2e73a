"""Training under one-cycle, warm restarts, a chain of warm-up and decay, and cyclic rates."""

import torch
import torch.nn as nn
from torch.optim import lr_scheduler


def main():
    settings = [
        lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.1, total_steps=12, pct_start=0.3),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=4, T_mult=2, eta_min=1e-3),
        lambda o: lr_scheduler.SequentialLR(
            o,
            [
                lr_scheduler.LinearLR(o, start_factor=0.1, total_iters=4),
                lr_scheduler.CosineAnnealingLR(o, T_max=8),
            ],
            milestones=[4],
        ),
        lambda o: lr_scheduler.CyclicLR(o, base_lr=0.01, max_lr=0.05, step_size_up=3),
        lambda o: lr_scheduler.MultiStepLR(o, milestones=[3, 9], gamma=0.3),
        lambda o: lr_scheduler.PolynomialLR(o, total_iters=10, power=2.0),
    ]
    history = []
    for make in settings:
        torch.manual_seed(0)
        x, y = torch.randn(24, 4), torch.randn(24, 1)
        model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
        scheduler = make(optimizer)
        for _step in range(12):
            optimizer.zero_grad()
            loss = nn.functional.smooth_l1_loss(model(x), y)
            loss.backward()
            optimizer.step()
            history += [loss.item(), optimizer.param_groups[0]["lr"]]
            if _step < 11:
                scheduler.step()
    return history
