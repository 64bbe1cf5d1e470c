#!/usr/bin/env python3
"""train.py PAIRS NETWORK [--epochs 10]: fits the network of the first package to what its schemes took and gave.

NETWORK is a TorchScript file of two arguments, forward(profiles [columns, 60], surface [columns, 2]), which returns
heating and moistening, [columns, 30] each. The last fifth of the run is held out; its score is printed.
"""
import argparse

import h5py
import torch

BATCH = 512
LEARNING_RATE = 2.0e-3
WIDTH = 192


def read(path, names):
    """The fields side by side, [row, levels]: rows of the first four fifths of the records, and of the last fifth."""
    with h5py.File(path, "r") as file:
        rows = torch.cat([torch.tensor(file[name][:]).flatten(1, 2) for name in names], 2)
    first_held_out = len(rows) * 4 // 5
    return rows[:first_held_out].flatten(0, 1), rows[first_held_out:].flatten(0, 1)


def scale_of(rows, widths):
    """Mean and standard deviation of each level; at least 3 % of its field's, as some levels hardly change."""
    std = [field.std(0).clamp_min(0.03 * field.std().item()) for field in rows.split(widths, 1)]
    return rows.mean(0), torch.cat(std)


class Physics(torch.nn.Module):
    """An MLP between the normalisation of its inputs and the inverse for its outputs, all inside the one file."""

    def __init__(self, profiles, surface, tendencies):
        super().__init__()
        levels = profiles.shape[1] // 2
        self.register_buffer("sigma", (torch.arange(levels) + 0.5) / levels)
        inputs = self.inputs_of(profiles, surface)
        for name, (mean, std) in {"input": scale_of(inputs, [levels, levels, levels - 1, levels, 1, 1]),
                                  "output": scale_of(tendencies, [levels, levels])}.items():
            self.register_buffer(name + "_mean", mean)
            self.register_buffer(name + "_std", std)
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(inputs.shape[1], WIDTH), torch.nn.SiLU(),
            torch.nn.Linear(WIDTH, WIDTH), torch.nn.SiLU(),
            torch.nn.Linear(WIDTH, tendencies.shape[1]))

    def inputs_of(self, profiles, surface):
        """Moist adjustment hangs on what neighbouring levels differ by and on saturation: inputs of their own."""
        temperature, humidity = profiles.chunk(2, 1)
        # Bolton (1980), as in physics.f90; constant factors go into the normalisation.
        saturation = torch.exp(17.67 * (temperature - 273.15) / (temperature - 29.65)) / self.sigma
        return torch.cat([temperature, humidity, temperature.diff(), humidity / saturation, surface], 1)

    def forward(self, profiles, surface):
        x = (self.inputs_of(profiles, surface) - self.input_mean) / self.input_std
        heating, moistening = (self.output_mean + self.output_std * self.layers(x)).chunk(2, 1)
        return heating, moistening


def train(network, profiles, surface, tendencies, epochs):
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        for batch in torch.randperm(len(profiles)).split(BATCH):
            error = (torch.cat(network(profiles[batch], surface[batch]), 1) - tendencies[batch]) / network.output_std
            optimizer.zero_grad()
            error.square().mean().backward()
            optimizer.step()
        schedule.step()
        print(f"epoch {epoch + 1}: mean square error {error.square().mean().item():.4f} in the last batch", flush=True)
    return network.eval()


def main():
    parser = argparse.ArgumentParser(description="Fits the network of the first package.")
    parser.add_argument("pairs", help="the HDF5 file that `columns` wrote")
    parser.add_argument("network", help="the TorchScript file to write")
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()
    torch.manual_seed(1)

    training, held_out = zip(*(read(args.pairs, names) for names in (
        ("temperature", "humidity"), ("surface_temperature", "solar"), ("heating", "moistening"))))
    network = train(Physics(*training), *training, args.epochs)

    profiles, surface, tendencies = held_out
    with torch.no_grad():
        given = network(profiles, surface)
    for name, scheme, answer in zip(("heating", "moistening"), tendencies.chunk(2, 1), given):
        missed = (answer - scheme).square().sum() / (scheme - scheme.mean(0)).square().sum()
        print(f"{name}: {100 * (1 - missed.item()):.1f} % of the variance in the held-out fifth")
    torch.jit.script(network).save(args.network)


if __name__ == "__main__":
    main()
