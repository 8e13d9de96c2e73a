"""A physics-informed network: the heat equation by derivatives of the network's output."""

import torch
import torch.nn as nn


class PINN(nn.Module):
    def __init__(self):
        super().__init__()
        layers = [2, 16, 16, 1]
        self.linears = nn.ModuleList(
            [nn.Linear(a, b) for a, b in zip(layers[:-1], layers[1:], strict=True)]
        )
        for linear in self.linears:
            nn.init.xavier_normal_(linear.weight, gain=nn.init.calculate_gain("tanh"))
            nn.init.zeros_(linear.bias)

    def forward(self, x, t):
        a = torch.cat([x, t], dim=1)
        for linear in self.linears[:-1]:
            a = torch.tanh(linear(a))
        return self.linears[-1](a)


def derivative(y, x):
    return torch.autograd.grad(y, x, torch.ones_like(y), create_graph=True)[0]


def main():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    model = PINN()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    x = torch.rand(40, 1, requires_grad=True)
    t = torch.rand(40, 1, requires_grad=True)
    x0 = torch.linspace(0, 1, 20).view(-1, 1)
    u0 = torch.sin(torch.pi * x0)
    edge = torch.cat([torch.zeros(10, 1), torch.ones(10, 1)])
    t_edge = torch.rand(20, 1)
    losses = []
    for _epoch in range(12):
        optimizer.zero_grad()
        u = model(x, t)
        u_x, u_t = derivative(u, x), derivative(u, t)
        u_xx = derivative(u_x, x)
        residual = (u_t - 0.1 * u_xx).pow(2).mean()
        initial = nn.functional.mse_loss(model(x0, torch.zeros_like(x0)), u0)
        boundary = model(edge, t_edge).pow(2).mean()
        loss = residual + initial + boundary
        loss.backward()
        optimizer.step()
        losses += [loss.item(), residual.item()]
    return losses
