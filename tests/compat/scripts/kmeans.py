"""k-means by cdist, argmin and scatter_add, then a nearest-neighbour vote."""

import torch


def main():
    torch.manual_seed(0)
    centres = torch.tensor([[0.0, 0.0], [4.0, 0.5], [1.0, 4.0]])
    labels = torch.randint(0, 3, (90,))
    x = centres[labels] + 0.7 * torch.randn(90, 2)
    k = 3
    centroids = x[torch.randperm(len(x))[:k]].clone()
    history = []
    for _iteration in range(8):
        distances = torch.cdist(x, centroids)
        nearest, assignment = distances.min(dim=1)
        history.append(nearest.pow(2).mean().item())
        sums = torch.zeros(k, 2).scatter_add_(0, assignment.unsqueeze(1).expand(-1, 2), x)
        counts = torch.bincount(assignment, minlength=k)
        updated = sums / counts.clamp(min=1).unsqueeze(1)
        if torch.allclose(updated, centroids, atol=1e-6):
            break
        centroids = updated
    history += centroids.flatten().tolist() + counts.float().tolist()

    order = torch.argsort(centroids[:, 0])
    history += centroids[order].flatten().tolist()
    queries = torch.rand(10, 2) * 4
    distances, neighbours = torch.cdist(queries, x).topk(5, dim=1, largest=False, sorted=True)
    votes, _ = torch.mode(labels[neighbours], dim=1)
    history += votes.float().tolist() + distances.mean(1).tolist()
    sizes = torch.zeros(3, dtype=torch.long).index_add_(0, labels, torch.ones_like(labels))
    assert torch.equal(sizes, torch.unique(labels, return_counts=True)[1])
    return history
