"""Writes the TorchScript files that the benches run: mlp.pt, unet.pt, fno.pt.

networks.py FOLDER
"""
import pathlib
import sys

import torch
from torch import nn


def mlp():
    return nn.Sequential(nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 128))


def two_convolutions(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
                         nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU())


class UNet(nn.Module):
    """Three levels, 4 fields in and 2 out, on grids whose sides 4 divides."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.deepest = two_convolutions(4, 16), two_convolutions(16, 32), two_convolutions(32, 64)
        self.pool = nn.MaxPool2d(2)
        self.up_second, self.up_first = nn.ConvTranspose2d(64, 32, 2, 2), nn.ConvTranspose2d(32, 16, 2, 2)
        self.back_second, self.back_first = two_convolutions(64, 32), two_convolutions(32, 16)
        self.last = nn.Conv2d(16, 2, 1)

    def forward(self, x):
        a = self.first(x)
        b = self.second(self.pool(a))
        c = self.deepest(self.pool(b))
        b = self.back_second(torch.cat([self.up_second(c), b], 1))
        a = self.back_first(torch.cat([self.up_first(b), a], 1))
        return self.last(a)


class SpectralConvolution(nn.Module):
    def __init__(self, width: int, modes: int):
        super().__init__()
        self.modes = modes
        scale = 1.0 / width
        self.low = nn.Parameter(scale * torch.rand(width, width, modes, modes, 2))
        self.high = nn.Parameter(scale * torch.rand(width, width, modes, modes, 2))

    def forward(self, x):
        m = self.modes
        spectrum = torch.fft.rfft2(x)
        out = torch.zeros_like(spectrum)
        out[:, :, :m, :m] = torch.einsum("bixy,ioxy->boxy", spectrum[:, :, :m, :m], torch.view_as_complex(self.low))
        out[:, :, -m:, :m] = torch.einsum("bixy,ioxy->boxy", spectrum[:, :, -m:, :m], torch.view_as_complex(self.high))
        return torch.fft.irfft2(out, [x.size(2), x.size(3)])


class FNO(nn.Module):
    """Fourier neural operator of four layers, 4 fields in and 2 out, 12 modes."""

    def __init__(self, width: int = 20, modes: int = 12):
        super().__init__()
        self.lift, self.project = nn.Conv2d(4, width, 1), nn.Conv2d(width, 2, 1)
        self.spectral = nn.ModuleList([SpectralConvolution(width, modes) for _ in range(4)])
        self.local = nn.ModuleList([nn.Conv2d(width, width, 1) for _ in range(4)])

    def forward(self, x):
        x = self.lift(x)
        for spectral, local in zip(self.spectral, self.local):
            x = nn.functional.gelu(spectral(x) + local(x))
        return self.project(x)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    for name, network in {"mlp": mlp(), "unet": UNet(), "fno": FNO()}.items():
        torch.jit.script(network.eval()).save(str(folder / f"{name}.pt"))


main()
