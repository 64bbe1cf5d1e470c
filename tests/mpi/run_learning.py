"""A network that learns in a coupled run against plain PyTorch from the same weights and data, on many decompositions.

run_learning.py MPIEXEC MODEL EKMAN PLAN_TEMPLATE WORK_DIR [short]

Parameters are seen through the outputs after 20 optimizer steps, in float64: at most 1e-9 apart, as plan.md says, and the
losses and learning rates that the model reads are those of PyTorch. Gradients of several ML ranks in float32 are those of
one. Outputs fetched or not, targets put before or after
the get, change no bit; with `reproducible: bfb` no decomposition does. Targets put late, with `delay`, teach the same in all
bits, in runs too that are cut and go on.
"""
import csv
import pathlib
import re
import shutil
import subprocess
import sys
from typing import Dict

import numpy
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import python_reads_checkpoint  # noqa: E402
from learn_values import LEVELS, TOTAL, values  # noqa: E402

mpiexec, model, ekman, template, work = sys.argv[1:6]
work = pathlib.Path(work)
shutil.rmtree(work, ignore_errors=True)   # a run that finds the checkpoints of the one before is refused
work.mkdir(parents=True, exist_ok=True)
STEPS = 21


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(LEVELS + 1, 24)
        self.second = torch.nn.Linear(24, LEVELS + 1)

    def forward(self, rows):
        return self.second(torch.tanh(self.first(rows)))

    @torch.jit.export
    def loss(self, outputs: Dict[str, torch.Tensor], targets: Dict[str, torch.Tensor], inputs: Dict[str, torch.Tensor]):
        """With a constraint on the column's sum that uses an input, in physical units."""
        error = ((outputs["dt"] - targets["dt"]) ** 2).mean(1) + (outputs["ds"] - targets["ds"]).abs().mean(1)
        return error + 0.1 * (outputs["dt"].sum(1) - inputs["s"].sum(1)) ** 2 * inputs["area"].sum(1)


class Noisy(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(LEVELS + 1, 24), torch.nn.BatchNorm1d(24), torch.nn.Tanh(),
                                          torch.nn.Dropout(0.2), torch.nn.Linear(24, LEVELS + 1))

    def forward(self, rows):
        return self.layers(rows)

    @torch.jit.export
    def loss(self, outputs: Dict[str, torch.Tensor], targets: Dict[str, torch.Tensor], inputs: Dict[str, torch.Tensor]):
        error = ((outputs["dt"] - targets["dt"]) ** 2).mean(1) + (outputs["ds"] - targets["ds"]).abs().mean(1)
        return error * (1 + inputs["lat"].sum(1)) + (outputs["ds"] - inputs["s"]).abs().mean(1)


torch.manual_seed(1)
torch.jit.script(Noisy().double()).save(str(work / "noisy.pt"))
torch.manual_seed(1)
NET = Net().double()
torch.jit.script(NET).save(str(work / "net.pt"))
FIRST_WEIGHTS = {name: value.clone() for name, value in NET.state_dict().items()}


def learning_rate(step, steps=30, warmup=3):
    if step < warmup:
        return 1e-2 * (step + 1) / (warmup + 1)
    return 1e-2 * (1 + numpy.cos(numpy.pi * min(step - warmup, steps) / steps)) / 2


def forward(step):
    t, s, *truth = values(step)
    return NET(torch.cat([(t - 0.5) / 2.0, s], 1)), s, *truth


def two_terms(out, s, dt_true, ds_true):
    dt = ((out[:, :LEVELS] - dt_true) ** 2).mean(1)
    ds = torch.nn.functional.huber_loss(out[:, LEVELS:], (ds_true - 1.0) / 3.0, reduction="none", delta=0.5).mean(1)
    return 0.4 * dt + 0.6 * ds


