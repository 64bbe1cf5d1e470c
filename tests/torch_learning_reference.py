#!/usr/bin/python3
"""Compares learning with plain PyTorch, from the same weights and data: each loss, optimizer and schedule.

Usage: torch_learning_reference.py DRIVER. The first gradient in float32 must agree to 1e-6 of its norm, parameters in
float64 to 1e-9 after 20 steps. Ekman adds up tiles of 8 rows; here is one batch, and a loss written as a tutorial would.
"""
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch

torch._C._jit_set_texpr_fuser_enabled(False)   # LibTorch 2.6 took minutes to compile on one CPU
from torch.nn import functional as F
from torch.optim import lr_scheduler as schedules

ROWS, INPUTS, OUTPUTS, STEPS = 43, 5, 4, 20

# Loss of each row, of outputs, targets.
LOSSES = {
    "mse": lambda y, z: F.mse_loss(y, z, reduction="none").mean(1),
    "l1": lambda y, z: F.l1_loss(y, z, reduction="none").mean(1),
    "huber": lambda y, z: F.huber_loss(y, z, reduction="none", delta=0.3).mean(1),
    "smooth_l1": lambda y, z: F.smooth_l1_loss(y, z, reduction="none", beta=0.3).mean(1),
    "cross_entropy": lambda y, z: F.cross_entropy(y, z[:, 0].long(), reduction="none", label_smoothing=0.1),
    "bce_with_logits": lambda y, z: F.binary_cross_entropy_with_logits(y, z, reduction="none").mean(1),
    "nll": lambda y, z: F.nll_loss(y, z[:, 0].long(), reduction="none"),
}

# Of each optimizer the options as Ekman has them; of each schedule those, and what PyTorch makes of them.
OPTIMIZERS = {
    "sgd": dict(lr=0.05, momentum=0.9, nesterov=1, weight_decay=0.01),
    "adam": dict(lr=0.01, amsgrad=1, weight_decay=0.01),
    "adamw": dict(lr=0.01, weight_decay=0.1),
    "rmsprop": dict(lr=0.003, momentum=0.5, centered=1, weight_decay=0.01),
    "adagrad": dict(eps=1e-10, lr=0.05, lr_decay=0.05, initial_accumulator=0.1, weight_decay=0.01),
    "lbfgs": dict(lr=0.3, history=5),
}
SCHEDULES = {
    "constant": (dict(), lambda o: None),
    "warmup": (dict(schedule="constant", warmup=4),
               lambda o: schedules.LambdaLR(o, lambda step: min(1.0, (step + 1) / 5))),
    "step": (dict(schedule="step", schedule_steps=6, gamma=0.4), lambda o: schedules.StepLR(o, 6, gamma=0.4)),
    "exponential": (dict(schedule="exponential", gamma=0.9), lambda o: schedules.ExponentialLR(o, 0.9)),
    "cosine": (dict(schedule="cosine", schedule_steps=25, last=0.0), lambda o: schedules.CosineAnnealingLR(o, 25)),
    "linear": (dict(schedule="linear", schedule_steps=15, last=0.2),
               lambda o: schedules.LinearLR(o, start_factor=1.0, end_factor=0.2, total_iters=15)),
}


def make_network(kind):
    torch.manual_seed(4)
    network = torch.nn.Sequential(torch.nn.Linear(INPUTS, 16), torch.nn.Tanh(), torch.nn.Linear(16, OUTPUTS))
    return network.to(kind)


def make_data(loss):
    random = np.random.default_rng(7)
    x = random.normal(size=(ROWS, INPUTS))
    if loss in ("cross_entropy", "nll"):
        z = random.integers(OUTPUTS, size=(ROWS, 1)).astype(float)
    elif loss == "bce_with_logits":
        z = random.integers(2, size=(ROWS, OUTPUTS)).astype(float)
    else:
        z = random.normal(size=(ROWS, OUTPUTS))
    w = random.uniform(0.5, 2.0, size=(ROWS, 1))
    w[::7] = 0.0
    return x, z, w


def make_optimizer(name, options, parameters):
    options = dict(options)
    for flag in ("nesterov", "amsgrad", "centered"):
        if flag in options:
            options[flag] = bool(options[flag])
    if "initial_accumulator" in options:
        options["initial_accumulator_value"] = options.pop("initial_accumulator")
    if name == "lbfgs":
        return torch.optim.LBFGS(parameters, lr=options["lr"], history_size=options["history"], max_iter=1)
    make = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "rmsprop": torch.optim.RMSprop,
            "adagrad": torch.optim.Adagrad}[name]
    return make(parameters, **options)


