#!/usr/bin/env python3
"""infer.f90 in PyTorch: infer.py FOLDER"""
import pathlib
import sys

import torch

closure = torch.jit.load(pathlib.Path(sys.argv[1]) / "closure.pt")
levels, columns = torch.arange(1.0, 9.0), torch.arange(1.0, 7.0)
temperature = 210 + 10 * levels[None, :] + columns[:, None]
humidity = (0.001 * levels).expand(6, 8)
with torch.no_grad():
    for _ in range(10):
        heating, cloud = closure(temperature, humidity)
        temperature = temperature + heating
print("temperature of column 1:" + "".join(f"{value:9.3f}" for value in temperature[0].tolist()))
print("cloud:" + "".join(f"{value:9.5f}" for value in cloud[:, 0].tolist()))