def by_hand(accumulate, own=False):
    """Rows of get_scalar, then the outputs of the last step."""
    NET.load_state_dict(FIRST_WEIGHTS)
    optimizer = torch.optim.AdamW(NET.parameters(), lr=1e-2, weight_decay=1e-2)
    rows, steps = [[numpy.nan, 0.0, learning_rate(0)]], 0
    for first in range(1, STEPS, accumulate):
        sums = torch.zeros(2, dtype=torch.float64)
        for step in range(first, first + accumulate):
            out, s, dt_true, ds_true, area = forward(step)
            if own:
                outputs = {"dt": out[:, :LEVELS], "ds": out[:, LEVELS:] * 3.0 + 1.0}
                error = NET.loss(outputs, {"dt": dt_true, "ds": ds_true}, {"s": s, "area": area[:, None]})
            else:
                error = two_terms(out, s, dt_true, ds_true)
            sums = sums + torch.stack([area.sum(), (error * area).sum()])
        loss = sums[1] / sums[0]
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(NET.parameters(), 0.5)
        optimizer.param_groups[0]["lr"] = learning_rate(steps)
        optimizer.step()
        rows += [rows[-1]] * (accumulate - 1)
        rows.append([loss.item(), steps + 1.0, learning_rate(steps)])
        steps += 1
    with torch.no_grad():
        out, *_, area = forward(STEPS)
    out[:, LEVELS] = out[:, LEVELS] * 3.0 + 1.0
    return numpy.array(rows), (out * (area > 0)[:, None]).numpy()


def run(ranks, ml_ranks, ids="blocks", transport="auto", accumulate=1, reproducible="outputs", mode="get",
        own=False, change=lambda text: text, steps=STEPS, network="net.pt", name=None, cut=0):
    name = name or f"{ranks}x{ml_ranks}_{ids}_{transport}_{accumulate}_{reproducible}_{mode}{'_own' if own else ''}_{steps}"
    text = pathlib.Path(template).read_text()
    if own:
        text = re.sub(r"      loss:\n.*?(?=      optimizer)", "      loss: [{method: loss, extra: [area]}]\n", text, flags=re.S)
    for word, value in {"RANKS": ml_ranks, "TRANSPORT": transport, "NETWORK": work / network, "REPRODUCIBLE": reproducible,
                        "ACCUMULATE": accumulate, "OUTPUT": work / name}.items():
        text = text.replace(f"@{word}@", str(value))
    plan, out = work / f"{name}.yaml", work / f"{name}.txt"
    plan.write_text(change(text))
    command = [mpiexec, "--oversubscribe", "-np", str(ranks), model, ids, str(steps), str(out), mode, *[str(cut)] * (cut > 0),
               ":", "-np", str(ml_ranks), ekman, "serve", str(plan)]
    subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL)
    if cut:
        return None
    rows = [line.split()[1:] for line in out.read_text().splitlines()]
    numbers = [numpy.array([[int(word, 16) for word in row] for row in part], dtype=numpy.uint64).view(numpy.float64)
               for part in (rows[TOTAL:], rows[:TOTAL])]
    return name, numbers


def compare(name, numbers, expected):
    scalars, outputs = numbers
    error = numpy.abs(outputs - expected[1]).max()
    if not error < 1e-9:
        sys.exit(f"{name}: outputs are {error:.2e} from PyTorch's")
    for column, what in enumerate(("loss", "step", "learning rate")):
        if not numpy.allclose(scalars[:, column], expected[0][:, column], rtol=1e-9, atol=0, equal_nan=True):
            sys.exit(f"{name}: {what} is {scalars[:, column]}, PyTorch's {expected[0][:, column]}")
    return error


def first_gradient(ranks, ml_ranks, ids):
    """In float32, not clipped: what SGD with momentum keeps of its first step."""
    def change(text):
        text = text.replace("float64", "float32").replace("      clip_norm: 0.5\n", "      checkpoint: {directory: kept, every: 1}\n")
        return re.sub(r"adamw: \{.*?\}", "sgd: {lr: 1.0e-3, momentum: 0.9}", text)
    folder = work / run(ranks, ml_ranks, ids, accumulate=2, steps=3, change=change)[0] / "kept"
    arrays, _ = python_reads_checkpoint.read(folder / "mlp-00000001.safetensors")
    kept = [arrays[name] for name in sorted(arrays) if "momentum" in name]
    if [part.dtype for part in kept] != [numpy.float32] * 4:
        sys.exit(f"no momentum of 4 parameters in float32: {sorted(arrays)}")
    return numpy.concatenate([part.astype(numpy.float64).ravel() for part in kept])


def same_bits(name, numbers, reference):
    for mine, other in zip(numbers, reference):
        if mine.tobytes() != other.tobytes():
            sys.exit(f"{name} differs in bits by up to {numpy.nanmax(numpy.abs(mine - other)):.1e}")


