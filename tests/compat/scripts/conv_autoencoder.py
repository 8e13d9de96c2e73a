"""A convolutional autoencoder that upsamples by transposed convolutions."""

import torch
import torch.nn as nn


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            # A bias before a normalisation would have a gradient of rounding alone.
            nn.Conv2d(1, 6, kernel_size=3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.Conv2d(6, 10, kernel_size=3, stride=2, padding=1),
            nn.LeakyReLU(0.1),
            nn.Flatten(),
            nn.Linear(90, 8),
        )
        self.decoder = nn.Sequential(
            nn.Linear(8, 90),
            nn.Unflatten(1, (10, 3, 3)),
            nn.ConvTranspose2d(10, 6, kernel_size=3, stride=2, padding=1, output_padding=1),
            nn.ELU(),
            nn.ConvTranspose2d(6, 1, kernel_size=4, stride=2, padding=1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


def main():
    torch.manual_seed(0)
    grid_y, grid_x = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
    centre = torch.rand(20, 2, 1, 1) * 8 + 2
    distance = (grid_y - centre[:, 0]) ** 2 + (grid_x - centre[:, 1]) ** 2
    images = torch.exp(-distance / 4).unsqueeze(1)
    noisy = (images + 0.1 * torch.randn_like(images)).clamp(0.0, 1.0)

    model = Autoencoder()
    print(model)
    criterion = nn.MSELoss()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    losses = []
    for _epoch in range(4):
        for batch, clean in zip(noisy.split(10), images.split(10), strict=True):
            optimizer.zero_grad()
            loss = criterion(model(batch), clean)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        losses.append(criterion(model(images), images).item())
    return losses
