"""What a run that learns leaves behind, and what becomes of it when things go wrong.

run_training_files.py MPIEXEC MODEL EKMAN PLAN_TEMPLATE WORK_DIR
"""
import csv
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy
import torch

from processes import processes_of

mpiexec, model, ekman, template, work = sys.argv[1:6]
work = pathlib.Path(work)
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
TOTAL, STEPS = 203, 21

torch.manual_seed(1)
net = torch.nn.Sequential(torch.nn.Linear(4, 24), torch.nn.Tanh(), torch.nn.Linear(24, 4)).double()
torch.jit.script(net).save(str(work / "net.pt"))


def check(what, holds, printed=""):
    print(("ok: " if holds else "FAILED: ") + what)
    if not holds:
        sys.exit(printed)


def plan(name, extra="", network=None, running=False):
    """The template with lines more in its training section; `network`: served only, without that section; `running`: the
    normalisation of t is learned, so a plan that serves what was learned says nothing of it."""
    text = pathlib.Path(template).read_text()
    if running:
        text = re.sub(r"      t: .*\n", "" if network else "      t: running\n", text)
    for word, value in {"RANKS": 2, "TRANSPORT": "auto", "NETWORK": work / "net.pt", "REPRODUCIBLE": "outputs", "ACCUMULATE": 1,
                        "OUTPUT": work / name}.items():
        text = text.replace(f"@{word}@", str(value))
    if network:
        text = re.sub(r"network: .*", f"network: {network}", text)
        text = re.sub(r"    training:.*(?=output:)", "", text, flags=re.S)
    text = text.replace("      clip_norm: 0.5\n", "      clip_norm: 0.5\n" + extra)
    path = work / f"{name}.yaml"
    path.write_text(text)
    return path


def job(path, steps=STEPS, mode="get", first=1):
    return [mpiexec, "--oversubscribe", "-np", "2", model, "blocks", str(steps), str(work / "out.txt"), mode,
            *([str(first), "begins"] if first > 1 else []), ":", "-np", "2", ekman, "serve", str(path)]


