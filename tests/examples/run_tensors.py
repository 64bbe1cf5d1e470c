"""Runs the commands of examples/tensors/README.md: the network gives in Fortran what it gives in Python, and a network that
learns in Fortran has the losses of one that learns in PyTorch.

run_tensors.py CMAKE BUILD WORK
"""
import pathlib
import re
import subprocess
import sys

import torch
from example import ROOT, prepare

CMAKE, BUILD, WORK = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])

PREFIX = prepare(CMAKE, BUILD, WORK, ("build-tensors", "run"))
readme = (ROOT / "examples/tensors/README.md").read_text()
commands = re.findall(r"^    ((?:cmake|examples/|build-tensors/).*)$", readme, re.MULTILINE)
if len(commands) != 7:
    sys.exit(f"expected seven commands in the README, found {commands}")
said = []
for command in commands:
    command = command.replace("PREFIX", str(PREFIX))
    if command.startswith("examples/"):
        command = f"{sys.executable} -B {command}"
    print("+", command, flush=True)
    said.append(subprocess.run(command, shell=True, check=True, cwd=WORK, timeout=120, stdout=subprocess.PIPE, text=True).stdout)
print("".join(said[3:]))
if said[3] != said[4] or "cloud:" not in said[3]:
    sys.exit("the network gives another answer in Python")
ours, theirs = ([float(line) for line in (WORK / f"run/networks/{name}.txt").read_text().splitlines()] for name in ("ours", "theirs"))
if len(ours) != 10000 or len(theirs) != 10000:
    sys.exit(f"there are {len(ours)} and {len(theirs)} losses")
apart = max(abs(a - b) for a, b in zip(ours, theirs))
print(f"losses from {ours[0]:.4f} to {ours[-1]:.2e} are PyTorch's to {apart:.1e}")
if not apart < 1e-6 or not ours[-1] < 1e-6:
    sys.exit("the losses are others")
weight = next(torch.jit.load(WORK / "run/networks/learned.pt").parameters())
if not torch.allclose(weight, torch.eye(5).roll(1, 0), atol=1e-2):
    sys.exit(f"PyTorch reads other weights: {weight}")
