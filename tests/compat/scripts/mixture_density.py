"""A mixture density network for an ambiguous curve, trained by logsumexp of log likelihoods."""

import math

import torch
import torch.nn as nn


class MDN(nn.Module):
    def __init__(self, n_hidden, n_gaussians):
        super().__init__()
        self.z_h = nn.Sequential(nn.Linear(1, n_hidden), nn.Tanh())
        self.z_pi = nn.Linear(n_hidden, n_gaussians)
        self.z_mu = nn.Linear(n_hidden, n_gaussians)
        self.z_sigma = nn.Linear(n_hidden, n_gaussians)

    def forward(self, x):
        z_h = self.z_h(x)
        log_pi = nn.functional.log_softmax(self.z_pi(z_h), -1)
        sigma = torch.exp(self.z_sigma(z_h)).clamp(min=1e-3)
        return log_pi, sigma, self.z_mu(z_h)


def mdn_loss(log_pi, sigma, mu, target):
    z = (target.expand_as(mu) - mu) / sigma
    log_prob = -0.5 * z.square() - torch.log(sigma) - 0.5 * math.log(2 * math.pi)
    return -torch.logsumexp(log_pi + log_prob, dim=1).mean()


def main():
    torch.manual_seed(4)
    y = torch.linspace(-10, 10, 80).unsqueeze(1)
    x = 7 * torch.sin(0.75 * y) + 0.5 * y + torch.randn(80, 1)
    model = MDN(20, 5)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _epoch in range(15):
        loss = mdn_loss(*model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        log_pi, sigma, mu = model(torch.linspace(-8, 8, 10).unsqueeze(-1))
        k = torch.multinomial(log_pi.exp(), 1).view(-1)
        index = torch.arange(10)
        sample = torch.normal(mu[index, k], sigma[index, k])
    return losses + sample.tolist()
