"""What a network has learned in a coupled run against `ekman train` on the recording of that run: the same steps on the same
tensors, so the same parameters, and in order the same loss of each step. Then it is coupled from its checkpoint.

run_offline.py MPIEXEC MODEL EKMAN PLAN_TEMPLATE WORK_DIR
"""
import csv
import pathlib
import subprocess
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import python_reads_checkpoint  # noqa: E402
from training_jobs import STEPS, TOTAL, check, ekman, mpiexec, plan, run, work  # noqa: E402

CHUNKS = (TOTAL + 31) // 32
EXTRA = "      checkpoint: {directory: kept, every: 100}\n      log: {csv: log.csv}\n"
OFFLINE = (f"      offline: {{epochs: 1, batch: {CHUNKS}, shuffle: off, "
           "split: {train: 1.0, validation: 0.0, test: 0.0}}\n")


def learned(folder):
    arrays, _ = python_reads_checkpoint.read(sorted((folder / "kept").glob("mlp-[0-9]*.safetensors"))[-1])
    return {name: value for name, value in arrays.items() if name.startswith("parameters/")}


def losses(folder):
    with open(folder / "log.csv", newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


online = plan("online", EXTRA)
online.write_text(online.read_text().replace("output: {", "output: {record: {file: data.h5}, "))
code, printed = run(online)
check("a coupled run learns and records", code == 0, printed)
files = sorted((work / "online").glob("data-*.h5"))
check("each ML rank has left a recording", len(files) == 2, str(files))
for ranks in (1, 2):
    offline = plan(f"offline_{ranks}", EXTRA + OFFLINE)
    done = subprocess.run([mpiexec, "--oversubscribe", "-np", str(ranks), ekman, "train", str(offline), "--data",
                           str(work / "online" / "data-*.h5")], timeout=60, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    check(f"{ranks} rank(s) learn from it", done.returncode == 0, done.stdout)
    there, here = learned(work / "online"), learned(work / f"offline_{ranks}")
    apart = max(float(numpy.abs(there[name] - here[name]).max()) for name in there)
    check(f"the same parameters: {apart:.1e} apart", apart < 1e-12)
    first, second = losses(work / "online"), losses(work / f"offline_{ranks}")
    check("the same loss in each step", len(first) == STEPS and numpy.allclose(first, second, rtol=1e-12, atol=0.0),
          f"{first}\n{second}")
best = sorted((work / "offline_1" / "kept").glob("mlp-[0-9]*.safetensors"))[-1]
code, printed = run(plan("coupled", network=f"{{checkpoint: {best}}}"), mode="serve")
check("what was learned is coupled", code == 0, printed)
