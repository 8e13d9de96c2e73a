"""Datasets and loaders: transforms, collating, splitting, balancing, dictionaries, streams."""

import torch
import torch.nn as nn
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
    random_split,
)


class Points(Dataset):
    def __init__(self, n, transform=None):
        self.labels = (torch.rand(n) < 0.2).long()
        self.points = torch.randn(n, 2) + 2.0 * self.labels.unsqueeze(1)
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        point = self.points[index]
        if self.transform is not None:
            point = self.transform(point)
        return {"point": point, "label": int(self.labels[index]), "id": f"p{index}"}


class Counter(IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(self.n))


def collate(samples):
    points = torch.stack([s["point"] for s in samples])
    labels = torch.as_tensor([s["label"] for s in samples])
    return points, labels, [s["id"] for s in samples]


def main():
    torch.manual_seed(0)
    dataset = Points(60, transform=lambda p: (p - 0.5) / 2)
    train, valid, _rest = random_split(dataset, [0.6, 0.3, 0.1])
    labels = dataset.labels[torch.tensor(train.indices)]
    weights = 1.0 / torch.bincount(labels).float()
    sampler = WeightedRandomSampler(weights[labels], num_samples=len(train), replacement=True)
    loader = DataLoader(train, batch_size=8, sampler=sampler, collate_fn=collate, drop_last=True)

    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    values = []
    for _epoch in range(3):
        for points, targets, ids in loader:
            assert len(ids) == 8
            logits = model(points).squeeze(1)
            loss = nn.functional.binary_cross_entropy_with_logits(logits, targets.float())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            values += [loss.item(), float(targets.sum())]

    for batch in DataLoader(valid, batch_size=6):
        accuracy = ((model(batch["point"]).squeeze(1) > 0).long() == batch["label"]).float().mean()
        values += [accuracy.item(), float(len(batch["id"]))]
    both = ConcatDataset(
        [TensorDataset(torch.arange(3.0)), TensorDataset(torch.arange(10.0, 14.0))]
    )
    for (batch,) in DataLoader(Subset(both, [6, 0, 3, 5]), batch_size=3, shuffle=True):
        values += batch.tolist()
    for batch in DataLoader(Counter(5), batch_size=2):
        values.append(batch.float().mean().item())
    return values
