"""Sequences classified by a two-layer LSTM, with its state made by hand."""

import torch
import torch.nn as nn


class LSTMClassifier(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers, num_classes):
        super().__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.lstm = nn.LSTM(input_size, hidden_size, num_layers, batch_first=True)
        self.fc = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        h0 = torch.zeros(self.num_layers, x.size(0), self.hidden_size).to(x.device)
        c0 = torch.zeros(self.num_layers, x.size(0), self.hidden_size).to(x.device)
        out, _ = self.lstm(x, (h0, c0))
        return self.fc(out[:, -1, :])


def main():
    torch.manual_seed(0)
    t = torch.linspace(0, 6.28, 12)
    labels = torch.randint(0, 3, (30,))
    waves = torch.sin(t * (labels + 1).unsqueeze(1)) + 0.1 * torch.randn(30, 12)
    x = torch.stack([waves, waves.roll(1, 1)], dim=-1)

    model = LSTMClassifier(2, 16, 2, 3)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _epoch in range(10):
        outputs = model(x)
        loss = criterion(outputs, labels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        _, predicted = torch.max(outputs.data, 1)
        losses += [loss.item(), (predicted == labels).sum().item() / labels.size(0)]
    return losses
