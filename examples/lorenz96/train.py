#!/usr/bin/env python3
"""train.py SEED TRUTH FOLDER: fits both closures of one seed to the pairs (X, U) of its training members.

Writes FOLDER/closure.pt, a TorchScript network that takes [samples, 1] and gives [samples, 1],
FOLDER/polynomial.nml, Wilks' quartic, and FOLDER/untrained.pt, the network with the weights that training begins
with, which saw no data: `online` lets it learn. Whole members are held out (role 0 train, 1 validation, 2 test):
neighbours in time or space of one trajectory never fall on two sides of the split. Test members are not read.
"""
import sys

import h5py
import numpy as np
import torch

EPOCHS = 12
BATCH = 2048
LEARNING_RATE = 5.0e-3


class Closure(torch.nn.Module):
    """An MLP between a normalisation of X and its inverse for U, all inside the one file."""

    def __init__(self, seed, x_mean, x_std, u_mean, u_std, width=32):
        super().__init__()
        torch.manual_seed(seed)
        self.register_buffer("x_mean", torch.as_tensor(x_mean))
        self.register_buffer("x_std", torch.as_tensor(x_std))
        self.register_buffer("u_mean", torch.as_tensor(u_mean))
        self.register_buffer("u_std", torch.as_tensor(u_std))
        self.mlp = torch.nn.Sequential(
            torch.nn.Linear(1, width), torch.nn.Tanh(),
            torch.nn.Linear(width, width), torch.nn.Tanh(),
            torch.nn.Linear(width, 1))

    def forward(self, x):
        return self.u_mean + self.u_std * self.mlp((x - self.x_mean) / self.x_std)


def read_pairs(path, role):
    """X and U, flat, of the members with this role."""
    with h5py.File(path, "r") as file:
        members = np.flatnonzero(file["role"][:] == role)
        chosen = slice(members[0], members[-1] + 1)
        return file["x"][chosen].ravel(), file["u"][chosen].ravel()


def train(seed, training, validation):
    x, u = (torch.tensor(a, dtype=torch.float32).unsqueeze(1) for a in training)
    x_val, u_val = (torch.tensor(a, dtype=torch.float32).unsqueeze(1) for a in validation)
    network = Closure(seed, x.mean(), x.std(), u.mean(), u.std())
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    best, best_state = float("inf"), None
    for epoch in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(network(x[batch]), u[batch]).backward()
            optimizer.step()
        schedule.step()
        with torch.no_grad():
            loss = torch.nn.functional.mse_loss(network(x_val), u_val).item()
        if loss < best:
            best, best_state = loss, {k: v.clone() for k, v in network.state_dict().items()}
        print(f"progress {(epoch + 1) / EPOCHS:.3f}", flush=True)
    network.load_state_dict(best_state)
    return network.eval(), best ** 0.5


def main():
    seed, truth, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    torch.set_num_threads(1)
    training, validation = read_pairs(truth, role=0), read_pairs(truth, role=1)

    network, error = train(seed, training, validation)
    torch.jit.script(network).save(f"{folder}/closure.pt")
    untrained = Closure(seed, 2.0, 4.0, 0.0, 1.0)   # round guesses in place of means and deviations
    torch.jit.script(untrained.eval()).save(f"{folder}/untrained.pt")

    coefficients = np.polynomial.polynomial.polyfit(*training, deg=4)
    with open(f"{folder}/polynomial.nml", "w") as file:
        file.write("! U = sum over i = 0..4 of coefficients(i) X**i\n&polynomial\n  coefficients = ")
        file.write(", ".join(f"{c:.17e}" for c in coefficients) + "\n/\n")
    print(f"{len(training[0])} training pairs, validation RMSE of the network {error:.5f}")


if __name__ == "__main__":
    main()
