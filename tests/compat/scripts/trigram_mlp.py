"""A character model with an embedding table and layers written by hand, split three ways."""

import torch
import torch.nn.functional as F

words = "emma olivia ava isabella sophia mia charlotte amelia harper evelyn abigail emily".split()
block_size = 3


def build_dataset(words, stoi):
    X, Y = [], []
    for w in words:
        context = [0] * block_size
        for ch in w + ".":
            ix = stoi[ch]
            X.append(context)
            Y.append(ix)
            context = context[1:] + [ix]
    return torch.tensor(X), torch.tensor(Y)


class Linear:
    def __init__(self, fan_in, fan_out, generator, bias=True):
        self.weight = torch.randn((fan_in, fan_out), generator=generator) / fan_in**0.5
        self.bias = torch.zeros(fan_out) if bias else None

    def __call__(self, x):
        self.out = x @ self.weight
        if self.bias is not None:
            self.out += self.bias
        return self.out

    def parameters(self):
        return [self.weight] + ([] if self.bias is None else [self.bias])


class BatchNorm1d:
    def __init__(self, dim, eps=1e-5, momentum=0.1):
        self.eps, self.momentum, self.training = eps, momentum, True
        self.gamma, self.beta = torch.ones(dim), torch.zeros(dim)
        self.running_mean, self.running_var = torch.zeros(dim), torch.ones(dim)

    def __call__(self, x):
        mean = x.mean(0, keepdim=True) if self.training else self.running_mean
        var = x.var(0, keepdim=True) if self.training else self.running_var
        xhat = (x - mean) / torch.sqrt(var + self.eps)
        self.out = self.gamma * xhat + self.beta
        if self.training:
            with torch.no_grad():
                self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
                self.running_var = (1 - self.momentum) * self.running_var + self.momentum * var
        return self.out

    def parameters(self):
        return [self.gamma, self.beta]


def main():
    stoi = {s: i + 1 for i, s in enumerate(sorted(set("".join(words))))}
    stoi["."] = 0
    Xtr, Ytr = build_dataset(words[:10], stoi)
    Xdev, Ydev = build_dataset(words[10:], stoi)
    g = torch.Generator().manual_seed(42)
    C = torch.randn((len(stoi), 4), generator=g)
    norm = BatchNorm1d(24)
    layers = [Linear(12, 24, g, bias=False), norm, torch.tanh, Linear(24, len(stoi), g)]
    layers[-1].weight *= 0.1
    parameters = [C] + [p for l in layers if l is not torch.tanh for p in l.parameters()]
    for p in parameters:
        p.requires_grad = True

    def forward(X):
        x = C[X].view(-1, 12)
        for layer in layers:
            x = layer(x)
        return x

    losses = []
    for i in range(20):
        ix = torch.randint(0, Xtr.shape[0], (16,), generator=g)
        loss = F.cross_entropy(forward(Xtr[ix]), Ytr[ix])
        for p in parameters:
            p.grad = None
        loss.backward()
        lr = 0.1 if i < 15 else 0.01
        for p in parameters:
            p.data += -lr * p.grad
        losses.append(loss.log10().item())
    norm.training = False
    with torch.no_grad():
        losses.append(F.cross_entropy(forward(Xdev), Ydev).item())
    return losses
