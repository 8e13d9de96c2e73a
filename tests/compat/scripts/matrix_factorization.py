"""Ratings predicted by matrix factorisation with embeddings and biases."""

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset, random_split


class Ratings(Dataset):
    def __init__(self, n_users, n_items):
        taste, kind = torch.randn(n_users, 3), torch.randn(n_items, 3)
        self.pairs = torch.cartesian_prod(torch.arange(n_users), torch.arange(n_items))
        scores = (taste @ kind.T).flatten()
        self.ratings = torch.clamp(scores.round() + 3, 1, 5)

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, idx):
        user, item = self.pairs[idx]
        return user, item, self.ratings[idx]


class MatrixFactorization(nn.Module):
    def __init__(self, n_users, n_items, n_factors=4):
        super().__init__()
        self.user_factors = nn.Embedding(n_users, n_factors)
        self.item_factors = nn.Embedding(n_items, n_factors)
        self.user_bias = nn.Embedding(n_users, 1)
        self.item_bias = nn.Embedding(n_items, 1)
        self.global_bias = nn.Parameter(torch.tensor(3.0))
        for embedding in (self.user_factors, self.item_factors):
            nn.init.uniform_(embedding.weight, -0.1, 0.1)
        self.user_bias.weight.data.zero_()
        self.item_bias.weight.data.zero_()

    def forward(self, user, item):
        dot = (self.user_factors(user) * self.item_factors(item)).sum(1)
        bias = self.user_bias(user) + self.item_bias(item)
        return dot + bias.squeeze() + self.global_bias


def main():
    torch.manual_seed(0)
    dataset = Ratings(10, 12)
    train, valid = random_split(dataset, [96, 24], generator=torch.Generator().manual_seed(1))
    loader = DataLoader(train, batch_size=32, shuffle=True)
    model = MatrixFactorization(10, 12)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05, weight_decay=1e-4)
    losses = []
    for _epoch in range(4):
        for user, item, rating in loader:
            loss = nn.functional.mse_loss(model(user, item), rating)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    with torch.no_grad():
        user, item, rating = next(iter(DataLoader(valid, batch_size=len(valid))))
        losses.append(torch.sqrt(nn.MSELoss()(model(user, item), rating)).item())
    return losses
