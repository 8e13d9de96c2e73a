"""A learning-rate finder: the rate grows, the smoothed loss is watched, the model is restored."""

import copy
import math

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


class LRFinder:
    def __init__(self, model, optimizer, criterion):
        self.model, self.optimizer, self.criterion = model, optimizer, criterion
        self.model_state = copy.deepcopy(model.state_dict())
        self.optimizer_state = copy.deepcopy(optimizer.state_dict())
        self.history = {"lr": [], "loss": []}

    def range_test(self, loader, end_lr, num_iter, smooth=0.2):
        start_lr = self.optimizer.param_groups[0]["lr"]
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda i: (end_lr / start_lr) ** (i / num_iter)
        )
        best, iterator = math.inf, iter(loader)
        for i in range(num_iter):
            try:
                x, y = next(iterator)
            except StopIteration:
                iterator = iter(loader)
                x, y = next(iterator)
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(x), y)
            loss.backward()
            self.optimizer.step()
            self.history["lr"].append(scheduler.get_last_lr()[0])
            scheduler.step()
            value = loss.item()
            if i > 0:
                value = smooth * value + (1 - smooth) * self.history["loss"][-1]
            self.history["loss"].append(value)
            best = min(best, value)
            if value > 5 * best:
                break

    def reset(self):
        self.model.load_state_dict(self.model_state)
        self.optimizer.load_state_dict(self.optimizer_state)


def main():
    torch.manual_seed(0)
    x = torch.randn(48, 6)
    y = x.sum(dim=1, keepdim=True) ** 2 / 6
    model = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.5)
    before = model[0].weight.detach().clone()
    finder = LRFinder(model, optimizer, nn.MSELoss())
    loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
    finder.range_test(loader, end_lr=1.0, num_iter=25)
    finder.reset()
    assert torch.equal(model[0].weight, before)
    assert optimizer.param_groups[0]["lr"] == 1e-4
    return finder.history["loss"] + finder.history["lr"]
