"""Sequences of many lengths, packed, through a bidirectional LSTM."""

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader


def collate(batch):
    sequences, labels = zip(*batch, strict=True)
    lengths = torch.tensor([len(s) for s in sequences])
    return pad_sequence(sequences, batch_first=True, padding_value=0), lengths, torch.stack(labels)


class Tagger(nn.Module):
    def __init__(self, vocab, dim, hidden):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim, padding_idx=0)
        self.lstm = nn.LSTM(dim, hidden, batch_first=True, bidirectional=True)
        self.head = nn.Linear(4 * hidden, 1)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(
            self.embed(x), lengths, batch_first=True, enforce_sorted=False
        )
        output, (h, _c) = self.lstm(packed)
        output, out_lengths = pad_packed_sequence(output, batch_first=True)
        assert torch.equal(out_lengths, lengths)
        mean = output.sum(1) / lengths.unsqueeze(1)
        last = torch.cat([h[-2], h[-1]], dim=1)
        return self.head(torch.cat([mean, last], dim=1)).squeeze(1)


def main():
    torch.manual_seed(0)
    data = []
    for _ in range(24):
        sequence = torch.randint(1, 9, (int(torch.randint(2, 8, (1,))),))
        data.append((sequence, (sequence == 3).any().float()))
    loader = DataLoader(data, batch_size=8, shuffle=True, collate_fn=collate)
    model = Tagger(9, 6, 8)
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _epoch in range(4):
        for x, lengths, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x, lengths), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses
