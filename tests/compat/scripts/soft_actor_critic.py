"""Soft actor-critic on made-up transitions: squashed Gaussian samples, two critics, a temperature."""

import copy

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Independent, Normal, kl_divergence


class Actor(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 16), nn.ReLU())
        self.mean, self.log_std = nn.Linear(16, 2), nn.Linear(16, 2)
        self.register_buffer("scale", torch.tensor([1.0, 2.0]))

    def policy(self, x):
        h = self.net(x)
        return Normal(self.mean(h), self.log_std(h).clamp(-5, 2).exp())

    def forward(self, x):
        policy = self.policy(x)
        raw = policy.rsample()
        squashed = raw.tanh()
        log_prob = policy.log_prob(raw)
        log_prob -= torch.log(self.scale * (1 - squashed.pow(2)) + 1e-6)
        return squashed * self.scale, log_prob.sum(1, keepdim=True)


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, x, a):
        return self.net(torch.cat([x, a], 1))


def main():
    torch.manual_seed(0)
    world = np.random.RandomState(0)
    actor, critics = Actor(), nn.ModuleList([Critic(), Critic()])
    targets, first = copy.deepcopy(critics), copy.deepcopy(actor)
    log_alpha = torch.zeros(1, requires_grad=True)
    critic_step = torch.optim.Adam(critics.parameters(), lr=1e-3)
    actor_step = torch.optim.Adam(actor.parameters(), lr=3e-3)
    alpha_step = torch.optim.Adam([log_alpha], lr=1e-2)
    numbers = []
    for _ in range(6):
        x, following, a, reward = (
            torch.as_tensor(world.randn(16, k), dtype=torch.float32) for k in (3, 3, 2, 1)
        )
        alpha = log_alpha.exp().item()
        with torch.no_grad():
            na, nlp = actor(following)
            worst = torch.min(*(t(following, na) for t in targets)) - alpha * nlp
            y = reward + 0.99 * worst
        loss = sum(F.mse_loss(c(x, a), y) for c in critics)
        critic_step.zero_grad()
        loss.backward()
        critic_step.step()

        action, lp = actor(x)
        actor_loss = (alpha * lp - torch.min(*(c(x, action) for c in critics))).mean()
        actor_step.zero_grad()
        actor_loss.backward()
        actor_step.step()

        alpha_loss = (-log_alpha.exp() * (lp.detach() - 2.0)).mean()
        alpha_step.zero_grad()
        alpha_loss.backward()
        alpha_step.step()
        for p, t in zip(critics.parameters(), targets.parameters()):
            t.data.copy_(0.05 * p.data + 0.95 * t.data)
        numbers += [loss.item(), actor_loss.item(), log_alpha.item()]
    with torch.no_grad():
        new, old = (Independent(m.policy(x), 1) for m in (actor, first))
        numbers += [kl_divergence(new, old).mean().item(), new.entropy().mean().item()]
    return numbers
