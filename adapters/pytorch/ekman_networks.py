"""The built-in networks of Ekman in PyTorch: the same names and arguments, the same parameters, outputs and gradients.

    network, texts = ekman_networks.load("run/heating-00001000.safetensors")
    y = network(x)      # [samples, inputs], or [samples, inputs, ny, nx] of unet and fno

x and y are what the network itself sees: normalised, where the plan says so under `normalize`; texts["network"] has the
constants, and learned ones are arrays of the checkpoint. Needs PyTorch 1.13 or later and ekman_checkpoint.py
beside it.
"""
import json
import math

import torch
from torch import nn
from torch.nn import functional

from ekman_checkpoint import read

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "gelu": functional.gelu,
               "silu": functional.silu}


class _Activation(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.function = ACTIVATIONS[name]

    def forward(self, x):
        return self.function(x)


class Mlp(nn.Sequential):
    """Linear layers with an activation between them."""

    def __init__(self, inputs, outputs, hidden, activation="relu"):
        layers, width = [], inputs
        for size in hidden:
            layers += [nn.Linear(width, size), _Activation(activation)]
            width = size
        super().__init__(*layers, nn.Linear(width, outputs))


class _Block(nn.Module):
    def __init__(self, width, activation):
        super().__init__()
        self.activation = ACTIVATIONS[activation]
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        return x + self.second(self.activation(self.first(self.activation(x))))


class ResMlp(nn.Module):
    """Blocks of two linear layers, each block added to what it takes."""

    def __init__(self, inputs, outputs, width=32, blocks=2, activation="relu"):
        super().__init__()
        self.activation = ACTIVATIONS[activation]
        self.first = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(_Block(width, activation) for _ in range(blocks))
        self.last = nn.Linear(width, outputs)

    def forward(self, x):
        y = self.first(x)
        for block in self.blocks:
            y = block(y)
        return self.last(self.activation(y))


def _edges(padding):
    """Whether y and x are periodic, of {"y": "zero", "x": "periodic"}."""
    padding = {"y": "zero", "x": "zero", **(padding or {})}
    return padding["y"] == "periodic", padding["x"] == "periodic"


def _convolve(layer, x, edges):
    """3 x 3 points, as many out as in."""
    if edges[0]:
        x = torch.cat([x[:, :, -1:], x, x[:, :, :1]], 2)
    if edges[1]:
        x = torch.cat([x[..., -1:], x, x[..., :1]], 3)
    return functional.conv2d(x, layer.weight, layer.bias, padding=(0 if edges[0] else 1, 0 if edges[1] else 1))


class _Pair(nn.Module):
    def __init__(self, inputs, outputs, edges, activation):
        super().__init__()
        self.edges, self.activation = edges, ACTIVATIONS[activation]
        groups = math.gcd(outputs, 8)
        self.first, self.first_norm = nn.Conv2d(inputs, outputs, 3), nn.GroupNorm(groups, outputs)
        self.second, self.second_norm = nn.Conv2d(outputs, outputs, 3), nn.GroupNorm(groups, outputs)

    def forward(self, x):
        x = self.activation(self.first_norm(_convolve(self.first, x, self.edges)))
        return self.activation(self.second_norm(_convolve(self.second, x, self.edges)))


class UNet(nn.Module):
    """Convolutions on a grid and on coarser ones, which meet again on the way back (Ronneberger et al., 2015)."""

    def __init__(self, inputs, outputs, width=32, depth=3, padding=None, activation="relu"):
        super().__init__()
        self.edges = _edges(padding)
        widths = [width << level for level in range(depth)]
        self.down = nn.ModuleList(_Pair(before, after, self.edges, activation)
                                  for before, after in zip([inputs] + widths, widths))
        self.narrow = nn.ModuleList(nn.Conv2d(2 * size, size, 3) for size in widths[:-1])
        self.up = nn.ModuleList(_Pair(2 * size, size, self.edges, activation) for size in widths[:-1])
        self.last = nn.Conv2d(width, outputs, 1)

    def forward(self, x):
        levels = []
        for level, pair in enumerate(self.down):
            x = pair(functional.max_pool2d(x, 2) if level else x)
            levels.append(x)
        for across, narrow, pair in reversed(list(zip(levels, self.narrow, self.up))):
            x = functional.interpolate(x, size=across.shape[2:], mode="nearest")
            x = pair(torch.cat([across, _convolve(narrow, x, self.edges)], 1))
        return self.last(x)


class _Spectral(nn.Module):
    """Waves 0, 1, ... of y are in the first half of the weights, waves -modes[0] to -1 in the other."""

    def __init__(self, width, modes):
        super().__init__()
        self.modes = modes
        bound = 1.0 / math.sqrt(2.0 * width)
        self.weight = nn.Parameter(torch.empty(2 * modes[0], modes[1], width, width, 2).uniform_(-bound, bound))

    def forward(self, x):
        (modes_y, modes_x), (ny, nx) = self.modes, x.shape[2:]
        waves = torch.fft.fft(torch.fft.rfft(x)[..., :modes_x], dim=2)
        low = torch.cat([waves[:, :, :modes_y], waves[:, :, ny - modes_y:]], 2)
        product = (low.permute(2, 3, 0, 1) @ torch.view_as_complex(self.weight)).permute(2, 3, 0, 1)
        rows = product.new_zeros(x.shape[0], product.shape[1], ny, modes_x)
        rows[:, :, :modes_y], rows[:, :, ny - modes_y:] = product[:, :, :modes_y], product[:, :, modes_y:]
        rows = torch.fft.ifft(rows, dim=2)
        torch.view_as_real(rows)[..., 0, 1].zero_()
        return torch.fft.irfft(rows, n=nx)


class Fno(nn.Module):
    """A Fourier neural operator (Li et al., 2021). In a direction with zero padding an eighth more points is transformed."""

    def __init__(self, inputs, outputs, modes, width=32, layers=4, padding=None, activation="relu"):
        super().__init__()
        self.edges, self.activation = _edges(padding), ACTIVATIONS[activation]
        self.lift = nn.Conv2d(inputs, width, 1)
        self.spectral = nn.ModuleList(_Spectral(width, modes) for _ in range(layers))
        self.local = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(layers))
        self.project, self.last = nn.Conv2d(width, 4 * width, 1), nn.Conv2d(4 * width, outputs, 1)

    def forward(self, x):
        ny, nx = x.shape[2:]
        more_y, more_x = (0 if periodic else (size + 7) // 8 for periodic, size in zip(self.edges, (ny, nx)))
        y = functional.pad(self.lift(x), (0, more_x, 0, more_y))
        for number, (spectral, local) in enumerate(zip(self.spectral, self.local), 1):
            y = spectral(y) + local(y)
            if number < len(self.local):
                y = self.activation(y)
        return self.last(self.activation(self.project(y[:, :, :ny, :nx])))


NETWORKS = {"mlp": Mlp, "resmlp": ResMlp, "unet": UNet, "fno": Fno}


def make(name, inputs, outputs, arguments):
    """A built-in network by the name and arguments that it has in a plan, with first weights of PyTorch's own."""
    return NETWORKS[name](inputs, outputs, **arguments)


def load(path):
    """The built-in network of a checkpoint with its weights, in the kind of real that it learned in, and the texts."""
    arrays, texts = read(path)
    of = json.loads(texts["network"])
    if of["kind"] == "mlp":  # of Ekman 0.1.0
        of.update(kind="builtin", name="mlp", arguments={key: of[key] for key in ("hidden", "activation")})
    if of["kind"] != "builtin" or of["name"] not in NETWORKS:
        raise ValueError(f"{path}: holds no built-in network; load its TorchScript file, or its own code")
    network = make(of["name"], of["inputs"], of["outputs"], of["arguments"])
    network.to(torch.float64 if of.get("compute") == "float64" else torch.float32)
    network.load_state_dict({name.split("/", 1)[1]: array for name, array in arrays.items()
                             if name.startswith("parameters/")})
    return network, texts
