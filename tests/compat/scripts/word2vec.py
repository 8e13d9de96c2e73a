"""Word vectors: a bag of context words, and skip-gram with negative sampling."""

import torch
import torch.nn as nn
import torch.nn.functional as F

text = """the king rules the land and the queen rules the land while
the dog chases the cat and the cat chases the mouse in the land of the king""".split()


class CBOW(nn.Module):
    def __init__(self, vocab_size, embedding_dim):
        super().__init__()
        self.embeddings = nn.Embedding(vocab_size, embedding_dim)
        self.linear = nn.Linear(embedding_dim, vocab_size)

    def forward(self, inputs):
        return F.log_softmax(self.linear(self.embeddings(inputs).mean(dim=-2)), dim=-1)


def main():
    torch.manual_seed(0)
    vocab = sorted(set(text))
    ids = torch.tensor([vocab.index(w) for w in text], dtype=torch.int64)
    windows = ids.unfold(0, 5, 1)
    context, target = windows[:, [0, 1, 3, 4]], windows[:, 2]

    model = CBOW(len(vocab), 8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    losses = []
    for _epoch in range(8):
        loss = nn.NLLLoss()(model(context), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    frequency = torch.bincount(ids, minlength=len(vocab)).float() ** 0.75
    centre = nn.Embedding(len(vocab), 8, max_norm=None)
    outside = nn.Embedding.from_pretrained(torch.zeros(len(vocab), 8), freeze=False)
    optimizer = torch.optim.Adam([*centre.parameters(), *outside.parameters()], lr=0.05)
    for _epoch in range(8):
        negatives = torch.multinomial(frequency, len(target) * 3, replacement=True)
        c = centre(target)
        positive = torch.einsum("bd,bkd->bk", c, outside(context))
        negative = torch.bmm(outside(negatives.view(-1, 3)), c.unsqueeze(2)).squeeze(2)
        loss = -(F.logsigmoid(positive).mean() + F.logsigmoid(-negative).mean())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        similarity = nn.CosineSimilarity(dim=1)(centre.weight, centre.weight[:1])
    return losses + similarity.tolist()
