"""What the tests of `ekman train` share: recordings that are made here, plans, and plain PyTorch on the same numbers.

MPIEXEC EKMAN WORK_DIR
"""
import os
import pathlib
import shutil
import subprocess
import sys

import h5py
import numpy
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import python_reads_checkpoint  # noqa: E402
import recordings  # noqa: E402

mpiexec, ekman, work = sys.argv[1:4]
work = pathlib.Path(work)
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
TIMES, POINTS, CHUNK, EPOCHS, BATCH = 24, 70, 32, 3, 5

random = numpy.random.default_rng(7)
fields = {"t": random.normal(size=(TIMES, POINTS, 3)), "s": random.normal(size=(TIMES, POINTS)),
          "area": random.uniform(0.5, 2.0, size=(TIMES, POINTS))}
fields["dt_true"] = numpy.tanh(fields["t"] * 1.5) + fields["s"][..., None]
fields["ds_true"] = fields["s"] * fields["t"].sum(2)
ids, steps = [3 * i for i in range(POINTS)], [2 * i + 1 for i in range(TIMES)]

torch.set_num_threads(1)   # threads that wait for each other would take the cores of tests beside this one
torch._C._jit_set_texpr_fuser_enabled(False)   # LibTorch 2.6 took minutes to compile on one CPU
torch.manual_seed(1)
net = torch.nn.Sequential(torch.nn.Linear(4, 24), torch.nn.Tanh(), torch.nn.Linear(24, 4)).double()
torch.jit.script(net).save(str(work / "net.pt"))

PLAN = """ekman: 1
components:
  atmosphere: {}
networks:
  mlp:
    component: atmosphere
    network: {torchscript: net.pt}
    chunk: 32
    tile: 8
    wire: float64
    compute: float64
    reproducible: @REPRODUCIBLE@
    inputs: [{fields: [t, s]}]
    outputs: [{fields: [dt, ds]}]
    normalize:
      t: {mean: 0.5, std: 2.0}
      ds: {mean: 1.0, std: 3.0}
    training:
      targets: {dt: dt_true, ds: ds_true}
      weights: area
      loss:
        - {mse: {fields: [dt]}, weight: 0.4}
        - {huber: {fields: [ds], delta: 0.5}, weight: 0.6}
      optimizer: {adamw: {lr: 1.0e-2, weight_decay: 1.0e-2}}
      schedule: {cosine: {steps: 60, warmup: 3}}
      clip_norm: 0.5
      @EXTRA@
      log: {csv: log.csv}
      offline:
        epochs: @EPOCHS@
        batch: 5
        shuffle: @SHUFFLE@
        split: {train: 0.7, validation: 0.15, test: 0.15, @SPLIT@}
output: {directory: @OUTPUT@}
"""


def check(what, holds, printed=""):
    print(("ok: " if holds else "FAILED: ") + what)
    if not holds:
        sys.exit(printed)


def train(name, ranks=1, data="data*.h5", epochs=EPOCHS, shuffle="off", split="seed: 1", reproducible="outputs", extra="",
          edit=lambda text: text):
    text = PLAN
    for word, value in {"EPOCHS": epochs, "SHUFFLE": shuffle, "SPLIT": split, "REPRODUCIBLE": reproducible, "EXTRA": extra,
                        "OUTPUT": work / name}.items():
        text = text.replace(f"@{word}@", str(value))
    (work / f"{name}.yaml").write_text(edit(text))
    command = [mpiexec, "--oversubscribe", "-np", str(ranks), ekman, "train", f"{name}.yaml", "--data", str(work / data)]
    done = subprocess.run(command, cwd=work, timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def learned(name):
    files = sorted((work / name / "checkpoints").glob("mlp-[0-9]*.safetensors"))
    arrays, _ = python_reads_checkpoint.read(files[-1])
    return {key.split("/", 1)[1]: value for key, value in arrays.items() if key.startswith("parameters/")}


def trained(name, **setting):
    code, printed = train(name, **setting)
    check(f"{name} learns", code == 0, printed)
    return learned(name)


def distance(a, b):
    return max(float(numpy.abs(a[key] - b[key]).max()) for key in a)


def mix64(*numbers):
    """The hash of coupler/base/mix64.hpp."""
    mask, result = (1 << 64) - 1, 0
    for number in numbers:
        value = ((result ^ (number & mask)) + 0x9e3779b97f4a7c15) & mask
        value = ((value ^ (value >> 30)) * 0xbf58476d1ce4e5b9) & mask
        value = ((value ^ (value >> 27)) * 0x94d049bb133111eb) & mask
        result = value ^ (value >> 31)
    return result


def parts_of_times(seed):
    """For each recorded time the part it is of: blocks of ceil(24/20) = 2 times, drawn by their hash."""
    blocks = TIMES // 2
    order = sorted(range(blocks), key=lambda block: mix64(seed, block))
    held = round(0.15 * blocks)
    part = {block: "validation" if i < held else "test" if i < 2 * held else "train" for i, block in enumerate(order)}
    return [part[time // 2] for time in range(TIMES)]


def part_of_id(seed, block, number):
    share = (mix64(seed, number // block) >> 11) / 2**53
    return "train" if share < 0.7 else "validation" if share < 0.85 else "test"


def reference(lessons, of_t=(0.5, 2.0), of_ds=(1.0, 3.0)):
    """PyTorch on batches of lists of (time, points); mean and std of t and ds."""
    network = torch.jit.load(str(work / "net.pt"))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=1e-2)
    values = {name: torch.from_numpy(value) for name, value in fields.items()}
    step = 0
    for batch in lessons:
        loss, weight = 0.0, 0.0
        for time, points in batch:
            row = torch.cat([(values["t"][time, points] - of_t[0]) / of_t[1], values["s"][time, points, None]], 1)
            out = network(row)
            dt, ds = out[:, :3], out[:, 3]
            huber = torch.nn.functional.huber_loss(ds, (values["ds_true"][time, points] - of_ds[0]) / of_ds[1], reduction="none", delta=0.5)
            area = values["area"][time, points]
            mse = ((dt - values["dt_true"][time, points]) ** 2).mean(1)
            loss = loss + (area * (0.4 * mse + 0.6 * huber)).sum()
            weight = weight + area.sum()
        optimizer.zero_grad()
        (loss / weight).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 0.5)
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 * ((step + 1) / 4 if step < 3 else (1 + numpy.cos(numpy.pi * min(step - 3, 60) / 60)) / 2)
        optimizer.step()
        step += 1
    return {name: value.detach().numpy() for name, value in network.named_parameters()}


recordings.write(work / "data-0.h5", fields, ids, steps, CHUNK, units={"t": "K"})
chunks = [range(first, min(first + CHUNK, POINTS)) for first in range(0, POINTS, CHUNK)]
times = [time for time, part in enumerate(parts_of_times(1)) if part == "train"]
in_order = [(time, list(points)) for time in times for points in chunks]
batches = [in_order[first:first + BATCH] for first in range(0, len(in_order), BATCH)]
check("the last batch is not full", len(batches[-1]) < BATCH)