def run(path, steps=STEPS, mode="get", first=1):
    done = subprocess.run(job(path, steps, mode, first), timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def results():
    rows = [line.split()[1:] for line in (work / "out.txt").read_text().splitlines()]
    return [numpy.array([[int(word, 16) for word in row] for row in part], dtype=numpy.uint64).view(numpy.float64)
            for part in (rows[TOTAL:], rows[:TOTAL])]


KEEP = "      checkpoint: {directory: kept, every: 10, keep: 2}\n      log: {csv: log.csv}\n      verify: on\n"
status, said = run(plan("whole", KEEP))
check("a run with log, checkpoints and checked parameters ends well", status == 0, said)
scalars, outputs = results()
rows = list(csv.DictReader((work / "whole/log.csv").open()))
check("the log has a row for each step", [int(row["step"]) for row in rows] == list(range(1, STEPS + 1)), rows)
check("the model reads the loss of the log",
      all(abs(float(row["loss"]) - loss) < 1e-12 for row, loss in zip(rows, scalars[1:, 0])), (rows, scalars))
names = sorted(path.name for path in (work / "whole/kept").iterdir())
check("two checkpoints are kept, the last step is one",
      names == [f"mlp-{step:08}.{end}" for step in (20, 21) for end in ("pt", "safetensors")], names)

for network in (f"{{checkpoint: {work}/whole/kept/mlp-00000020.safetensors}}",
                f"{{torchscript: {work}/whole/kept/mlp-00000020.pt}}"):
    status, said = run(plan("served", network=network), mode="serve")
    check(f"served from {network}: the outputs that the learning run had", status == 0
          and numpy.abs(results()[1] - outputs).max() < 1e-12 < numpy.abs(outputs).max(), said)
status, said = run(plan("running", KEEP, running=True))
check("a run that learns the normalisation ends well", status == 0, said)
outputs = results()[1]
status, said = run(plan("served", network=f"{{checkpoint: {work}/running/kept/mlp-00000020.safetensors}}", running=True),
                   mode="serve")
check("and its checkpoint brings it along", status == 0 and numpy.abs(results()[1] - outputs).max() < 1e-12
      < numpy.abs(outputs).max(), said)
python = torch.jit.load(str(work / "whole/kept/mlp-00000020.pt"))
check("Python loads it", sum(p.numel() for p in python.parameters()) == 220)

HELD = "      validation: {fraction: 0.2, block: 4}\n"
EARLIER = f"      resume: {work}/again/kept/mlp-00000010.safetensors\n"
ALL = KEEP.replace("keep: 2", "keep: 9")
status, said = run(plan("again", HELD + ALL))
best = len([row for row in csv.DictReader((work / "again/log.csv").open()) if row["validation_loss"]])
check("a run with validation keeps its best", status == 0 and (work / "again/kept/mlp-best.pt").exists() and best == STEPS, said)
status, said = run(plan("second", HELD + ALL.replace("directory: kept", f"directory: {work}/again/kept")))
check("a second run does not destroy the first's", status != 0 and "has a checkpoint of step 21" in said
      and "resume: best" in said, said)
for word in (".old", ".old2"):
    before = {path.name: path.read_bytes() for path in (work / "again/kept").iterdir()}
    status, said = run(plan("again", HELD + ALL + EARLIER))
    aside = {name: before[name.replace(word, "")] for name in
             (f"mlp-{step}{word}.{end}" for step in ("00000020", "00000021" if word == ".old" else "00000031") for end in ("pt", "safetensors"))}
    check(f"from an earlier file on: later checkpoints are put aside as {word}", status == 0 and "learns from step 10 on" in said
          and all((work / "again/kept" / name).read_bytes() == there for name, there in aside.items())
          and (work / "again/kept/mlp-00000031.safetensors").exists(), said)
status, said = run(plan("again", HELD + ALL + "      resume: best\n"))
check("from the best on", status == 0 and "goes on from" in said and "mlp-best.safetensors" in said, said)

dropout = torch.nn.Sequential(torch.nn.Linear(4, 24), torch.nn.Tanh(), torch.nn.Dropout(0.3), torch.nn.Linear(24, 4))
torch.jit.script(dropout.double()).save(str(work / "dropout.pt"))


def random_plan(name, resume=""):
    path = plan(name, HELD + KEEP + resume)
    path.write_text(path.read_text().replace(f"{work}/net.pt", f"{work}/dropout.pt"))
    return path


def learned(name):
    """The last checkpoint without its header, and the log without model times and speeds."""
    raw = (work / name / "kept/mlp-00000021.safetensors").read_bytes()
    return raw[8 + int.from_bytes(raw[:8], "little"):], [row[:1] + row[2:-1] for row in csv.reader((work / name / "log.csv").open())]


status, said = run(random_plan("straight"))
check("a run with dropout ends well", status == 0, said)
status, said = run(random_plan("parted"), 13)
check("so does its first part", status == 0, said)
status, said = run(random_plan("parted", "      resume: latest\n"), STEPS - 13, first=14)
check("and its second part learns the same bits, with the same exchanges in its log", status == 0
      and learned("straight") == learned("parted"), said)

status, said = run(plan("lost", KEEP), mode="nan")
check("steps whose loss is no number are left out", status == 0 and results()[0][-1, 1] == STEPS - 1 - 3
      and numpy.isfinite(results()[1]).all() and "has learned nothing in step 6" in said, said)
status, said = run(plan("bad", KEEP + "      max_bad_steps: 2\n"), mode="nan")
check("too many of them end the job", status != 0 and "3 optimizer steps in a row" in said and "max_bad_steps" in said, said)

HUNGRY = """
def forward(self, outputs: Dict[str, Tensor], targets: Dict[str, Tensor], inputs: Dict[str, Tensor]):
    error = (outputs["dt"] - targets["dt"]).abs().mean(1)
    if bool((inputs["t"] < -0.9).any()):   # values of the model, not of the trial at its start
        error = error + torch.zeros([1000000000000]).sum()
    return error
"""
loss = torch.jit.ScriptModule()
loss.define(HUNGRY)
loss.save(str(work / "hungry.pt"))
hungry = plan("hungry", KEEP)
hungry.write_text(re.sub(r"      loss:\n.*?(?=      optimizer)", f"      loss: [{{torchscript: {work}/hungry.pt}}]\n",
                         hungry.read_text(), flags=re.S))
status, said = run(hungry)
check("no memory for learning ends the job, and says so", status != 0 and "out of memory" in said and "chunk" in said, said)

(work / "taken").mkdir()
(work / "taken/kept").write_text("")
status, said = run(plan("taken", KEEP))
check("a checkpoint directory that cannot be made is named", status != 0 and f"{work}/taken/kept" in said, said)

small = work / "small"
small.mkdir()
if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(small)], stderr=subprocess.DEVNULL).returncode == 0:
    try:
        status, said = run(plan("small", KEEP.replace("every: 10, keep: 2", "every: 1, keep: 100")))
        check("a full disk ends the job with path and cause", status != 0 and f"{small}/kept/mlp-" in said
              and "No space left on device" in said, said)
        last = max(small.glob("kept/mlp-*.safetensors"))
        status, said = run(plan("served", network=f"{{checkpoint: {last}}}"), mode="serve")
        check("and the checkpoints before are whole", status == 0, said)
    finally:
        subprocess.run(["umount", str(small)], check=True)
else:
    print("SKIPPED: no tmpfs can be mounted here")

OFTEN = "      checkpoint: {directory: kept, every: 2, keep: 2}\n      resume: latest\n"
path, last, chance = plan("killed", OFTEN), 0, random.Random()
for kill in range(6):
    started = subprocess.Popen(job(path, 100000), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    step = last
    deadline = time.monotonic() + 60
    while step <= last and time.monotonic() < deadline:
        found = sorted((work / "killed/kept").glob("mlp-*.safetensors"))
        step = int(found[-1].stem[4:]) if found else 0
    for moment in range(chance.randrange(1, 2000)):
        os.stat(work)
    for process in processes_of(started, ekman):
        os.kill(process, signal.SIGKILL)
    started.wait(60)
    check(f"kill {kill}: learning had gone on from step {last} to {step}", step > last)
    last = max(int(file.stem[4:]) for file in (work / "killed/kept").glob("mlp-*.safetensors"))
status, said = run(path, 3)
check("and goes on from the last checkpoint", status == 0 and f"mlp-{last:08}" in said, said)
