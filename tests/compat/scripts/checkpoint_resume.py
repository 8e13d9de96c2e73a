"""Training stopped, saved to a file and resumed gives what uninterrupted training gives."""

import os
import tempfile

import torch
import torch.nn as nn


def make():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=1e-3)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
    return model, optimizer, scheduler


def train(model, optimizer, scheduler, x, y, epochs):
    losses = []
    for _epoch in range(epochs):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return losses


def main():
    torch.manual_seed(0)
    x, y = torch.randn(32, 4), torch.randint(0, 2, (32,))
    model, optimizer, scheduler = make()
    losses = train(model, optimizer, scheduler, x, y, 5)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "checkpoint.pt")
        torch.save(
            {
                "epoch": 5,
                "model_state_dict": model.state_dict(),
                "optimizer_state_dict": optimizer.state_dict(),
                "scheduler_state_dict": scheduler.state_dict(),
                "rng_state": torch.get_rng_state(),
                "losses": losses,
            },
            path,
        )
        losses += train(model, optimizer, scheduler, x, y, 5)

        torch.manual_seed(123)
        model, optimizer, scheduler = make()
        checkpoint = torch.load(path, map_location="cpu")
    print(model.load_state_dict(checkpoint["model_state_dict"]))
    optimizer.load_state_dict(checkpoint["optimizer_state_dict"])
    scheduler.load_state_dict(checkpoint["scheduler_state_dict"])
    torch.set_rng_state(checkpoint["rng_state"])
    resumed = checkpoint["losses"] + train(model, optimizer, scheduler, x, y, 5)
    assert resumed == losses
    model.eval()
    with torch.inference_mode():
        resumed += model(x)[0].tolist()
    return resumed + scheduler.get_last_lr()
