"""Functions with hand-written derivatives: Legendre polynomial, straight-through, two outputs."""

import math

import torch
from torch.autograd import Function, gradcheck


class LegendrePolynomial3(Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return 0.5 * (5 * input**3 - 3 * input)

    @staticmethod
    def backward(ctx, grad_output):
        (input,) = ctx.saved_tensors
        return grad_output * 1.5 * (5 * input**2 - 1)


class Binarize(Function):
    @staticmethod
    def forward(ctx, input, clip=1.0):
        ctx.save_for_backward(input)
        ctx.clip = clip
        return input.sign()

    @staticmethod
    def backward(ctx, grad_output):
        (input,) = ctx.saved_tensors
        grad_input = grad_output.clone()
        grad_input[input.abs() > ctx.clip] = 0
        return grad_input, None


class PolarToCartesian(Function):
    @staticmethod
    def forward(ctx, r, angle):
        x, y = r * torch.cos(angle), r * torch.sin(angle)
        ctx.save_for_backward(r, angle)
        return x, y

    @staticmethod
    def backward(ctx, gx, gy):
        r, angle = ctx.saved_tensors
        gr = ga = None
        if ctx.needs_input_grad[0]:
            gr = gx * torch.cos(angle) + gy * torch.sin(angle)
        if ctx.needs_input_grad[1]:
            ga = r * (gy * torch.cos(angle) - gx * torch.sin(angle))
        return gr, ga


def main():
    torch.manual_seed(0)
    r = torch.rand(4, dtype=torch.double, requires_grad=True)
    angle = torch.rand(4, dtype=torch.double, requires_grad=True)
    assert gradcheck(PolarToCartesian.apply, (r, angle), eps=1e-6, atol=1e-4)

    x = torch.linspace(-math.pi, math.pi, 200)
    y = torch.sin(x)
    a = torch.full((), 0.0, requires_grad=True)
    b = torch.full((), -1.0, requires_grad=True)
    c = torch.full((), 0.0, requires_grad=True)
    d = torch.full((), 0.3, requires_grad=True)
    losses = []
    for _t in range(20):
        y_pred = a + b * LegendrePolynomial3.apply(c + d * x)
        loss = (y_pred - y).pow(2).sum()
        losses.append(loss.item())
        loss.backward()
        with torch.no_grad():
            for p in (a, b, c, d):
                p -= 5e-5 * p.grad
                p.grad = None

    w = torch.randn(8, 4, requires_grad=True)
    data, target = torch.randn(16, 8), torch.randn(16, 4)
    for _t in range(10):
        loss = ((data @ Binarize.apply(w, 0.9) - target) ** 2).mean()
        (grad,) = torch.autograd.grad(loss, w)
        with torch.no_grad():
            w.sub_(0.5 * grad)
        losses.append(loss.item())
    return losses
