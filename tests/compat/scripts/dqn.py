"""Deep Q-learning: replay memory, a target network, and its soft update."""

import math
import random
from collections import deque, namedtuple

import torch
import torch.nn as nn
import torch.optim as optim

Transition = namedtuple("Transition", ("state", "action", "next_state", "reward"))


class ReplayMemory:
    def __init__(self, capacity):
        self.memory = deque([], maxlen=capacity)

    def push(self, *args):
        self.memory.append(Transition(*args))

    def sample(self, batch_size):
        return random.sample(self.memory, batch_size)

    def __len__(self):
        return len(self.memory)


def env_step(state, action):
    """Keep a falling point up: three pushes, and the episode ends when it leaves [-1, 1]."""
    position, speed = state[0].tolist()
    speed += 0.3 * (action - 1) + 0.1 * position
    position += 0.2 * speed
    if abs(position) > 1:
        return None, -1.0
    return torch.tensor([[position, speed]]), 1.0 - position**2


def make_net():
    return nn.Sequential(nn.Linear(2, 24), nn.ReLU(), nn.Linear(24, 3))


def main():
    random.seed(0)
    torch.manual_seed(0)
    gamma, tau, batch_size = 0.9, 0.05, 16
    policy_net, target_net = make_net(), make_net()
    target_net.load_state_dict(policy_net.state_dict())
    optimizer = optim.AdamW(policy_net.parameters(), lr=1e-3, amsgrad=True)
    memory, losses = ReplayMemory(200), []
    state = torch.tensor([[0.3, 0.0]])
    for t in range(50):
        if random.random() > 0.05 + 0.85 * math.exp(-t / 20):
            with torch.no_grad():
                action = policy_net(state).max(1).indices.view(1, 1)
        else:
            action = torch.tensor([[random.randrange(3)]], dtype=torch.long)
        next_state, reward = env_step(state, action.item())
        memory.push(state, action, next_state, torch.tensor([reward]))
        state = torch.tensor([[0.3, 0.0]]) if next_state is None else next_state
        if len(memory) < batch_size:
            continue

        batch = Transition(*zip(*memory.sample(batch_size), strict=True))
        non_final_mask = torch.tensor([s is not None for s in batch.next_state], dtype=torch.bool)
        non_final_next_states = torch.cat([s for s in batch.next_state if s is not None])
        q = policy_net(torch.cat(batch.state)).gather(1, torch.cat(batch.action))
        next_values = torch.zeros(batch_size)
        with torch.no_grad():
            next_values[non_final_mask] = target_net(non_final_next_states).max(1).values
        expected = next_values * gamma + torch.cat(batch.reward)
        loss = nn.SmoothL1Loss()(q, expected.unsqueeze(1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_value_(policy_net.parameters(), 100)
        optimizer.step()
        target_state, policy_state = target_net.state_dict(), policy_net.state_dict()
        for key in policy_state:
            target_state[key] = policy_state[key] * tau + target_state[key] * (1 - tau)
        target_net.load_state_dict(target_state)
        losses.append(loss.item())
    return losses