def learn_in_pytorch(kind, loss, optimizer, schedule, clip, steps):
    network = make_network(kind)
    x, z, w = (torch.tensor(part, dtype=kind) for part in make_data(loss))
    stepper = make_optimizer(optimizer, OPTIMIZERS[optimizer], network.parameters())
    scheduler = SCHEDULES[schedule][1](stepper)
    gradients, losses = [], []

    def closure():
        stepper.zero_grad()
        mean = (LOSSES[loss](network(x), z) * w[:, 0]).sum() / w.sum()
        mean.backward()
        gradients.append(torch.cat([p.grad.reshape(-1) for p in network.parameters()]).clone())
        if "clip_value" in clip:
            torch.nn.utils.clip_grad_value_(network.parameters(), clip["clip_value"])
        if "clip_norm" in clip:
            torch.nn.utils.clip_grad_norm_(network.parameters(), clip["clip_norm"])
        losses.append(mean.item())
        return mean

    for _ in range(steps):
        stepper.step(closure)
        if scheduler is not None:
            scheduler.step()
    parameters = torch.cat([p.detach().reshape(-1) for p in network.parameters()])
    return gradients[0].double().numpy(), parameters.double().numpy(), np.array(losses)


def learn_in_ekman(driver, folder, compute, loss, optimizer, schedule, clip, steps):
    x, z, w = make_data(loss)
    torch.jit.script(make_network(torch.float32)).save(str(folder / "net.pt"))
    x.tofile(folder / "x.bin")
    np.hstack([z, w]).tofile(folder / "truth.bin")
    options = {"network": folder / "net.pt", "in": folder / "x.bin", "truth": folder / "truth.bin",
               "out": folder / "out.bin", "compute": compute, "loss": loss, "optimizer": optimizer,
               "schedule": "constant", "steps": steps, "inputs": INPUTS, "outputs": OUTPUTS, "targets": z.shape[1],
               "label_smoothing": 0.1, **OPTIMIZERS[optimizer], **SCHEDULES[schedule][0], **clip}
    subprocess.run([driver] + [f"{key}={value}" for key, value in options.items()], check=True, timeout=60)
    values = np.fromfile(folder / "out.bin")
    size = (len(values) - steps) // 2
    return values[:size], values[size:2 * size], values[2 * size:]


def compare(driver, folder, compute, loss, optimizer, schedule, clip, steps):
    """What is wrong, in words."""
    kind = torch.float32 if compute == "float32" else torch.float64
    ours = learn_in_ekman(driver, folder, compute, loss, optimizer, schedule, clip, steps)
    theirs = learn_in_pytorch(kind, loss, optimizer, schedule, clip, steps)
    gradient = np.linalg.norm(ours[0] - theirs[0]) / np.linalg.norm(theirs[0])
    parameters = np.abs(ours[1] - theirs[1]).max()
    moved = np.abs(ours[1] - initial_parameters()).max()
    what = f"{compute} {loss} {optimizer} {schedule} {clip}"
    print(f"{what}: gradient {gradient:.1e} of its norm, parameters {parameters:.1e} after {steps} steps, moved {moved:.1e}")
    if gradient > (1e-6 if compute == "float32" else 1e-12):
        return f"{what}: the first gradient differs by {gradient:.2e} of its norm"
    if compute == "float64" and (parameters > 1e-9 or np.abs(ours[2] - theirs[2]).max() > 1e-9):
        return f"{what}: parameters differ by {parameters:.2e}, losses by {np.abs(ours[2] - theirs[2]).max():.2e}"
    if moved < 1e-4:
        return f"{what}: it did not learn"
    return ""


def initial_parameters():
    return torch.cat([p.detach().reshape(-1) for p in make_network(torch.float32).parameters()]).double().numpy()


def main():
    driver = sys.argv[1]
    clips = {"sgd": dict(clip_value=0.05, clip_norm=0.1), "adam": dict(clip_norm=0.1)}
    cases = [("float32", loss, "sgd", "constant", {}, 1) for loss in LOSSES]
    cases += [("float64", loss, "adamw", "constant", {}, STEPS) for loss in LOSSES]
    cases += [("float64", "mse", optimizer, "constant", {}, STEPS) for optimizer in OPTIMIZERS]
    cases += [("float64", "huber", optimizer, schedule, clips.get(optimizer, {}), STEPS)
              for optimizer, schedule in zip(OPTIMIZERS, SCHEDULES)]
    cases += [("float64", "mse", "lbfgs", "warmup", {}, STEPS)]
    with tempfile.TemporaryDirectory(prefix="ekman_reference_") as folder:
        problems = [compare(driver, pathlib.Path(folder), *case) for case in cases]
    problems = [problem for problem in problems if problem]
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
