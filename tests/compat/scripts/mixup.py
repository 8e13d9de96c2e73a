"""Mixup, label smoothing, soft targets, class weights and focal loss."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def mixup_data(x, y, alpha=0.4):
    lam = np.random.beta(alpha, alpha)
    index = torch.randperm(x.size(0))
    return lam * x + (1 - lam) * x[index, :], y, y[index], lam


def focal_loss(logits, target, gamma=2.0):
    ce = F.cross_entropy(logits, target, reduction="none")
    return ((1 - torch.exp(-ce)) ** gamma * ce).mean()


def main():
    np.random.seed(0)
    torch.manual_seed(0)
    x = torch.randn(48, 6)
    y = torch.argmax(x[:, :4] + 0.3 * torch.randn(48, 4), dim=1)
    model = nn.Sequential(nn.Linear(6, 24), nn.Mish(), nn.BatchNorm1d(24), nn.Linear(24, 4))
    weight = 1 / torch.bincount(y, minlength=4).float()
    smoothed = nn.CrossEntropyLoss(label_smoothing=0.1)
    weighted = nn.CrossEntropyLoss(weight=weight, label_smoothing=0.05)
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05)
    losses = []
    for step in range(16):
        inputs, a, b, lam = mixup_data(x, y)
        logits = model(inputs)
        if step % 4 == 0:
            loss = lam * smoothed(logits, a) + (1 - lam) * smoothed(logits, b)
        elif step % 4 == 1:
            soft = lam * F.one_hot(a, 4).float() + (1 - lam) * F.one_hot(b, 4).float()
            loss = F.cross_entropy(logits, soft)
        elif step % 4 == 2:
            loss = weighted(logits, a)
        else:
            loss = focal_loss(logits, a)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
