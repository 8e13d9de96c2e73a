"""Differentially private training: per-sample gradients by vmap of grad, clipped, with noise."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call, grad, jacrev, vmap


def main():
    torch.manual_seed(0)
    x, y = torch.randn(20, 5), torch.randint(0, 3, (20,))
    model = nn.Sequential(nn.Linear(5, 12), nn.Tanh(), nn.Linear(12, 3))
    params = {k: v.detach() for k, v in model.named_parameters()}

    def compute_loss(params, sample, target):
        predictions = functional_call(model, params, (sample.unsqueeze(0),))
        return F.cross_entropy(predictions, target.unsqueeze(0))

    per_sample = vmap(grad(compute_loss), in_dims=(None, 0, 0))
    losses = []
    for step in range(6):
        grads = per_sample(params, x, y)
        if step == 0:
            for i in (0, 7):
                alone = grad(compute_loss)(params, x[i], y[i])
                for name in alone:
                    assert torch.allclose(grads[name][i], alone[name], atol=1e-6)
        squares = torch.stack([g.flatten(1).pow(2).sum(1) for g in grads.values()])
        norms = squares.sum(0).sqrt()
        factor = (0.5 / (norms + 1e-6)).clamp(max=1.0)
        for name, g in grads.items():
            clipped = torch.einsum("b,b...->...", factor, g) / len(x)
            params[name] = params[name] - 0.5 * (clipped + 0.01 * torch.randn_like(clipped))
        losses.append(vmap(compute_loss, in_dims=(None, 0, 0))(params, x, y).mean().item())
        losses.append(norms.max().item())

    J = jacrev(lambda s: functional_call(model, params, (s,)))(x[0])
    per_row = vmap(torch.dot)(x[:4], x[4:8])
    return losses + J.flatten().tolist() + per_row.tolist()
