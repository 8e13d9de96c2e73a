"""Logistic regression on raw tensors: no module, no optimizer."""

import torch


def main():
    torch.manual_seed(0)
    n, d = 64, 3
    true_w = torch.tensor([[1.5], [-2.0], [0.5]])
    X = torch.randn(n, d)
    y = (X @ true_w + 0.3 + 0.1 * torch.randn(n, 1) > 0).float()

    w = torch.zeros(d, 1, requires_grad=True)
    b = torch.zeros(1, requires_grad=True)
    lr = 0.5
    losses = []
    for epoch in range(30):
        p = torch.sigmoid(X @ w + b)
        loss = -(y * torch.log(p + 1e-8) + (1 - y) * torch.log(1 - p + 1e-8)).mean()
        loss.backward()
        with torch.no_grad():
            w -= lr * w.grad
            b -= lr * b.grad
            w.grad.zero_()
            b.grad.zero_()
        losses.append(loss.item())
        if epoch % 10 == 0:
            accuracy = ((p > 0.5) == y.bool()).float().mean()
            print(f"epoch {epoch}: loss {loss:.4f}, accuracy {accuracy:.2%}")
    losses.extend(w.flatten().tolist())
    return losses
