"""A siamese network under triplet, cosine-embedding and contrastive losses."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Embedder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(10, 24), nn.PReLU(), nn.Linear(24, 6))

    def forward(self, x):
        return F.normalize(self.net(x), p=2, dim=1)


def contrastive(a, b, same, margin=0.8):
    d = F.pairwise_distance(a, b)
    return torch.mean(same * d.pow(2) + (1 - same) * F.relu(margin - d).pow(2))


def info_nce(a, b, temperature=0.2):
    logits = a @ b.t() / temperature
    labels = torch.arange(a.size(0))
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.t(), labels)) / 2


def main():
    torch.manual_seed(0)
    centres = torch.randn(4, 10)
    labels = torch.arange(4).repeat_interleave(8)
    x = centres[labels] + 0.3 * torch.randn(32, 10)
    model = Embedder()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    triplet = nn.TripletMarginLoss(margin=0.5, p=2)
    cosine = nn.CosineEmbeddingLoss(margin=0.2)
    losses = []
    for step in range(12):
        perm = torch.randperm(32)
        anchor, other = x, x[perm]
        same = (labels == labels[perm]).float()
        e1, e2 = model(anchor), model(other)
        if step % 4 == 0:
            positive = model(x.roll(1, 0))
            loss = triplet(e1, positive, e2)
        elif step % 4 == 1:
            loss = cosine(e1, e2, same * 2 - 1)
        elif step % 4 == 2:
            loss = contrastive(e1, e2, same)
        else:
            loss = info_nce(e1, model(x + 0.1 * torch.randn_like(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        e = model(x)
        similarity = F.cosine_similarity(e.unsqueeze(1), e.unsqueeze(0), dim=-1)
        same = labels.unsqueeze(0) == labels.unsqueeze(1)
        losses += [similarity[same].mean().item(), similarity[~same].mean().item()]
    return losses
