#!/usr/bin/env python3
"""What LibTorch's JIT does to a network that learns: jit_passes.py [profiling].

As Ekman runs it, or with the profiling executor that is LibTorch's default: the time of the first forwards and
backwards, whether gradients have the bits of plain PyTorch, and the operations of the graph that is run. With profiling
LibTorch 2.6 may compile its third call for minutes.
"""
import collections
import sys
import time

import torch

PROFILING = sys.argv[1:] == ["profiling"]
STEADY = 200


class Net(torch.nn.Module):
    """Has what passes look for: a layer that is called twice alike, a product of constants, a buffer, dropout."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.last = (torch.nn.Linear(*sizes) for sizes in ((60, 128), (128, 128), (128, 60)))
        self.dropout = torch.nn.Dropout(0.0)
        self.register_buffer("scale", torch.tensor(2.0))

    def forward(self, x):
        y = torch.tanh(self.first(x)) * torch.sigmoid(self.first(x) + 1.0)
        y = torch.tanh(self.second(y)) * self.scale
        return self.last(self.dropout(y)) * (3 * 0.5)


def gradient(network, x, z):
    for parameter in network.parameters():
        parameter.grad = None
    ((network(x) - z) ** 2).mean().backward()
    return torch.cat([parameter.grad.reshape(-1) for parameter in network.parameters()])


def operations(block, inside=""):
    counts = collections.Counter()
    for node in block.nodes():
        counts[inside + node.kind()] += 1
        for part in [node.g("Subgraph")] if node.hasAttribute("Subgraph") else node.blocks():
            counts += operations(part, node.kind() + " > " if node.hasAttribute("Subgraph") else inside)
    return counts


def main():
    torch.set_num_threads(1)
    torch._C._jit_set_profiling_mode(PROFILING)   # as compat::stop_profiling() of adapters/torch/compat.hpp
    plain, script = Net().double(), torch.jit.script(Net().double())
    x, z = torch.randn(2, 64, 60, dtype=torch.float64)
    wanted, last = gradient(plain, x, z), None
    print(f"PyTorch {torch.__version__}, {'with' if PROFILING else 'without'} profiling")
    for call in range(1, 6):
        begin = time.perf_counter()
        found = gradient(script, x, z)
        milliseconds = 1e3 * (time.perf_counter() - begin)
        print(f"call {call}: {milliseconds:7.2f} ms, {'' if torch.equal(found, wanted) else 'not '}the bits of plain "
              f"PyTorch{'' if last is None or torch.equal(found, last) else ', nor those of the last call'}",
              flush=True)
        last = found
    for name, network in (("TorchScript", script), ("plain PyTorch", plain)):
        begin = time.perf_counter()
        for _ in range(STEADY):
            gradient(network, x, z)
        print(f"later calls, {name}: {1e3 * (time.perf_counter() - begin) / STEADY:.2f} ms")
    for kind, count in sorted(operations(script.graph_for(x)).items()):
        print(f"  {count:3} {kind}")


if __name__ == "__main__":
    main()
