"""Runs examples/darcy small: its solver passes its tests, the network's error falls while the solver runs, its answers to
held-out fields are those that were judged, the data set does not depend on the ranks, and `ekman train` learns from it.

run_darcy.py CMAKE BUILD WORK
"""
import csv
import os
import pathlib
import re
import shutil
import subprocess
import sys

import h5py
import numpy as np
from example import ROOT, prepare

CMAKE, BUILD, WORK = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
PREFIX = prepare(CMAKE, BUILD, WORK, ("build-darcy", "run"))
EKMAN = PREFIX / "bin/ekman"
EXAMPLE = "examples/darcy"
SIZE, NETWORK = 16, ["--width", "8", "--modes", "8"]


def run(*command, fails_with=None, path=os.environ["PATH"]):
    """Standard output; with `fails_with` the command must fail, and say that."""
    command = [str(word) for word in command]
    print("+", " ".join(command), flush=True)
    done = subprocess.run(command, cwd=WORK, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120,
                          env=dict(os.environ, OMP_WAIT_POLICY="passive", PATH=path))
    print(done.stdout + done.stderr, flush=True)
    if fails_with is None and done.returncode != 0:
        sys.exit(f"exit status {done.returncode}")
    if fails_with is not None and (done.returncode == 0 or fails_with not in done.stderr):
        sys.exit(f"should have failed with: {fails_with}")
    return done.stdout


def check(claim, holds):
    print(("ok: " if holds else "FAILED: ") + claim, flush=True)
    if not holds:
        sys.exit(1)


def columns(path):
    with open(WORK / path) as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in rows[0]}


def make_data(folder, ranks=1, count=100, **more):
    return run(sys.executable, "-B", f"{EXAMPLE}/make_data.py", "build-darcy", EKMAN, "--size", SIZE, "--count", count,
               "--seed", 1, "--ranks", ranks, "--run", folder, **more)


def recorded(folder):
    with h5py.File(next((WORK / folder).glob("darcy-truth-*.h5"))) as file:
        return {name: file[name][:] for name in ("permeability", "pressure_true")}


readme = (ROOT / EXAMPLE / "README.md").read_text()
commands = re.findall(r"^    ((?:cmake|examples/).*)$", readme, re.MULTILINE)
check("the README has three commands", len(commands) == 3)
for command in commands[:2]:
    run(*command.replace("PREFIX", str(PREFIX)).split())
run("ctest", "--test-dir", "build-darcy", "--output-on-failure", "--no-tests=error")

run(sys.executable, "-B", *commands[2].replace("PREFIX", str(PREFIX)).split(), "--size", SIZE, "--samples", 300,
    "--held-out", 20, "--batch", 5, "--ranks", 2, "--run", "run", *NETWORK)
for name in ("table.txt", "darcy.png"):
    check(f"run/{name} is there", (WORK / "run" / name).stat().st_size > 0)
error = columns("run/learn.csv")["relative_l2"]
check(f"the error on new fields falls from {error[:50].mean():.3f} to {error[-50:].mean():.3f}",
      len(error) == 300 and error[-50:].mean() < 0.6 * error[:50].mean())
judged = columns("run/answer.csv")["relative_l2"]
_, true, answer = np.fromfile(WORK / "run/fields.bin").reshape(20, 3, -1).transpose(1, 0, 2)
again = np.linalg.norm(answer - true, axis=1) / np.linalg.norm(true, axis=1)
check(f"held-out answers are off by {judged.mean():.3f}, as their file says", np.allclose(judged, again, rtol=1e-4))
check("they are better than those to the first fields", judged.mean() < 0.6 * error[:50].mean())
check("the table tells it", f"{judged.mean():.4f}" in (WORK / "run/table.txt").read_text())

make_data("run/data_1")
one = recorded("run/data_1")
for ranks in (2, 3):
    make_data(f"run/data_{ranks}", ranks, count=10)
    other = recorded(f"run/data_{ranks}")
    check(f"{ranks} ranks make the same fields", np.array_equal(other["permeability"], one["permeability"][:1]))
    apart = np.abs(other["pressure_true"] - one["pressure_true"][:1]).max() / one["pressure_true"].max()
    check(f"and the same pressures to rounding: {apart:.1e}", apart < 1e-6)
make_data("run/none", count=15, fails_with="--count 15: it must be a multiple of --batch 10")
make_data("run/data_1", fails_with="has recordings already")

plan = (ROOT / "configs/darcy_fno.yaml").read_text()
for old, new in (("[32, 32]", f"[{SIZE}, {SIZE}]"), ("[12, 12]", "[8, 8]"), ("width: 32", "width: 8"),
                 ("epochs: 30", "epochs: 5"), ("steps: 3000, warmup: 20", "steps: 40, warmup: 5"),
                 ("lr: 3.0e-3", "lr: 5.0e-3")):
    check(f"the plan has {old}", plan.count(old) == 1)
    plan = plan.replace(old, new)

# The five lines of the README from nothing to a trained network, and the two behind them; what the first two do is done.
lines = [block.splitlines() for block in re.findall(r"^```sh\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)]
check("the README has its five lines, and two", [len(block) for block in lines] == [5, 2])
check("the first two install and build", "cmake --install" in lines[0][0] and "-S examples/darcy -B build/darcy" in lines[0][1])
shutil.rmtree(WORK / "run/darcy_data", ignore_errors=True)
(WORK / "configs").mkdir(exist_ok=True)
(WORK / "configs/darcy_fno.yaml").write_text(plan)
(WORK / "build").mkdir(exist_ok=True)
if not (WORK / "build/darcy").exists():
    (WORK / "build/darcy").symlink_to(WORK / "build-darcy")
path = os.pathsep.join([str(EKMAN.parent), str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
told = ""
for line in lines[0][2:] + lines[1]:
    told += run("sh", "-c", line.replace("--size 32 --count 1250", f"--size {SIZE} --count 100"), path=path)
loss = columns("run/darcy_fno/training.csv")["loss"]
check(f"the loss falls from {loss[:5].mean():.3f} to {loss[-5:].mean():.3f}", loss[-5:].mean() < 0.7 * loss[:5].mean())
check("it is evaluated", re.search(r"^pressure +1 ", told, re.MULTILINE) is not None)
check("with a figure", (WORK / "run/darcy_fno/evaluation-solver-test.png").exists())
check("its test fields are predicted", float(re.search(r"of 10 fields: mean ([0-9.]+)", told)[1]) < 0.8)
