"""Text classification: bags of word vectors with offsets, and bags sampled by their weights."""

import torch
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.data.dataset import random_split

TEXTS = [
    (1, "the cat sat on the mat"), (2, "dogs run fast and far"), (1, "a cat and a mat"),
    (2, "run dog run"), (1, "mat"), (2, "fast dogs"),
] * 4  # fmt: skip
VOCABULARY = {w: i + 1 for i, w in enumerate(sorted({w for _, t in TEXTS for w in t.split()}))}


def collate_batch(batch):
    labels, texts, offsets = [], [], [0]
    for label, text in batch:
        labels.append(label - 1)
        words = torch.tensor([VOCABULARY.get(w, 0) for w in text.split()], dtype=torch.int64)
        texts.append(words)
        offsets.append(words.size(0))
    return torch.tensor(labels), torch.cat(texts), torch.tensor(offsets[:-1]).cumsum(dim=0)


class Classifier(nn.Module):
    def __init__(self, mode):
        super().__init__()
        self.embedding = nn.EmbeddingBag(len(VOCABULARY) + 1, 8, mode=mode, padding_idx=0)
        self.fc = nn.Linear(8, 2)
        self.embedding.weight.data.uniform_(-0.5, 0.5)
        self.fc.bias.data.zero_()

    def forward(self, text, offsets):
        return self.fc(self.embedding(text, offsets))


def main():
    torch.manual_seed(2)
    train, valid = random_split(TEXTS, [18, 6])
    numbers = []
    for mode in ("mean", "sum", "max"):
        model = Classifier(mode)
        criterion = nn.MultiMarginLoss() if mode == "sum" else nn.CrossEntropyLoss()
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
        for _ in range(2):
            for label, text, offsets in DataLoader(
                train, batch_size=6, shuffle=True, collate_fn=collate_batch
            ):
                optimizer.zero_grad()
                loss = criterion(model(text, offsets), label)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
                optimizer.step()
                numbers.append(loss.item())
            scheduler.step()
        with torch.no_grad():
            label, text, offsets = collate_batch(list(valid))
            numbers += model(text, offsets).flatten().tolist()
    return numbers
