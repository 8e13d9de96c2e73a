"""A Wasserstein GAN with gradient penalty: a gradient of a gradient in every step."""

import torch
import torch.autograd as autograd
import torch.nn as nn


def calc_gradient_penalty(netD, real_data, fake_data, lam=0.1):
    alpha = torch.rand(real_data.size(0), 1)
    alpha = alpha.expand(real_data.size())
    interpolates = alpha * real_data + ((1 - alpha) * fake_data)
    interpolates = autograd.Variable(interpolates, requires_grad=True)
    disc_interpolates = netD(interpolates)
    gradients = autograd.grad(
        outputs=disc_interpolates,
        inputs=interpolates,
        grad_outputs=torch.ones(disc_interpolates.size()),
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean() * lam


def mlp(n_in, n_out, activation):
    return nn.Sequential(
        nn.Linear(n_in, 32), activation, nn.Linear(32, 32), activation, nn.Linear(32, n_out)
    )


def main():
    torch.manual_seed(1)
    netG, netD = mlp(2, 2, nn.ReLU()), mlp(2, 1, nn.Softplus())
    optimizerD = torch.optim.Adam(netD.parameters(), lr=1e-3, betas=(0.5, 0.9))
    optimizerG = torch.optim.Adam(netG.parameters(), lr=1e-3, betas=(0.5, 0.9))
    history = []
    for _iteration in range(5):
        for p in netD.parameters():
            p.requires_grad = True
        for _ in range(3):
            angle = 2 * torch.pi * torch.rand(32)
            real = torch.stack([angle.cos(), angle.sin()], dim=1)
            netD.zero_grad()
            D_real = netD(real).mean()
            with torch.no_grad():
                fake = netG(torch.randn(32, 2))
            D_fake = netD(fake).mean()
            gradient_penalty = calc_gradient_penalty(netD, real.data, fake.data)
            D_cost = D_fake - D_real + gradient_penalty
            D_cost.backward()
            optimizerD.step()
            history += [D_cost.item(), gradient_penalty.item()]
        for p in netD.parameters():
            p.requires_grad = False
        netG.zero_grad()
        G = -netD(netG(torch.randn(32, 2))).mean()
        G.backward()
        optimizerG.step()
        history.append(G.item())
    return history
