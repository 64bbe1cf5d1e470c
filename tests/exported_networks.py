"""Networks that pytorch_export.py exports: one for each thing that TorchScript, or a trace, may get wrong."""
import math
from typing import Dict, Tuple

import torch
from torch import Tensor, nn


class Plain(nn.Module):
    def __init__(self, inputs: int = 5, width: int = 8, outputs: int = 4):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(inputs, width), nn.Tanh())
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(x))


class Several(nn.Module):
    """Two arguments, one of them stacked, and two results, the second stacked."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 4), nn.Linear(5, 4)

    def forward(self, x: Tensor, wind: Tensor) -> Tuple[Tensor, Tensor]:
        y = torch.tanh(self.a(x)) + self.b(wind).sum(1)
        return y, torch.stack([y, 2.0 * y], 1)


class Dicts(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 6)

    def forward(self, x: Tensor) -> Dict[str, Tensor]:
        y = self.a(x)
        return {"heating": y[:, :4], "rain": torch.exp(y[:, 4:5]), "unused": y}


class Buffers(nn.Module):
    """Buffers of several kinds, one of which counts in train mode, and one that state_dict() has not."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 4)
        self.register_buffer("scale", torch.tensor([1.0, 2.0, 3.0, 4.0]))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("mask", torch.tensor([True, False, True, True]))
        self.register_buffer("offset", torch.ones(4), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.count.add_(1)
        return self.a(x) * self.scale * self.mask + self.offset


class Dropout(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 16), nn.Linear(16, 4)
        self.drop = nn.Dropout(0.3)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.drop(torch.relu(self.a(x))))


class BatchNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.norm, self.b = nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(torch.tanh(self.norm(self.a(x))))


class Attention(nn.Module):
    """PyTorch's own, over the levels of a column."""

    def __init__(self):
        super().__init__()
        self.attend = nn.MultiheadAttention(4, 2, dropout=0.1, batch_first=True)
        self.last = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.attend(x, x, x, need_weights=False)
        return self.last(x + y).mean(1)


class AttentionByHand(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = nn.Linear(4, 6), nn.Linear(4, 6), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.softmax(self.query(x) @ self.key(x).transpose(1, 2) / math.sqrt(6.0), -1)
        return (weights @ self.value(x)).mean(1)


class Spectral(nn.Module):
    """A Fourier layer on a grid, with complex weights."""

    def __init__(self, modes: int = 3, width: int = 4):
        super().__init__()
        self.modes = modes
        self.lift, self.last = nn.Conv2d(1, width, 1), nn.Conv2d(width, 1, 1)
        self.weight = nn.Parameter(torch.randn(width, width, modes, modes, dtype=torch.cfloat) / width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.lift(x)
        waves = torch.fft.rfft2(y)
        low = torch.einsum("bixy,ioxy->boxy", waves[:, :, :self.modes, :self.modes], self.weight)
        rows = torch.zeros_like(waves)
        rows[:, :, :self.modes, :self.modes] = low
        return self.last(torch.relu(y + torch.fft.irfft2(rows, s=[y.size(2), y.size(3)])))


class Classes(nn.Module):
    """Three classes at each point of a grid."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(2, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.a(x)


class OwnLoss(Plain):
    @torch.jit.export
    def loss(self, outputs: Dict[str, Tensor], targets: Dict[str, Tensor], inputs: Dict[str, Tensor]) -> Tensor:
        return (outputs["heating"] - targets["heating"]).abs().mean(1)


class Unused(Plain):
    def __init__(self):
        super().__init__()
        self.unused = nn.Linear(2, 2)


class Hook:
    """Like weight_norm of PyTorch, whose class warns since 2.0."""

    def __call__(self, module, arguments):
        return None


class Hooked(Plain):
    def __init__(self):
        super().__init__()
        self.head.register_forward_pre_hook(Hook())


class Nested(Plain):
    def forward(self, x: Tensor) -> Tuple[Tensor, Tuple[Tensor, Tensor]]:
        y = self.head(self.encoder(x))
        return y, (y, y)


class Mixing(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(x - x.mean(0)))


class Swallowed(nn.Module):
    """The name of one parameter ends with that of the other, which has no part in forward."""

    def __init__(self):
        super().__init__()
        self.a, self.aa = nn.Linear(5, 4), nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.aa(x)


class LossInside(Plain):
    def __init__(self):
        super().__init__()
        self.loss = nn.MSELoss()


class Half(Plain):
    """One layer is held fast by the module itself."""

    def __init__(self):
        super().__init__()
        self.encoder.requires_grad_(False)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
        self.b.weight = self.a.weight
        self.register_buffer("scale", torch.ones(4), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(torch.tanh(self.a(x))) * self.scale


class Unscriptable(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 4)

    def forward(self, *parts):
        return self.a(parts[0])


class Branch(nn.Module):
    """What a trace gets wrong: a branch that depends on data."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        if bool(x.sum() > 0):
            y = -y
        return y


class SizeKept(nn.Module):
    """What a trace gets wrong: the number of samples as a number of Python."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.a(x) + torch.zeros(int(x.shape[0]), 4)


class ScriptedOtherwise(Plain):
    def forward(self, x: Tensor) -> Tensor:
        y = self.head(self.encoder(x))
        if torch.jit.is_scripting():
            y = y + 0.001
        return y


class GradientOtherwise(Plain):
    """The same outputs, from which something else is learned."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.head(self.encoder(x))
        if torch.jit.is_scripting():
            y = y + (y - y.detach())
        return y


class Squeezed(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(x)).squeeze()


class Logarithm(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(torch.log(x)))


class Mixed(Plain):
    """Its mask has as many values as there are positive ones."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.head(self.encoder(x))
        return y + y[y > 0.0].sum()


class Rough(Plain):
    """Small differences of large numbers, which bfloat16 has not."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.head(self.encoder(x)) + 1000.0
        return (y @ torch.eye(4)) - 1000.0


class Raises(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        raise ValueError(f"width {width} is odd")


def make(width: int = 8):
    """A factory."""
    return Plain(width=width)


def leaves():
    raise SystemExit("I leave")


def interrupts():
    raise KeyboardInterrupt


def not_a_network():
    return 3


def weighted_error(outputs: Dict[str, Tensor], targets: Dict[str, Tensor], inputs: Dict[str, Tensor]) -> Tensor:
    return ((outputs["heating"] - targets["heating"]) ** 2).mean(1) * inputs["area"].squeeze(1)


def of_tensors(outputs: Tensor, targets: Tensor, inputs: Tensor) -> Tensor:
    return ((outputs - targets) ** 2).mean(1)


def of_all(outputs: Dict[str, Tensor], targets: Dict[str, Tensor], inputs: Dict[str, Tensor]) -> Tensor:
    return ((outputs["heating"] - targets["heating"]) ** 2).mean()


def of_nothing(outputs: Dict[str, Tensor], targets: Dict[str, Tensor], inputs: Dict[str, Tensor]) -> Tensor:
    return (targets["heating"] ** 2).mean(1)
