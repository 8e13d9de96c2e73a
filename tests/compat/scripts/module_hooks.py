"""Hooks: a summary of shapes, activation statistics, gradients of layers, a hook that edits."""

from collections import OrderedDict

import torch
import torch.nn as nn


def summary(model, x):
    rows, handles = OrderedDict(), []

    def register(name, module):
        def hook(module, inputs, output):
            key = f"{name} ({module.__class__.__name__})"
            count = sum(p.numel() for p in module.parameters(recurse=False))
            rows[key] = (list(inputs[0].size()), list(output.size()), count)

        handles.append(module.register_forward_hook(hook))

    for name, module in model.named_modules():
        if len(list(module.children())) == 0:
            register(name, module)
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return rows


def main():
    torch.manual_seed(0)
    model = nn.Sequential(
        OrderedDict(
            [
                ("features", nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 8))),
                ("act", nn.Tanh()),
                ("head", nn.Linear(8, 3)),
            ]
        )
    )
    rows = summary(model, torch.randn(2, 6))
    for name, row in rows.items():
        print(name, *row)
    values = [float(n) for row in rows.values() for n in (*row[0], *row[1], row[2])]
    text = repr(model)
    values.append(float(sum(ord(c) for c in text) + len(text)))

    seen = []
    model.act.register_forward_hook(lambda m, i, o: seen.append(o.detach().std().item()))
    model.features[2].register_full_backward_hook(
        lambda m, gi, go: seen.append(go[0].abs().mean().item())
    )
    model.head.register_forward_pre_hook(lambda m, args: (args[0] * 0.5,))
    handle = model.head.weight.register_hook(lambda grad: grad * 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, target = torch.randn(16, 6), torch.randint(3, (16,))
    for step in range(8):
        if step == 4:
            handle.remove()
        loss = nn.CrossEntropyLoss()(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    return values + seen
