"""A neural ordinary differential equation: a spiral learned through Euler and Runge-Kutta steps."""

import torch
import torch.nn as nn


class ODEFunc(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 20), nn.Tanh(), nn.Linear(20, 2))
        for m in self.net.modules():
            if isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, mean=0, std=0.1)
                nn.init.constant_(m.bias, val=0)

    def forward(self, t, y):
        return self.net(y**3)


def odeint(func, y0, t, method):
    ys = [y0]
    for t0, t1 in zip(t[:-1], t[1:], strict=True):
        h, y = t1 - t0, ys[-1]
        if method == "euler":
            ys.append(y + h * func(t0, y))
            continue
        k1 = func(t0, y)
        k2 = func(t0 + h / 2, y + h * k1 / 2)
        k3 = func(t0 + h / 2, y + h * k2 / 2)
        k4 = func(t1, y + h * k3)
        ys.append(y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    return torch.stack(ys)


def main():
    torch.manual_seed(0)
    true_A = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]])
    t = torch.linspace(0.0, 1.5, 12)
    with torch.no_grad():
        start = torch.tensor([[2.0, 0.0]])
        true_y = odeint(lambda t, y: torch.mm(y**3, true_A) / 4, start, t, "rk4")
    func = ODEFunc()
    optimizer = torch.optim.RMSprop(func.parameters(), lr=1e-3)
    losses = []
    for step in range(10):
        optimizer.zero_grad()
        pred_y = odeint(func, start, t, "euler" if step % 2 else "rk4")
        loss = torch.mean(torch.abs(pred_y - true_y))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
