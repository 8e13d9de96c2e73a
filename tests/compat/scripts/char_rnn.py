"""A recurrent network over characters that hands its hidden state on by hand."""

import random

import torch
import torch.nn as nn

n_letters = 26
names = {0: ["anna", "maria", "sofia"], 1: ["hans", "karl", "fritz"], 2: ["yuki", "kenji", "aiko"]}


def line_to_tensor(line):
    tensor = torch.zeros(len(line), 1, n_letters)
    for li, letter in enumerate(line):
        tensor[li][0][ord(letter) - 97] = 1
    return tensor


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size + hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, input, hidden):
        combined = torch.cat((input, hidden), 1)
        hidden = torch.tanh(self.i2h(combined))
        output = self.softmax(self.h2o(hidden))
        return output, hidden

    def initHidden(self):
        return torch.zeros(1, self.hidden_size)


def main():
    random.seed(0)
    torch.manual_seed(0)
    rnn = RNN(n_letters, 16, len(names))
    criterion = nn.NLLLoss()
    learning_rate = 0.05
    losses = []
    for _step in range(40):
        category = random.randint(0, len(names) - 1)
        line = random.choice(names[category])
        category_tensor = torch.tensor([category], dtype=torch.long)
        line_tensor = line_to_tensor(line)

        hidden = rnn.initHidden()
        rnn.zero_grad()
        for i in range(line_tensor.size()[0]):
            output, hidden = rnn(line_tensor[i], hidden)
        loss = criterion(output, category_tensor)
        loss.backward()
        for p in rnn.parameters():
            p.data.add_(p.grad.data, alpha=-learning_rate)
        losses.append(loss.item())

    with torch.no_grad():
        hidden = rnn.initHidden()
        for letter in line_to_tensor("mario"):
            output, hidden = rnn(letter, hidden)
        topv, topi = output.topk(3, 1, True)
        losses += topv[0].tolist() + [float(i) for i in topi[0]]
    return losses
