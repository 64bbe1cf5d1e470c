"""Restart sets carry the learning: inputs and targets that are averages of three steps, a network with dropout and batch-norm,
optimizer steps of one and of four exchanges, replay, normalisation that runs, validation.

A run that is cut, between exchanges or not, within an accumulation or not, or killed some steps after it wrote a set, and
resumed, has the bits of one that was not: outputs of its last step, and loss, step and learning rate of each step. So has it on
other numbers of ranks with `reproducible: bfb`; without, it is the same to rounding. With lag the same is learned, and what comes
back is the same one exchange later, in a run that is cut too. A set that was written without training
may begin to train, a set of a network that trained is refused by a plan that does not.

run_restart_learning.py MPIEXEC MODEL EKMAN PLAN_TEMPLATE WORK_DIR
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import h5py
import numpy
import torch

from processes import processes_of

mpiexec, model, ekman, template, work = sys.argv[1:6]
work = pathlib.Path(work)
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
TOTAL, STEPS, PERIOD = 203, 31, 3


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, 24), torch.nn.BatchNorm1d(24), torch.nn.Tanh(),
                                          torch.nn.Dropout(0.2), torch.nn.Linear(24, 4))

    def forward(self, rows):
        return self.layers(rows)


torch.manual_seed(1)
torch.jit.script(Net().double()).save(str(work / "net.pt"))


def command(name, sets, resume="", ranks=2, ml_ranks=2, ids="blocks", transport="auto", accumulate=4, reproducible="outputs",
            mode="get", cut=0, end="ends", steps=STEPS, train=True, lag=0):
    """sets: the output directory."""
    text = pathlib.Path(template).read_text()
    if not train:
        text = text[:text.index("    training:")] + text[text.index("output:"):]
    text = text.replace("    reproducible:", f"    lag: {lag}\n    reproducible:")
    for word, value in {"RANKS": ml_ranks, "TRANSPORT": transport, "NETWORK": work / "net.pt", "REPRODUCIBLE": reproducible,
                        "ACCUMULATE": accumulate, "OUTPUT": work / sets, "RESUME": f"resume: {resume}" * bool(resume)}.items():
        text = text.replace(f"@{word}@", str(value))
    (work / f"{name}.yaml").write_text(text)
    return [mpiexec, "--oversubscribe", "-np", str(ranks), model, ids, str(steps), str(work / f"{name}.txt"), mode,
            *([str(cut), end] if cut else []), ":", "-np", str(ml_ranks), ekman, "serve", str(work / f"{name}.yaml")]


def run(name, sets, **how):
    """The steps, their scalars, and the outputs of the last one; nothing if the run is cut."""
    done = subprocess.run(command(name, sets, **how), timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"FAILED: {name} ended with {done.returncode}\n{done.stdout}")
    if how.get("cut") and how.get("end") != "goes_on":
        return None
    rows = [line.split() for line in (work / f"{name}.txt").read_text().splitlines()]
    numbers = [numpy.array([[int(word, 16) for word in row[1:]] for row in part], dtype=numpy.uint64).view(numpy.float64)
               for part in (rows[TOTAL:], rows[:TOTAL])]
    return [row[0] for row in rows[TOTAL:]], *numbers


def compare(what, found, reference, first=1, rounding=0.0):
    steps, scalars, outputs = found
    if steps != [f"step{step}" for step in range(first, STEPS + 1)]:
        sys.exit(f"FAILED: {what}: it made {steps}")
    for mine, other in ((scalars, reference[1][first - 1:]), (outputs, reference[2])):
        same = mine.tobytes() == other.tobytes()
        if rounding:
            same = numpy.allclose(mine, other, rtol=rounding, atol=rounding, equal_nan=True)
        if not same:
            sys.exit(f"FAILED: {what} differs by up to {numpy.nanmax(numpy.abs(mine - other)):.1e}\n{mine}\n{other}")
    print(f"ok: {what}")


def expect(name, sets, *sentences, **how):
    done = subprocess.run(command(name, sets, **how), timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode == 0 or not all(sentence in done.stdout for sentence in sentences):
        sys.exit(f"FAILED: {name} ended with {done.returncode}, expected {sentences}\n{done.stdout}")
    print(f"ok: {name} is refused")


def kill_after_the_set(sets, cut):
    job = subprocess.Popen(command("killed", sets, cut=cut, end="goes_on", steps=1000000), stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
    begin = time.monotonic()
    while not (work / sets / "restart/cut/atmosphere/mlp.h5").exists():
        if time.monotonic() - begin > 60 or job.poll() is not None:
            sys.exit("FAILED: no set was written")
    for process in processes_of(job, model) + processes_of(job, ekman):
        os.kill(process, signal.SIGKILL)
    job.wait(timeout=60)


reference = run("uncut", "uncut")
if reference[1][-1, 0] > 0.9 * reference[1][4 * PERIOD, 0]:
    sys.exit(f"FAILED: the loss hardly falls, nothing would be proved: {reference[1][:, 0]}")
compare("a run that writes a set and goes on", run("goes_on", "goes_on", cut=15, end="goes_on"), reference)
for cut in (8, 13, 21, 22):   # couples: 13 and 22; within an accumulation: all but 13; without partial averages: 8
    run("cut", f"at{cut}", cut=cut)
    compare(f"cut before step {cut}", run("resumed", f"at{cut}", resume="cut", transport="point_to_point"), reference, cut)
kill_after_the_set("killed", 21)
compare("killed after step 21", run("resumed", "killed", resume="cut"), reference, 21)
# Numbers of ranks change the order of sums.
for ranks, ml_ranks, ids in ((3, 1, "cyclic"), (1, 3, "blocks"), (3, 2, "sparse")):
    compare(f"cut before step 21, on {ranks} and {ml_ranks} ranks",
            run("resumed", "at21", resume="cut", ranks=ranks, ml_ranks=ml_ranks, ids=ids), reference, 21, rounding=1e-9)

lagged, shorter = run("lagged", "lagged", lag=1), run("shorter", "shorter", steps=STEPS - PERIOD)
if lagged[2].tobytes() != shorter[2].tobytes():
    sys.exit("FAILED: with lag the last outputs are not those of the exchange before")
if not numpy.isnan(lagged[1][:PERIOD]).all() or not numpy.array_equal(lagged[1][PERIOD:], shorter[1], equal_nan=True):
    sys.exit(f"FAILED: with lag the scalars are not those of the exchange before:\n{lagged[1]}\n{shorter[1]}")
print("ok: with lag the same is learned")
for cut in (2, 8, 13):   # before there are outputs; between exchanges; before one
    run("cut", f"lag{cut}", cut=cut, lag=1)
    compare(f"with lag, cut before step {cut}", run("resumed", f"lag{cut}", resume="cut", transport="point_to_point", lag=1),
            lagged, cut)
expect("a set with lag, in a plan without", "lag13", "lag 1 there, 0 here", resume="cut")

# What Python shows of a set: docs/restart.md.
said = subprocess.run([ekman, "inspect", str(work / "at21/restart/cut/atmosphere/mlp.h5")], timeout=60, stdout=subprocess.PIPE,
                      stderr=subprocess.STDOUT, text=True)
for words in ("restart of network mlp of component atmosphere", "goes on at step ", "learned from ", "parameters: ", "layers.0.weight "):
    assert said.returncode == 0 and words in said.stdout, f"ekman inspect does not say {words}:\n{said.stdout}"
with h5py.File(work / "at21/restart/cut/atmosphere/mlp.h5") as file:
    learned = file["learned"]
    assert learned.attrs["exchanges"] == 7 and learned.attrs["exchanges_summed"] == 3 and learned.attrs["parts"] == 2
    assert learned["parameters/layers.0.weight"].shape == (24, 4) and learned["learning/steps"][()] == 1
    assert list(file.attrs["truth"]) == ["dt_true", "ds_true", "area"] and "area" not in file["truth_reductions"]

for accumulate in (1, 4):
    bfb = {"reproducible": "bfb", "accumulate": accumulate}
    reference = run("bfb", "bfb", **bfb)
    for cut in (13, 21):
        run("cut", f"bfb{cut}", cut=cut, **bfb)
        compare(f"bfb, one exchange in {accumulate}, cut before step {cut}, on 3 and 3 ranks",
                run("resumed", f"bfb{cut}", resume="cut", ranks=3, ml_ranks=3, ids="sparse", transport="point_to_point", **bfb),
                reference, cut)
    compare("the same, on 1 and 1", run("resumed", "bfb21", resume="cut", ranks=1, ml_ranks=1, **bfb), reference, 21)

expect("a set of training, in a plan without", "at21", "training given there, none here", resume="cut", mode="serve", train=False)
for cut in (8, 9):
    run("cut", f"untrained{cut}", cut=cut, mode="serve", train=False)
steps, scalars, _ = run("begun", "untrained8", resume="cut")
if steps[0] != "step8" or scalars[0, 1] != 0 or scalars[-1, 1] != 1:
    sys.exit(f"FAILED: training from a set without: {steps}, {scalars}")
print("ok: training from a set without")
expect("a set without training, amid a reduction", "untrained9",
       "was written without `training`, 1 step after those of an exchange", resume="cut")
