"""Hessian-vector products, conjugate gradients, and the influence of a training point."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd.functional import hessian, hvp, jacobian
from torch.nn.utils import parameters_to_vector


def flat_grad(y, params, **options):
    grads = torch.autograd.grad(y, params, **options)
    return torch.cat([g.contiguous().view(-1) for g in grads])


def conjugate_gradient(product, b, iterations):
    x, r, p = torch.zeros_like(b), b.clone(), b.clone()
    rs = r @ r
    for _ in range(iterations):
        Ap = product(p)
        alpha = rs / (p @ Ap)
        x += alpha * p
        r -= alpha * Ap
        rs_new = r @ r
        if rs_new < 1e-20:
            break
        p = r + (rs_new / rs) * p
        rs = rs_new
    return x


def main():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    x = torch.randn(30, 4)
    y = (x @ torch.tensor([1.0, -1.0, 0.5, 0.0]) > 0).double()
    model = nn.Linear(4, 1)
    params = list(model.parameters())

    def loss_fn(x, y):
        decay = 0.05 * sum(p.square().sum() for p in params)
        return F.binary_cross_entropy_with_logits(model(x).squeeze(-1), y) + decay

    def product(v):
        g = flat_grad(loss_fn(x, y), params, create_graph=True)
        return flat_grad((g * v).sum(), params)

    values = []
    for _newton in range(4):
        loss = loss_fn(x, y)
        step = conjugate_gradient(product, flat_grad(loss, params), 10)
        vector = parameters_to_vector(params).detach() - step
        nn.utils.vector_to_parameters(vector, params)
        values.append(loss.item())
    test_grad = flat_grad(loss_fn(torch.randn(5, 4), torch.ones(5)), params)
    s_test = conjugate_gradient(product, test_grad, 10)
    for i in range(5):
        values.append(-(flat_grad(loss_fn(x[i : i + 1], y[i : i + 1]), params) @ s_test).item())

    def energy(w):
        return torch.log1p(torch.exp(-(x @ w) * (2 * y - 1))).sum() + w.pow(4).sum()

    w = torch.tensor([0.1, 0.2, -0.3, 0.4])
    H = hessian(energy, w)
    out, Hv = hvp(energy, w, torch.ones(4))
    assert torch.allclose(H @ torch.ones(4), Hv)
    values += H.flatten().tolist() + [out.item()]
    return values + jacobian(lambda w: torch.softmax(w * w, 0), w).flatten().tolist()
