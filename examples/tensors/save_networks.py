#!/usr/bin/env python3
"""Writes two TorchScript files to a folder: closure.pt for infer.f90, linear.pt for train.f90.

save_networks.py FOLDER
"""
import pathlib
import sys

import torch


class Closure(torch.nn.Module):
    """Heating and cloud of a column from its temperature and humidity, with weights that nobody has trained."""

    def __init__(self, levels):
        super().__init__()
        self.hidden = torch.nn.Linear(2 * levels, 32)
        self.heating = torch.nn.Linear(32, levels)
        self.cloud = torch.nn.Linear(32, 1)

    def forward(self, temperature, humidity):
        x = torch.cat([(temperature - 250) / 30, humidity / 0.01], dim=1)
        x = torch.tanh(self.hidden(x))
        return self.heating(x), torch.sigmoid(self.cloud(x))


folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
torch.manual_seed(0)
torch.jit.script(Closure(8).eval()).save(str(folder / "closure.pt"))
torch.jit.script(torch.nn.Linear(5, 5, bias=False)).save(str(folder / "linear.pt"))
