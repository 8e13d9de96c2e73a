"""Gradients accumulated over micro-batches equal those of the whole batch, then are clipped."""

import torch
import torch.nn as nn
from torch.nn.utils import clip_grad_norm_


def make_model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 20), nn.SiLU(), nn.LayerNorm(20), nn.Linear(20, 3))


def main():
    torch.manual_seed(1)
    x, y = torch.randn(32, 6), torch.randint(0, 3, (32,))
    criterion = nn.CrossEntropyLoss()

    whole = make_model()
    criterion(whole(x), y).backward()
    parts = make_model()
    for xb, yb in zip(x.chunk(4), y.chunk(4), strict=True):
        (criterion(parts(xb), yb) / 4).backward()
    for p, q in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.allclose(p.grad, q.grad, atol=1e-6)

    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    accumulation_steps, values = 4, []
    for _epoch in range(4):
        optimizer.zero_grad()
        for i, (xb, yb) in enumerate(zip(x.split(4), y.split(4), strict=True)):
            loss = criterion(model(xb), yb) / accumulation_steps
            loss.backward()
            values.append(loss.item() * accumulation_steps)
            if (i + 1) % accumulation_steps == 0:
                norm = clip_grad_norm_(model.parameters(), max_norm=0.3)
                values.append(float(norm))
                optimizer.step()
                optimizer.zero_grad()
    return values
