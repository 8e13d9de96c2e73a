"""Denoising diffusion of points on a ring: noise schedule, time embedding, sampling."""

import torch
import torch.nn as nn
import torch.nn.functional as F

timesteps = 20


def extract(a, t, shape):
    return a.gather(-1, t).reshape(t.shape[0], *((1,) * (len(shape) - 1)))


def time_embedding(t, dim):
    frequencies = torch.exp(torch.linspace(0, -3, dim // 2))
    angles = t.float()[:, None] * frequencies[None, :]
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


class Denoiser(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.dim = dim
        self.time_mlp = nn.Sequential(nn.Linear(dim, 32), nn.GELU(), nn.Linear(32, 32))
        self.inp, self.mid, self.out = nn.Linear(2, 32), nn.Linear(32, 32), nn.Linear(32, 2)

    def forward(self, x, t):
        h = F.silu(self.inp(x) + self.time_mlp(time_embedding(t, self.dim)))
        return self.out(F.silu(self.mid(h)) + h)


def main():
    torch.manual_seed(0)
    betas = torch.linspace(1e-4, 0.1, timesteps)
    alphas = 1.0 - betas
    alphas_cumprod = torch.cumprod(alphas, dim=0)
    alphas_cumprod_prev = F.pad(alphas_cumprod[:-1], (1, 0), value=1.0)
    posterior_variance = betas * (1.0 - alphas_cumprod_prev) / (1.0 - alphas_cumprod)

    model = Denoiser()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    losses = []
    for _step in range(20):
        angle = torch.rand(32) * 2 * torch.pi
        x0 = torch.stack((angle.cos(), angle.sin()), -1)
        t = torch.randint(0, timesteps, (32,)).long()
        noise = torch.randn_like(x0)
        signal = extract(alphas_cumprod.sqrt(), t, x0.shape)
        spread = extract((1.0 - alphas_cumprod).sqrt(), t, x0.shape)
        loss = F.huber_loss(model(signal * x0 + spread * noise, t), noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    @torch.no_grad()
    def sample(n):
        x = torch.randn(n, 2)
        for i in reversed(range(timesteps)):
            t = torch.full((n,), i, dtype=torch.long)
            scale = extract(betas / (1.0 - alphas_cumprod).sqrt(), t, x.shape)
            mean = extract(alphas.rsqrt(), t, x.shape) * (x - scale * model(x, t))
            noise = torch.randn_like(x) if i > 0 else torch.zeros_like(x)
            x = mean + extract(posterior_variance, t, x.shape).sqrt() * noise
        return x

    return losses + sample(8).flatten().tolist()
