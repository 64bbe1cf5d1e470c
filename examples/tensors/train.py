#!/usr/bin/env python3
"""train.f90 in PyTorch: train.py FOLDER LOSSES"""
import pathlib
import sys

import torch

network = torch.jit.load(pathlib.Path(sys.argv[1]) / "linear.pt")
optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
with open(sys.argv[2], "w", encoding="utf8") as file:
    for step in range(1, 10001):
        x = torch.rand(5, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(network(x), x.roll(1))
        loss.backward()
        optimizer.step()
        file.write(f"{loss.item():16.9e}\n")
