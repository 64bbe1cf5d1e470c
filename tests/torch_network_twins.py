#!/usr/bin/python3
"""Compares the built-in networks with their twins in PyTorch, adapters/pytorch/ekman_networks.py, in float64.

Usage: torch_network_twins.py DRIVER. The twin is loaded from the checkpoint that the driver writes. Outputs, and the
gradient of a sum over them for each parameter, must agree to 1e-12 of their largest value: sums may be in another order.
"""
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "adapters/pytorch"))
import ekman_networks  # noqa: E402

INPUTS, OUTPUTS, SAMPLES, TOLERANCE = 3, 2, 4, 1e-12
PADDINGS = [f"{{y: {y}, x: {x}}}" for y in ("zero", "periodic") for x in ("zero", "periodic")]
POINTS = ["builtin: mlp, hidden: [9, 7], activation: tanh, seed: 3", "builtin: mlp, hidden: [5], activation: silu",
          "builtin: resmlp, width: 11, blocks: 3, activation: gelu, seed: 5", "builtin: resmlp, width: 4, activation: relu"]
GRIDS = [(f"builtin: {sizes}, padding: {padding}, seed: 2", shape)
         for padding in PADDINGS
         for sizes, shape in [("unet, width: 6, depth: 3, activation: silu", (8, 20)),
                              ("unet, width: 3, depth: 2, activation: sigmoid", (12, 6)),
                              ("fno, width: 6, modes: [3, 4], layers: 3, activation: gelu", (9, 14)),
                              ("fno, width: 5, modes: [5, 3], layers: 2, activation: tanh", (16, 7))]]
GRIDS += [("builtin: unet, width: 5, depth: 1", (5, 7)), ("builtin: fno, width: 4, modes: [1, 1], layers: 1", (1, 2)),
          ("builtin: fno, width: 4, modes: [4, 5], layers: 1, padding: {y: periodic, x: periodic}", (8, 10)),
          ("builtin: fno, width: 4, modes: [4, 5], layers: 1, padding: {y: periodic, x: periodic}", (9, 9))]


def plan_of(network, shape):
    sample = f"{{grid: {{shape: [{shape[0]}, {shape[1]}]}}}}" if shape else "point"
    return (f"ekman: 1\ncomponents: {{air: {{fields: {{a: {{levels: {INPUTS - 1}}}, b: {{levels: 1}}, "
            f"c: {{levels: {OUTPUTS}}}}}}}}}\nnetworks:\n  net:\n    component: air\n    network: {{{network}}}\n"
            f"    sample: {sample}\n    chunk: {SAMPLES}\n    tile: {SAMPLES}\n    wire: float64\n    compute: float64\n"
            "    inputs: [{fields: [a]}, {fields: [b]}]\n    outputs: [{fields: [c]}]\n")


def samples_of(rows, shape):
    """Rows of points, the last index of a grid fastest, as PyTorch has samples."""
    return torch.from_numpy(rows if not shape else
                            rows.reshape(SAMPLES, *shape, -1).transpose(0, 3, 1, 2).copy())


def rows_of(samples, shape):
    values = samples.detach().numpy()
    return values if not shape else values.transpose(0, 2, 3, 1).reshape(-1, values.shape[1])


def compare(driver, folder, network, shape):
    """What is wrong, in words."""
    rows = SAMPLES * (shape[0] * shape[1] if shape else 1)
    random = np.random.default_rng(11)
    x, adjoint = random.normal(size=(rows, INPUTS)), random.normal(size=(rows, OUTPUTS))
    (folder / "plan.yaml").write_text(plan_of(network, shape))
    x.tofile(folder / "x.bin")
    adjoint.tofile(folder / "adjoint.bin")
    checkpoint = folder / "net.safetensors"
    checkpoint.unlink(missing_ok=True)
    subprocess.run([driver, f"plan={folder / 'plan.yaml'}", f"in={folder / 'x.bin'}", f"out={folder / 'out.bin'}",
                    f"adjoint={folder / 'adjoint.bin'}", f"checkpoint={checkpoint}"], check=True, timeout=60)
    ours = np.fromfile(folder / "out.bin")

    twin, _ = ekman_networks.load(checkpoint)
    y = twin(samples_of(x, shape))
    (y * samples_of(adjoint, shape)).sum().backward()
    theirs = {"outputs": rows_of(y, shape), **{name: p.grad.numpy() for name, p in twin.named_parameters()}}

    worst, begin = 0.0, 0
    for name, expected in theirs.items():
        found = ours[begin:begin + expected.size].reshape(expected.shape)
        begin += expected.size
        scale = np.abs(expected).max()
        if scale == 0.0:
            return f"{network} {shape}: {name} is 0, which says nothing"
        worst = max(worst, np.abs(found - expected).max() / scale)
    print(f"{network} {shape}: outputs and {len(theirs) - 1} gradients, {worst:.1e}")
    if begin != ours.size:
        return f"{network} {shape}: {ours.size} values, and the twin has {begin}"
    return f"{network} {shape}: differs by {worst:.2e}" if worst > TOLERANCE else ""


def main():
    with tempfile.TemporaryDirectory(prefix="ekman_twins_") as folder:
        cases = [(network, None) for network in POINTS] + GRIDS
        problems = [compare(sys.argv[1], pathlib.Path(folder), *case) for case in cases]
    problems = [problem for problem in problems if problem]
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
