"""Principal components by svd and eigh, whitening, least squares, and a low-rank fit."""

import torch


def main():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    mixing = torch.randn(3, 6)
    X = torch.randn(50, 3) @ mixing + 0.1 * torch.randn(50, 6) + torch.arange(6.0)
    centred = X - X.mean(dim=0)
    U, S, Vh = torch.linalg.svd(centred, full_matrices=False)
    explained = S**2 / (len(X) - 1)
    covariance = centred.T @ centred / (len(X) - 1)
    eigenvalues, vectors = torch.linalg.eigh(covariance)
    assert torch.allclose(eigenvalues.flip(0), explained)
    assert torch.allclose(torch.cov(X.T), covariance)
    projected = centred @ Vh[:2].T
    whitened = projected / projected.std(dim=0)
    assert torch.allclose(whitened.T @ whitened / (len(X) - 1), torch.eye(2), atol=1e-9)
    values = explained.tolist() + (explained / explained.sum()).cumsum(0).tolist()
    values += vectors.abs().sum(0).tolist()

    Q, R = torch.linalg.qr(centred[:, :4])
    assert torch.allclose(Q @ R, centred[:, :4])
    values += R.diag().abs().tolist()
    values.append(torch.linalg.matrix_norm(centred, "nuc").item())
    values += torch.linalg.lstsq(centred[:, :5], centred[:, 5:]).solution.flatten().tolist()
    values.append(torch.linalg.det(covariance).item())

    A = torch.randn(6, 2, requires_grad=True)
    optimizer = torch.optim.SGD([A], lr=0.02)
    for _step in range(15):
        basis, _ = torch.linalg.qr(A)
        loss = (centred - centred @ basis @ basis.mT).square().sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    return values
