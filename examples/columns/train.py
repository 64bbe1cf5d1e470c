#!/usr/bin/env python3
"""train.py PAIRS NETWORK [--epochs 12]: fits the network of the first package to what its schemes took and gave.

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
    """The fields side by side: records [record, column, levels]."""
    with h5py.File(path, "r") as file:
        fields = [torch.tensor(file[name][:]).flatten(1, 2) for name in names]
    return torch.cat(fields, 2)


def scale_of(*fields, least):
    """Mean and standard deviation of each level; at least `least` of its field's, as some levels hardly change."""
    rows = [field.flatten(0, 1) for field in fields]
    return (torch.cat([r.mean(0) for r in rows]),
            torch.cat([r.std(0).clamp_min(least * r.std().item()) for r in rows]))


class Physics(torch.nn.Module):
    """An MLP between the normalisation of its inputs and the inverse for its outputs, all inside the one file."""

    def __init__(self, profiles, surface, tendencies):
        super().__init__()
        temperature, humidity = profiles.chunk(2, 2)
        input_mean, input_std = scale_of(temperature, humidity, temperature.diff(), *surface.chunk(2, 2), least=1.0e-3)
        output_mean, output_std = scale_of(*tendencies.chunk(2, 2), least=5.0e-2)
        self.register_buffer("input_mean", input_mean)
        self.register_buffer("input_std", input_std)
        self.register_buffer("output_mean", output_mean)
        self.register_buffer("output_std", output_std)
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(len(input_mean), WIDTH), torch.nn.SiLU(),
            torch.nn.Linear(WIDTH, WIDTH), torch.nn.SiLU(),
            torch.nn.Linear(WIDTH, len(output_mean)))

    def forward(self, profiles, surface):
        # Moist adjustment hangs on small differences between neighbouring levels: they are inputs of their own.
        temperature = profiles.chunk(2, 1)[0]
        x = (torch.cat([profiles, temperature.diff(), surface], 1) - self.input_mean) / self.input_std
        heating, moistening = (self.output_mean + self.output_std * self.layers(x)).chunk(2, 1)
        return heating, moistening


def train(network, rows, epochs):
    profiles, surface, tendencies = rows
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


def main():
    parser = argparse.ArgumentParser(description="Fits the network of the first package.")
    parser.add_argument("pairs", help="the HDF5 file that `columns` wrote")
    parser.add_argument("network", help="the TorchScript file to write")
    parser.add_argument("--epochs", type=int, default=12)
    args = parser.parse_args()
    torch.manual_seed(1)

    records = [read(args.pairs, names) for names in (("temperature", "humidity"), ("surface_temperature", "solar"),
                                                     ("heating", "moistening"))]
    first_held_out = len(records[0]) * 4 // 5
    network = Physics(*(r[:first_held_out] for r in records))
    train(network, [r[:first_held_out].flatten(0, 1) for r in records], args.epochs)

    network.eval()
    profiles, surface, tendencies = (r[first_held_out:].flatten(0, 1) for r in records)
    with torch.no_grad():
        given = torch.cat(network(profiles, surface), 1)
    for name, scheme, answer in zip(("heating", "moistening"), tendencies.chunk(2, 1), given.chunk(2, 1)):
        share = (answer - scheme).square().sum() / (scheme - scheme.mean(0)).square().sum()
        print(f"{name}: {100 * (1 - share.item()):.1f} % of the variance in the held-out fifth")
    torch.jit.script(network).save(args.network)


if __name__ == "__main__":
    main()
