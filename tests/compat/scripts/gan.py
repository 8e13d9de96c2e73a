"""A generative adversarial network: two optimizers, detached samples, real and fake labels."""

import torch
import torch.nn as nn
import torch.optim as optim

latent_dim, data_dim, batch_size = 4, 16, 32


def weights_init(m):
    classname = m.__class__.__name__
    if classname.find("Linear") != -1:
        nn.init.normal_(m.weight.data, 0.0, 0.2)
        if m.bias is not None:
            nn.init.constant_(m.bias.data, 0)
    elif classname.find("BatchNorm") != -1:
        nn.init.normal_(m.weight.data, 1.0, 0.02)
        nn.init.zeros_(m.bias.data)


def main():
    torch.manual_seed(999)
    netG = nn.Sequential(
        nn.Linear(latent_dim, 32, bias=False),
        nn.BatchNorm1d(32),
        nn.ReLU(True),
        nn.Linear(32, data_dim),
        nn.Tanh(),
    )
    netD = nn.Sequential(
        nn.Linear(data_dim, 32), nn.LeakyReLU(0.2, inplace=True), nn.Linear(32, 1), nn.Sigmoid()
    )
    netG.apply(weights_init)
    netD.apply(weights_init)

    criterion = nn.BCELoss()
    fixed_noise = torch.randn(8, latent_dim)
    optimizerD = optim.Adam(netD.parameters(), lr=0.002, betas=(0.5, 0.999))
    optimizerG = optim.Adam(netG.parameters(), lr=0.002, betas=(0.5, 0.999))
    losses = []
    for _i in range(12):
        real = torch.sin(torch.linspace(0, 3, data_dim) + torch.rand(batch_size, 1))

        netD.zero_grad()
        label = torch.full((batch_size,), 1.0, dtype=torch.float)
        output = netD(real).view(-1)
        errD_real = criterion(output, label)
        errD_real.backward()
        noise = torch.randn(batch_size, latent_dim)
        fake = netG(noise)
        label.fill_(0.0)
        output = netD(fake.detach()).view(-1)
        errD_fake = criterion(output, label)
        errD_fake.backward()
        optimizerD.step()

        netG.zero_grad()
        label.fill_(1.0)
        output = netD(fake).view(-1)
        errG = criterion(output, label)
        errG.backward()
        optimizerG.step()
        losses += [(errD_real + errD_fake).item(), errG.item(), output.mean().item()]
    with torch.no_grad():
        netG.eval()
        losses.append(netG(fixed_noise).detach().std().item())
    return losses
