"""A recogniser of unaligned labels: convolutions, a bidirectional GRU, and the CTC loss."""

import torch
import torch.nn as nn
from torch import optim
from torch.utils.data import DataLoader


class Recogniser(nn.Module):
    def __init__(self, features, hidden, labels):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(features, hidden, 3, padding=1),
            nn.BatchNorm1d(hidden),
            nn.GELU(),
            nn.Conv1d(hidden, hidden, 3, stride=2, padding=1),
        )
        self.rnn = nn.GRU(hidden, hidden, batch_first=True, bidirectional=True)
        self.norm = nn.LayerNorm(2 * hidden)
        self.out = nn.Linear(2 * hidden, labels)

    def forward(self, x):
        x = self.conv(x.transpose(1, 2)).transpose(1, 2)
        x, _ = self.rnn(x)
        return self.out(self.norm(x)).log_softmax(-1).transpose(0, 1)


def collate(batch):
    batch.sort(key=lambda pair: len(pair[0]), reverse=True)
    waves, labels = zip(*batch)
    lengths = torch.tensor([len(w) for w in waves])
    counts = torch.tensor([len(t) for t in labels])
    waves = nn.utils.rnn.pad_sequence(waves, batch_first=True)
    return waves, torch.cat(labels), (lengths + 1) // 2, counts


def greedy(log_probs, length):
    best = log_probs[:length].argmax(-1)
    return [k for k in torch.unique_consecutive(best).tolist() if k != 0]


def main():
    torch.manual_seed(1)
    data = [
        (torch.randn(int(n), 5), torch.randint(1, 6, (int(n) // 5,)))
        for n in torch.randint(12, 24, (12,))
    ]
    loader = DataLoader(data, batch_size=4, shuffle=True, collate_fn=collate)
    model = Recogniser(5, 12, 6)
    criterion = nn.CTCLoss(blank=0, zero_infinity=True)
    optimizer = optim.AdamW(model.parameters(), lr=3e-3)
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, 0.01, epochs=3, steps_per_epoch=3)
    losses = []
    for _ in range(3):
        for waves, labels, lengths, counts in loader:
            loss = criterion(model(waves), labels, lengths, counts)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
    model.eval()
    with torch.inference_mode():
        out = model(waves)
    return losses + [float(sum(greedy(out[:, i], n))) for i, n in enumerate(lengths)]
