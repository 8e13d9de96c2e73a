"""Gaussian process regression: the marginal likelihood through a Cholesky factor."""

import math

import torch


def kernel(a, b, log_scale, log_variance):
    distance = (a.unsqueeze(1) - b.unsqueeze(0)).pow(2)
    return log_variance.exp() * torch.exp(-0.5 * distance / log_scale.exp() ** 2)


def main():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    x = torch.linspace(0, 5, 20)
    y = torch.sin(2 * x) + 0.1 * torch.randn(20)
    x_new = torch.linspace(-1, 6, 8)
    log_scale, log_variance, log_noise = (
        torch.tensor(v, requires_grad=True) for v in (0.0, 0.0, -1.0)
    )
    optimizer = torch.optim.Adam([log_scale, log_variance, log_noise], lr=0.1)
    losses = []
    for step in range(15):
        K = kernel(x, x, log_scale, log_variance) + log_noise.exp() * torch.eye(20)
        if step % 3 == 2:
            _sign, logdet = torch.linalg.slogdet(K)
            fit = y @ torch.linalg.solve(K, y)
        else:
            L = torch.linalg.cholesky(K)
            alpha = torch.cholesky_solve(y.unsqueeze(1), L).squeeze(1)
            fit, logdet = y.dot(alpha), 2 * L.diagonal().log().sum()
        loss = 0.5 * (fit + logdet + len(x) * math.log(2 * math.pi))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        K = kernel(x, x, log_scale, log_variance) + log_noise.exp() * torch.eye(20)
        Ks = kernel(x, x_new, log_scale, log_variance)
        mean = Ks.T @ torch.linalg.inv(K) @ y
        L = torch.linalg.cholesky(K)
        v = torch.linalg.solve_triangular(L, Ks, upper=False)
        variance = log_variance.exp() - (v * v).sum(0)
    return losses + mean.tolist() + variance.tolist()
