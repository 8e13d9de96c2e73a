"""Recurrent cells stepped by hand, truncated backpropagation through time, warm-started layers."""

import torch
import torch.nn as nn


def main():
    torch.manual_seed(0)
    series = torch.sin(torch.arange(60) * 0.3).view(-1, 1, 1) + 0.05 * torch.randn(60, 2, 1)
    losses = []
    for kind in (nn.RNNCell, nn.GRUCell, nn.LSTMCell):
        cell, head = kind(1, 12), nn.Linear(12, 1)
        optimizer = torch.optim.RMSprop([*cell.parameters(), *head.parameters()], lr=0.01)
        hidden = torch.zeros(2, 12)
        if kind is nn.LSTMCell:
            hidden = (hidden, torch.zeros(2, 12))
        for start in range(0, 50, 10):
            if kind is nn.LSTMCell:
                hidden = tuple(h.detach() for h in hidden)
            else:
                hidden = hidden.detach_()
            loss = 0.0
            for t in range(start, start + 10):
                hidden = cell(series[t], hidden)
                h = hidden[0] if isinstance(hidden, tuple) else hidden
                loss = loss + ((head(h) - series[t + 1]) ** 2).mean()
            loss = loss / 10
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())

    rnn = nn.RNN(1, 12, num_layers=2, nonlinearity="relu", bidirectional=True)
    head = nn.Linear(24, 1)
    for name, p in rnn.named_parameters():
        if "weight_hh" in name:
            nn.init.orthogonal_(p)
        elif "bias" in name:
            nn.init.zeros_(p)
    optimizer = torch.optim.SGD([*rnn.parameters(), *head.parameters()], lr=0.01)
    for _step in range(5):
        output, h_n = rnn(series[:20])
        loss = (head(output) - series[1:21]).abs().mean() + 1e-3 * h_n.pow(2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
