"""What a run that learns leaves behind, and what becomes of it when things go wrong.

run_training_files.py MPIEXEC MODEL EKMAN PLAN_TEMPLATE WORK_DIR [SEED of the moments of kills]
"""
import csv
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

import numpy
import torch

from processes import processes_of
from training_jobs import KEEP, STEPS, TOTAL, check, ekman, job, plan, results, run, work

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from python_reads_checkpoint import read

status, said = run(plan("whole", KEEP))
check("a run with log, checkpoints and checked parameters ends well", status == 0, said)
scalars, outputs = results()
whole = outputs
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


def expected(forward):
    """Outputs of the last step of a network that takes rows of t and s, normalised as in the plan; masked points have none."""
    point = numpy.arange(TOTAL)
    phase = 0.1 * point + 0.7 * STEPS
    rows = numpy.column_stack([(numpy.sin(phase * level) - 0.5) / 2 for level in (1, 2, 3)] + [numpy.cos(phase)])
    found = forward(rows) * [1, 1, 1, 3] + [0, 0, 0, 1]
    found[point % 11 == 5] = 0
    return found


def close(found, other):
    return numpy.abs(found - other).max() < 1e-12 < numpy.abs(other).max()


python = torch.jit.load(str(work / "whole/kept/mlp-00000020.pt"))
check("Python runs the .pt, with the outputs that the job had",
      close(expected(lambda rows: python(torch.from_numpy(rows)).detach().numpy()), whole))
path = plan("builtin", KEEP)
path.write_text(re.sub(r"network: .*", "network: {builtin: mlp, hidden: [24, 8], activation: tanh, seed: 3}", path.read_text()))
status, said = run(path)
check("a built-in network learns", status == 0, said)
arrays, texts = read(work / "builtin/kept/mlp-00000020.safetensors")


def layer(rows, number):
    return rows @ arrays[f"parameters/{number}.weight"].T + arrays[f"parameters/{number}.bias"]


check("numpy alone runs its checkpoint, with the outputs that the job had", texts["step"] == "20" and close(
    expected(lambda rows: layer(numpy.tanh(layer(numpy.tanh(layer(rows, 0)), 2)), 4)), results()[1]))

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

OFTEN = "      checkpoint: {directory: kept, every: 2, keep: 2}\n      resume: latest\n"
seed = int(sys.argv[6]) if len(sys.argv) > 6 else random.randrange(10**9)
print(f"kills with seed {seed}, which may be given as the last argument")
path, last, chance = plan("killed", OFTEN), 0, random.Random(seed)
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
