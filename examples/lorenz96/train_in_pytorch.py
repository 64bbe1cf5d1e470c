#!/usr/bin/env python3
"""train_in_pytorch.py SEED FOLDER: the other door. The network of plan_train.yaml learns in PyTorch.

Reads the recordings in FOLDER/data with the Dataset that Ekman ships, split as in the plan. Writes FOLDER/closure.pt, a
TorchScript network that takes [samples, 1] and gives [samples, 1], and FOLDER/polynomial.nml, Wilks' quartic, a
least-squares fit to the same part.
"""
import sys

import numpy as np
import torch
from ekman_recordings import RecordedSamples, Split   # of PREFIX/share/ekman/pytorch

SPLIT = Split(train=0.75, validation=0.25, test=0.0, by="id", block=36)   # as in plan_train.yaml
EPOCHS = 12
BATCH = 2160
LEARNING_RATE = 5.0e-3


class Closure(torch.nn.Module):
    """An MLP behind a normalisation of X, inside the one file."""

    def __init__(self, width=32):
        super().__init__()
        self.mlp = torch.nn.Sequential(
            torch.nn.Linear(1, width), torch.nn.Tanh(),
            torch.nn.Linear(width, width), torch.nn.Tanh(),
            torch.nn.Linear(width, 1))

    def forward(self, x):
        return self.mlp((x - 2.0) / 4.0)   # `normalize` of plan_train.yaml


def everything(samples):
    """X and U of all samples, [samples, 1]."""
    return next(samples.batches(len(samples)))


def train(seed, training, validation):
    torch.manual_seed(seed)
    network = Closure()
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    num_steps = EPOCHS * -(-len(training) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, num_steps)
    x_val, u_val = everything(validation)
    best, best_state = float("inf"), None
    for epoch in range(EPOCHS):
        for x, u in training.batches(BATCH, seed=seed, epoch=epoch):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(network(x), u).backward()
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
    seed, folder = int(sys.argv[1]), sys.argv[2]
    torch.set_num_threads(1)
    training, validation = (RecordedSamples(f"{folder}/data/*.h5", ["x"], ["u_true"], part=part, split=SPLIT)
                            for part in ("train", "validation"))

    network, error = train(seed, training, validation)
    torch.jit.script(network).save(f"{folder}/closure.pt")

    x, u = (values.squeeze(1).double().numpy() for values in everything(training))
    coefficients = np.polynomial.polynomial.polyfit(x, u, deg=4)
    with open(f"{folder}/polynomial.nml", "w") as file:
        file.write("! U = sum over i = 0..4 of coefficients(i) X**i\n&polynomial\n  coefficients = ")
        file.write(", ".join(f"{c:.17e}" for c in coefficients) + "\n/\n")
    print(f"{len(training)} training pairs, validation RMSE of the network {error:.5f}")


if __name__ == "__main__":
    main()