def run_delayed(delay, ranks, ml_ranks, cut=0, resume=False):
    """With all that counts or keeps something: dropout, batch-norm, replay, validation, running normalisation, a loss with a
    field besides, a log, steps of two exchanges."""
    def change(text):
        text = text.replace("ekman: 1\n", "ekman: 1\nresume: cut\n") if resume else text
        text = re.sub(r"      loss:\n.*?(?=      optimizer)", "      loss: [{method: loss, extra: [lat]}]\n", text, flags=re.S)
        return text.replace("      t: {mean: 0.5, std: 2.0}\n", "      t: running\n").replace("      clip_norm: 0.5\n", f"""\
      delay: {delay}
      clip_norm: 0.5
      validation: {{fraction: 0.2, block: 4}}
      replay: {{capacity: 64}}
      log: {{csv: log.csv}}
""")
    name = f"delay{delay}_{'cut' if cut or resume else ml_ranks}"
    done = run(ranks, ml_ranks, "blocks", "auto", 2, "bfb", f"delay{delay}", change=change, steps=STEPS + delay,
               network="noisy.pt", name=name, cut=cut)
    if cut:
        return None
    with open(work / name / "log.csv") as file:
        log = [[row[key] for key in row if "second" not in key] for row in csv.DictReader(file)]
    return name, *done[1], log


def same_lessons(found, reference, delay):
    """The scalars of each step are those of `delay` steps before."""
    name, scalars, outputs, log = found
    expected = numpy.concatenate([reference[1][:1]] * delay + [reference[1]])
    same_bits(name, (scalars, outputs), (expected[-len(scalars):], reference[2]))
    if log != reference[3] or len(log) < 10:
        sys.exit(f"{name}: its log is\n{log}\nnot\n{reference[3]}")


def compare_gradients():
    """N ML ranks against one: to 1e-6 of its norm, as plan.md says."""
    one, worst = first_gradient(1, 1, "blocks"), 0.0
    for ranks, ml_ranks, ids in ((3, 3, "sparse"), (2, 2, "cyclic")):
        error = numpy.linalg.norm(first_gradient(ranks, ml_ranks, ids) - one) / numpy.linalg.norm(one)
        worst = max(worst, error)
        if not error < 1e-6:
            sys.exit(f"gradients of {ml_ranks} ML ranks in float32 are {error:.1e} of the norm from those of one")
    print(f"gradients in float32: at most {worst:.1e} of the norm from those of one ML rank")


worst, runs = 0.0, 0
if "short" in sys.argv[6:]:   # one of each, for the sanitizers
    compare(*run(3, 2, "sparse", "auto", 4), by_hand(4))
    compare(*run(2, 2, "cyclic", "point_to_point", 1, "bfb"), by_hand(1))
    compare(*run(2, 1, own=True), by_hand(1, own=True))
    sys.exit()
compare_gradients()
for accumulate in (1, 4):
    expected = by_hand(accumulate)
    if accumulate == 1 and expected[0][-1, 0] > 0.5 * expected[0][accumulate, 0]:
        sys.exit("the loss hardly falls: nothing would be proved")
    for ranks, ml_ranks, ids, transport in ((1, 1, "blocks", "auto"), (3, 1, "sparse", "auto"), (2, 2, "cyclic", "auto"),
                                            (3, 3, "blocks", "auto"), (2, 3, "blocks", "point_to_point")):
        worst = max(worst, compare(*run(ranks, ml_ranks, ids, transport, accumulate), expected))
        runs += 1
expected = by_hand(1, own=True)
for ranks, ml_ranks, ids in ((1, 1, "blocks"), (3, 3, "sparse")):
    worst = max(worst, compare(*run(ranks, ml_ranks, ids, own=True), expected))
    runs += 1
print(f"{runs} runs, outputs at most {worst:.1e} from PyTorch's")

_, reference = run(2, 2, mode="get")
for mode in ("pure", "late"):
    for transport in ("auto", "point_to_point"):
        same_bits(*run(2, 2, mode=mode, transport=transport), reference)
for accumulate in (1, 4):
    _, reference = run(1, 1, reproducible="bfb", accumulate=accumulate)
    compare("bfb", reference, by_hand(accumulate))
    for ranks, ml_ranks, ids, transport in ((3, 2, "cyclic", "auto"), (2, 3, "blocks", "auto"),
                                            (3, 3, "sparse", "point_to_point")):
        same_bits(*run(ranks, ml_ranks, ids, transport, accumulate, "bfb"), reference)
print("equal bits where they must be")

reference = run_delayed(0, 2, 1)
for ranks, ml_ranks in ((2, 1), (3, 3)):
    same_lessons(run_delayed(1, ranks, ml_ranks), reference, 1)
run_delayed(2, 2, 3, cut=12)   # one exchange of a step is learned from, two wait
same_lessons(run_delayed(2, 3, 1, resume=True), reference, 2)
print("late targets teach the same")
