"""What the tests of what learning leaves behind share: jobs of learn_model whose network learns, and their outputs.

A script that imports it has the arguments MPIEXEC MODEL EKMAN PLAN_TEMPLATE WORK_DIR.
"""
import pathlib
import re
import shutil
import subprocess
import sys

import numpy
import torch

mpiexec, model, ekman, template, work = sys.argv[1:6]
work = pathlib.Path(work)
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
TOTAL, STEPS = 203, 21

torch.set_num_threads(1)   # threads that wait for each other would take the cores of tests beside this one
torch._C._jit_set_texpr_fuser_enabled(False)   # LibTorch 2.6 took minutes to compile on one CPU
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
