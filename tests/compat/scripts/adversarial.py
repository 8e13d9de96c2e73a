"""Adversarial examples: the sign of the input's gradient, projected steps, adversarial training."""

import torch
import torch.nn as nn
import torch.nn.functional as F


def fgsm_attack(image, epsilon, data_grad):
    perturbed = image + epsilon * data_grad.sign()
    return torch.clamp(perturbed, 0, 1)


def pgd_attack(model, images, labels, eps=0.1, alpha=0.03, steps=3):
    adversarial = images.clone().detach()
    adversarial += torch.empty_like(adversarial).uniform_(-eps, eps)
    adversarial.clamp_(min=0, max=1)
    for _ in range(steps):
        adversarial.requires_grad = True
        loss = F.cross_entropy(model(adversarial), labels)
        grad = torch.autograd.grad(loss, adversarial, retain_graph=False, create_graph=False)[0]
        adversarial = adversarial.detach() + alpha * grad.sign()
        delta = torch.clamp(adversarial - images, min=-eps, max=eps)
        adversarial = torch.clamp(images + delta, min=0, max=1).detach()
    return adversarial


def main():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    prototypes = torch.rand(4, 16)
    labels = torch.randint(4, (40,))
    images = (prototypes[labels] + 0.1 * torch.randn(40, 16)).clamp(0, 1)
    model = nn.Sequential(nn.Linear(16, 32), nn.Softplus(), nn.Linear(32, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    history = []
    for step in range(10):
        inputs = pgd_attack(model, images, labels) if step % 2 else images
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    images.requires_grad = True
    F.cross_entropy(model(images), labels).backward()
    for epsilon in (0, 0.05, 0.2):
        output = model(fgsm_attack(images, epsilon, images.grad.data))
        init_pred = output.max(1, keepdim=True)[1]
        history.append(init_pred.eq(labels.view_as(init_pred)).sum().item() / len(labels))
        history.append(F.nll_loss(F.log_softmax(output, dim=1), labels).item())
    return history
