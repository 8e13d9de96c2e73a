"""Policy gradient (REINFORCE with a baseline) in a corridor with a goal at one end."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim


class Corridor:
    """Start in the middle; +1 at the right end, -1 at the left, -0.02 each step."""

    def __init__(self, length=7):
        self.length = length

    def reset(self):
        self.position = self.length // 2
        return self.observe()

    def observe(self):
        state = torch.zeros(self.length)
        state[self.position] = 1.0
        return state

    def step(self, action):
        self.position += 1 if action == 1 else -1
        done = self.position in (0, self.length - 1)
        reward = (1.0 if self.position else -1.0) if done else -0.02
        return self.observe(), reward, done


class Policy(nn.Module):
    def __init__(self, n_states):
        super().__init__()
        self.affine = nn.Linear(n_states, 16)
        self.action_head = nn.Linear(16, 2)
        self.value_head = nn.Linear(16, 1)

    def forward(self, x):
        x = F.relu(self.affine(x))
        return F.softmax(self.action_head(x), dim=-1), self.value_head(x)


def main():
    torch.manual_seed(543)
    env, gamma, eps = Corridor(), 0.99, 1e-6
    policy = Policy(env.length)
    optimizer = optim.Adam(policy.parameters(), lr=3e-2)
    history = []
    for _episode in range(12):
        state, log_probs, values, rewards = env.reset(), [], [], []
        for _t in range(30):
            probs, value = policy(state)
            action = torch.multinomial(probs, 1)
            log_probs.append(torch.log(probs.gather(0, action)))
            values.append(value)
            state, reward, done = env.step(action.item())
            rewards.append(reward)
            if done:
                break
        R, returns = 0, []
        for r in rewards[::-1]:
            R = r + gamma * R
            returns.insert(0, R)
        returns = torch.tensor(returns)
        returns = (returns - returns.mean()) / (returns.std() + eps)
        log_probs, values = torch.cat(log_probs), torch.cat(values)
        advantage = returns - values.detach()
        policy_loss = -(log_probs * advantage).sum()
        value_loss = F.smooth_l1_loss(values, returns, reduction="sum")
        loss = policy_loss + 0.5 * value_loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history += [loss.item(), float(len(rewards)), sum(rewards)]
    return history
