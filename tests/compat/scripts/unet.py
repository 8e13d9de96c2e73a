"""A small U-Net: group norm, upsampling, skip connections, Dice loss, NaN watched by anomaly mode."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class DoubleConv(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, padding=1),
            nn.GroupNorm(2, out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
            nn.InstanceNorm2d(out_channels, affine=True),
            nn.ReLU(inplace=True),
        )

    def forward(self, x):
        return self.double_conv(x)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.inc = DoubleConv(1, 4)
        self.down = nn.Sequential(nn.MaxPool2d(2), DoubleConv(4, 8))
        self.drop = nn.Dropout2d(0.2)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.conv = DoubleConv(12, 4)
        self.outc = nn.Conv2d(4, 1, kernel_size=1)

    def forward(self, x):
        x1 = self.inc(x)
        x2 = self.up(self.drop(self.down(x1)))
        diff = x1.size(2) - x2.size(2)
        x2 = F.pad(x2, [diff // 2, diff - diff // 2, diff // 2, diff - diff // 2])
        return self.outc(self.conv(torch.cat([x1, x2], dim=1)))


def dice_loss(probability, target, eps=1e-6):
    intersection = (probability * target).sum(dim=(1, 2, 3))
    total = probability.sum(dim=(1, 2, 3)) + target.sum(dim=(1, 2, 3))
    return 1 - ((2 * intersection + eps) / (total + eps)).mean()


def main():
    torch.manual_seed(0)
    size = 9
    rows = torch.arange(size).view(1, size, 1)
    columns = torch.arange(size).view(1, 1, size)
    centre = torch.randint(2, size - 2, (6, 2, 1, 1))
    inside = (rows - centre[:, 0]) ** 2 + (columns - centre[:, 1]) ** 2 <= 5
    target = inside.unsqueeze(1).float()
    images = target + 0.3 * torch.randn(6, 1, size, size)
    model = UNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    with torch.autograd.set_detect_anomaly(True):
        for _step in range(6):
            logits = model(images)
            loss = F.binary_cross_entropy_with_logits(logits, target)
            loss = loss + dice_loss(torch.sigmoid(logits), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        predicted = torch.sigmoid(model(images)) > 0.5
        overlap = (predicted & target.bool()).sum() / (predicted | target.bool()).sum()
        losses += [overlap.item(), dice_loss(predicted.float(), target).item()]
    return losses
