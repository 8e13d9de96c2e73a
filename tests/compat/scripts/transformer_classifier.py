"""Padded sequences classified by a TransformerEncoder with a padding mask."""

import math

import torch
import torch.nn as nn


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=50):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        position = torch.arange(max_len).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(1, max_len, d_model)
        pe[0, :, 0::2] = torch.sin(position * div_term)
        pe[0, :, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return self.dropout(x + self.pe[:, : x.size(1)])


class TransformerClassifier(nn.Module):
    def __init__(self, ntoken, d_model, nhead, d_hid, nlayers, n_classes):
        super().__init__()
        self.embedding = nn.Embedding(ntoken, d_model, padding_idx=0)
        self.pos_encoder = PositionalEncoding(d_model)
        layer = nn.TransformerEncoderLayer(
            d_model, nhead, d_hid, dropout=0.0, batch_first=True, activation="gelu"
        )
        self.encoder = nn.TransformerEncoder(layer, nlayers, enable_nested_tensor=False)
        self.d_model = d_model
        self.decoder = nn.Linear(d_model, n_classes)

    def forward(self, src):
        mask = src == 0
        x = self.pos_encoder(self.embedding(src) * math.sqrt(self.d_model))
        x = self.encoder(x, src_key_padding_mask=mask)
        kept = (~mask).unsqueeze(-1).to(x.dtype)
        return self.decoder((x * kept).sum(1) / kept.sum(1))


def main():
    torch.manual_seed(0)
    sequences = [torch.randint(1, 12, (n,)) for n in (7, 5, 3, 7, 4, 6, 2, 7)]
    src = nn.utils.rnn.pad_sequence(sequences, batch_first=True)
    labels = torch.tensor([int(s.float().mean() > 6) for s in sequences])
    model = TransformerClassifier(12, 16, 4, 32, 2, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for _step in range(8):
        loss = nn.functional.cross_entropy(model(src), labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    alone = model(sequences[2].unsqueeze(0))
    padded = model(src)[2:3]
    assert torch.allclose(alone, padded, atol=1e-5)
    return losses + padded[0].tolist()
