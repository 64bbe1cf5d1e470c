"""Losses and gradients of the cases of gradients.f90, computed by PyTorch: pytorch_twin.py PROGRAM"""
import subprocess
import sys

import torch


def numbers(seed):
    return torch.rand(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) + 0.5


def turned(a):
    return a.permute(*reversed(range(a.dim())))


def reshape(a, *shape):
    """In Fortran's array order."""
    return turned(turned(a).reshape(tuple(reversed(shape))))


CASES = [
    lambda x, y: ((x + y) * y).sum(), lambda x, y: ((y - x) * x).sum(), lambda x, y: (x * y).sum(),
    lambda x, y: (y / x).sum(), lambda x, y: (x / y).sum(), lambda x, y: (x ** y).sum(), lambda x, y: (y ** x).sum(),
    lambda x, y: (x ** 3).sum(), lambda x, y: (x ** 2.5).sum(), lambda x, y: (1.5 ** x).sum(),
    lambda x, y: (2 / x - 3 * x + x * 0.5).sum(), lambda x, y: (-(x * y)).sum(), lambda x, y: ((x - y).abs() * y).sum(),
    lambda x, y: x.exp().sum(), lambda x, y: x.log().sum(), lambda x, y: x.sqrt().sum(),
    lambda x, y: (x.sin() * y).sum(), lambda x, y: (x.cos() * y).sum(), lambda x, y: (x.tanh() * y).sum(),
    lambda x, y: (x.sigmoid() * y).sum(), lambda x, y: ((x - y).relu() * y).sum(), lambda x, y: (x * x).mean(),
    lambda x, y: ((x * x).mean(1) * y[:, 0:1]).sum(), lambda x, y: (x * y).max(), lambda x, y: ((x * y).amin(0) ** 2).sum(),
    lambda x, y: ((x.T @ y) * (y.T @ x)).sum(),
    lambda x, y: torch.dot(reshape(x, 12), reshape(y, 12) * reshape(x * x, 12)),
    lambda x, y: (torch.cat([x, y * x], 1) ** 2).sum(), lambda x, y: (x[:, 0:4:2] * y[:, 1:4:2] * x[:, 2:4]).sum(),
    lambda x, y: (x ** 2).sum(), lambda x, y: ((x * y).amax(1) * reshape(x, 12)[1:4]).sum(),
]


def main():
    torch.set_num_threads(1)
    lines = subprocess.run([sys.argv[1], "print"], check=True, timeout=60, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    assert len(lines) == len(CASES), f"{len(CASES)} cases here, {len(lines)} there"
    for number, (line, case) in enumerate(zip(lines, CASES), 1):
        x, y = numbers(1).requires_grad_(), numbers(2)
        loss = case(x, y)
        loss.backward()
        found = torch.tensor([float(word) for word in line.split()[1:]], dtype=torch.float64)
        expected = torch.cat([loss.detach().reshape(1), reshape(x.grad, 12)])
        assert torch.allclose(found, expected, rtol=1e-13, atol=1e-13), f"case {number}: {found} there, PyTorch has {expected}"
    print(f"{len(CASES)} losses and gradients are PyTorch's")


main()
