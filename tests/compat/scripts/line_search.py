"""Gradient descent with backtracking on the parameters as one vector, then RAdam on Rosenbrock."""

import torch
import torch.nn as nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters


def main():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    x = torch.linspace(-2, 2, 40).unsqueeze(1)
    y = x.sin() * x
    model = nn.Sequential(nn.Linear(1, 10), nn.Tanh(), nn.Linear(10, 1))

    def loss_at(vector):
        vector_to_parameters(vector, model.parameters())
        return nn.functional.mse_loss(model(x), y)

    history = []
    theta = parameters_to_vector(model.parameters()).detach()
    for _iteration in range(15):
        model.zero_grad()
        loss = loss_at(theta)
        loss.backward()
        gradient = parameters_to_vector([p.grad for p in model.parameters()])
        slope, t = gradient.dot(gradient), 1.0
        with torch.no_grad():
            while loss_at(theta - t * gradient) > loss - 0.3 * t * slope:
                t *= 0.5
            theta = theta - t * gradient
        history += [loss.item(), t]

    point = torch.tensor([-1.2, 1.0], requires_grad=True)
    optimizer = torch.optim.RAdam([point], lr=5e-4)
    for _iteration in range(20):
        a, b = point
        value = (1 - a) ** 2 + 100 * (b - a**2) ** 2
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        history.append(value.item())
    return history
