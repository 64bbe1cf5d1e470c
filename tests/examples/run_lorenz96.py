"""Runs the commands of examples/lorenz96/README.md with two seeds: the hybrid forecasts better than no closure, whether its
network learned offline or while the model ran; the hand-written adjoint passes its test.

run_lorenz96.py CMAKE BUILD WORK
"""
import csv
import os
import pathlib
import re
import subprocess
import sys

from example import ROOT, prepare

CMAKE, BUILD, WORK = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])

PREFIX = prepare(CMAKE, BUILD, WORK, ("build-lorenz96", "run"))
readme = (ROOT / "examples/lorenz96/README.md").read_text()
commands = re.findall(r"^    ((?:cmake|examples/).*)$", readme, re.MULTILINE)
if len(commands) != 3:
    sys.exit(f"expected three commands in the README, found {commands}")
for command in commands:
    command = command.replace("PREFIX", str(PREFIX))
    if command.startswith("examples/"):
        command = f"{sys.executable} -B {command} --seeds 2 --run run"
    print("+", command, flush=True)
    subprocess.run(command, shell=True, check=True, cwd=WORK, timeout=300,
                   env=dict(os.environ, OMP_WAIT_POLICY="passive"))
subprocess.run(["ctest", "--test-dir", "build-lorenz96", "--output-on-failure", "--no-tests=error"], check=True, cwd=WORK,
               timeout=60)
for name in ("table.txt", "scores.csv", "lorenz96.png"):
    if (WORK / "run" / name).stat().st_size == 0:
        sys.exit(f"run/{name} is empty")
print((WORK / "run/table.txt").read_text())
with open(WORK / "run/scores.csv") as file:
    rows = {(row["seed"], row["model"]): row for row in csv.DictReader(file)}
for seed in ("1", "2"):
    for score in ("subgrid tendency: RMSE", "forecast: RMSE at lead 0.5"):
        for model in ("hybrid", "online", "tuned", "posterior"):
            none, hybrid = (float(rows[seed, name][score]) for name in ("none", model))
            print(f"seed {seed}, {score}: none {none:.3f}, {model} {hybrid:.3f}")
            if not hybrid < 0.5 * none:
                sys.exit(f"{model} is no better")
