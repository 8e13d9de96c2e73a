"""Early stopping: rates that fall on a plateau, the best weights kept by deepcopy."""

import copy

import torch
import torch.nn as nn
from torch.optim.lr_scheduler import ReduceLROnPlateau


class EarlyStopping:
    def __init__(self, patience=5, min_delta=0.0):
        self.patience, self.min_delta = patience, min_delta
        self.best_loss, self.best_state, self.counter = float("inf"), None, 0

    def __call__(self, val_loss, model):
        if val_loss < self.best_loss - self.min_delta:
            self.best_loss, self.counter = val_loss, 0
            self.best_state = copy.deepcopy(model.state_dict())
        else:
            self.counter += 1
        return self.counter >= self.patience


def main():
    torch.manual_seed(0)
    x = torch.rand(60, 3) * 2 - 1
    y = (x[:, 0] * x[:, 1] + 0.3 * torch.randn(60)).unsqueeze(1)
    x_train, x_val = x[:30], x[30:]
    y_train, y_val = y[:30], y[30:]
    model = nn.Sequential(
        nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1)
    )
    initial = copy.deepcopy(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    scheduler = ReduceLROnPlateau(optimizer, mode="min", factor=0.5, patience=2, min_lr=1e-4)
    stopping, criterion, history = EarlyStopping(patience=6), nn.MSELoss(), []
    for _epoch in range(30):
        model.train()
        optimizer.zero_grad()
        loss = criterion(model(x_train), y_train)
        loss.backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            val_loss = criterion(model(x_val), y_val).item()
        scheduler.step(val_loss)
        history += [loss.item(), val_loss, optimizer.param_groups[0]["lr"]]
        if stopping(val_loss, model):
            break
    model.load_state_dict(stopping.best_state)
    with torch.no_grad():
        history.append(criterion(model(x_val), y_val).item())
        history.append(criterion(initial(x_val), y_val).item())
    assert history[-2] == stopping.best_loss
    return history
