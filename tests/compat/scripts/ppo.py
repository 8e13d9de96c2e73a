"""Proximal policy optimisation with discrete and continuous actions, by torch.distributions."""

import numpy as np
import torch
import torch.nn as nn
from torch.distributions.categorical import Categorical
from torch.distributions.normal import Normal

STEPS, ENVS = 16, 4


def layer_init(layer, std=np.sqrt(2), bias=0.0):
    nn.init.orthogonal_(layer.weight, std)
    nn.init.constant_(layer.bias, bias)
    return layer


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.critic = nn.Sequential(
            layer_init(nn.Linear(6, 16)), nn.Tanh(), layer_init(nn.Linear(16, 1), std=1.0)
        )
        self.trunk = nn.Sequential(layer_init(nn.Linear(6, 16)), nn.Tanh())
        self.logits = layer_init(nn.Linear(16, 3), std=0.01)
        self.mean = layer_init(nn.Linear(16, 2), std=0.01)
        self.log_std = nn.Parameter(torch.zeros(1, 2))

    def act(self, x, discrete=None, push=None):
        h = self.trunk(x)
        choice = Categorical(logits=self.logits(h))
        mean = self.mean(h)
        force = Normal(mean, self.log_std.expand_as(mean).exp())
        if discrete is None:
            discrete, push = choice.sample(), force.sample()
        log_prob = choice.log_prob(discrete) + force.log_prob(push).sum(1)
        return discrete, push, log_prob, choice.entropy() + force.entropy().sum(1), self.critic(x)


def advantages_of(rewards, values, dones, last, gamma=0.99, lam=0.95):
    advantages = torch.zeros_like(rewards)
    running = 0
    for t in reversed(range(STEPS)):
        following = last if t == STEPS - 1 else values[t + 1]
        alive = 1.0 - dones[t]
        delta = rewards[t] + gamma * following * alive - values[t]
        advantages[t] = running = delta + gamma * lam * alive * running
    return advantages


def main():
    torch.manual_seed(0)
    world = np.random.RandomState(0)
    agent = Agent()
    optimizer = torch.optim.Adam(agent.parameters(), lr=2.5e-3, eps=1e-5)
    numbers = []
    for update in range(2):
        optimizer.param_groups[0]["lr"] = (1.0 - update / 2) * 2.5e-3
        obs = torch.zeros(STEPS, ENVS, 6)
        choices = torch.zeros(STEPS, ENVS, dtype=torch.long)
        pushes = torch.zeros(STEPS, ENVS, 2)
        log_probs, rewards, dones, values = (torch.zeros(STEPS, ENVS) for _ in range(4))
        for t in range(STEPS):
            obs[t] = torch.Tensor(world.randn(ENVS, 6))
            with torch.no_grad():
                choices[t], pushes[t], log_probs[t], _, value = agent.act(obs[t])
            values[t] = value.flatten()
            rewards[t] = -(pushes[t] - obs[t, :, :2]).pow(2).sum(1) + (choices[t] == 1)
            dones[t] = torch.tensor(world.rand(ENVS) < 0.1)
        with torch.no_grad():
            last = agent.critic(torch.Tensor(world.randn(ENVS, 6))).flatten()
        advantages = advantages_of(rewards, values, dones, last)
        returns = (advantages + values).reshape(-1)
        flat = [x.reshape(-1, *x.shape[2:]) for x in (obs, choices, pushes, log_probs, advantages)]
        order = np.arange(STEPS * ENVS)
        for _ in range(2):
            world.shuffle(order)
            for start in range(0, len(order), 16):
                rows = order[start : start + 16]
                o, c, p, old, adv = (x[rows] for x in flat)
                _, _, new, entropy, value = agent.act(o, c, p)
                ratio = (new - old).exp()
                adv = (adv - adv.mean()) / (adv.std() + 1e-8)
                policy = torch.max(-adv * ratio, -adv * ratio.clamp(0.8, 1.2)).mean()
                critic = 0.5 * (value.view(-1) - returns[rows]).pow(2).mean()
                loss = policy - 0.01 * entropy.mean() + 0.5 * critic
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
                optimizer.step()
                numbers.append(loss.item())
    return numbers
