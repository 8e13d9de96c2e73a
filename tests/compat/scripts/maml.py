"""Model-agnostic meta-learning of sine waves: gradients through the inner gradient step."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call


def task():
    amplitude, phase = torch.rand(1) * 4 + 1, torch.rand(1) * torch.pi
    x = torch.rand(20, 1) * 10 - 5
    return x, amplitude * torch.sin(x + phase)


def adapt(model, x, y, inner_lr, steps, first_order=False):
    params = dict(model.named_parameters())
    for _ in range(steps):
        loss = F.mse_loss(functional_call(model, params, (x,)), y)
        grads = torch.autograd.grad(loss, tuple(params.values()), create_graph=not first_order)
        params = {
            name: p - inner_lr * g for (name, p), g in zip(params.items(), grads, strict=True)
        }
    return params


def main():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(1, 20), nn.Tanh(), nn.Linear(20, 20), nn.Tanh(), nn.Linear(20, 1)
    )
    meta_optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for iteration in range(8):
        meta_loss = 0.0
        for _ in range(3):
            x, y = task()
            fast = adapt(model, x[:10], y[:10], 0.01, 2, first_order=iteration % 4 == 3)
            meta_loss = meta_loss + F.mse_loss(functional_call(model, fast, (x[10:],)), y[10:])
        meta_loss = meta_loss / 3
        meta_optimizer.zero_grad()
        meta_loss.backward()
        meta_optimizer.step()
        losses.append(meta_loss.item())
    losses.append(sum(p.detach().norm().item() for p in model.parameters()))
    return losses
