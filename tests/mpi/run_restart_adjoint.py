"""Restart sets carry the learning of networks that learn from adjoints, partial gradients too; all in float64.

A step is made of two tapes. A run that is cut behind a window of whole steps or of half a step, and resumed, has the bits of one
that was not: states, adjoints, steps and gradient norms of each window, and the log but for its speed. So has it on other numbers
of ranks with `reproducible: bfb`; without, it is the same to rounding. Gradients that were dropped just before the cut are not
carried. A set while a tape holds an exchange is refused.

run_restart_adjoint.py MPIEXEC MODEL EKMAN PLAN_TEMPLATE WORK_DIR
"""
import csv
import pathlib
import shutil
import subprocess
import sys

import numpy
import torch

mpiexec, model, ekman, template, work = sys.argv[1:6]
work = pathlib.Path(work)
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
TOTAL, LEVELS, TAPE, WINDOWS = 203, 3, 3, 5
SAME = (2, 2, "blocks")

torch.manual_seed(2)
for name, inputs, outputs in (("first", LEVELS + 1, LEVELS + 1), ("second", 2, 1)):
    net = torch.nn.Sequential(torch.nn.Linear(inputs, 24), torch.nn.Tanh(), torch.nn.Linear(24, outputs)).double()
    torch.jit.script(net).save(str(work / f"{name}.pt"))


def start(name, sets, *words, resume=False, windows=WINDOWS, ranks=2, ml_ranks=2, ids="blocks", transport="auto",
          reproducible="outputs", accumulate=2):
    """sets: the output directory. Returns (exit status, what was printed)."""
    text = pathlib.Path(template).read_text()
    for network in ("first", "second"):
        text = text.replace("@TRAINING@", "training: {optimizer: {adam: {lr: 1.0e-2}}, verify: on, "
                            f"accumulate: {accumulate}, log: {{csv: {network}.csv}}}}", 1)
    for word, value in {"RANKS": ml_ranks, "TRANSPORT": transport, "FIRST": work / "first.pt", "SECOND": work / "second.pt",
                        "TAPE": TAPE, "REPRODUCIBLE": reproducible}.items():
        text = text.replace(f"@{word}@", str(value))
    plan = work / f"{name}.yaml"
    plan.write_text(text + f"output: {{directory: {work / sets}}}\n" + "resume: cut\n" * resume)
    done = subprocess.run([mpiexec, "--oversubscribe", "-np", str(ranks), model, ids, str(TAPE), str(windows),
                           str(work / f"{name}.txt"), "learns", *words, ":", "-np", str(ml_ranks + 1), ekman, "serve", str(plan)],
                          timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def log_of(sets):
    """Of both networks, without the speed."""
    return [[row[:-1] for row in csv.reader((work / sets / f"{network}.csv").open())] for network in ("first", "second")]


def run(name, sets, *words, **how):
    """States and adjoints by window, steps and gradient norms by window, log."""
    status, said = start(name, sets, *words, **how)
    if status != 0:
        sys.exit(f"FAILED: {name} ended with {status}\n{said}")
    rows = [[int(word, 16) for word in line.split()] for line in (work / f"{name}.txt").read_text().splitlines()]
    numbers = [numpy.array(part, dtype=numpy.uint64).view(numpy.float64) for part in (rows[:TOTAL], rows[TOTAL:])]
    return numpy.array(numpy.split(numbers[0], numbers[0].shape[1] // (2 * (LEVELS + 1)), axis=1)), numbers[1], log_of(sets)


def compare(what, found, reference, first, rounding=0.0):
    for mine, other in zip(found[:2], reference[:2]):
        other = other[first - 1:]
        same = mine.shape == other.shape and mine.tobytes() == other.tobytes()
        if rounding:
            same = mine.shape == other.shape and numpy.allclose(mine, other, rtol=rounding, atol=rounding, equal_nan=True)
        if not same:
            sys.exit(f"FAILED: {what} differs\n{mine}\n{other}")
    if not rounding and found[2] != reference[2]:
        sys.exit(f"FAILED: {what} has another log\n{found[2]}\n{reference[2]}")
    print(f"ok: {what}")


def cut_and_resume(name, reference, *words, windows, on, **how):
    """`on`: ranks, ML ranks and numberings that it is resumed with; the cut is made with SAME."""
    run("cut", name, *words, "cut", windows=windows, **how)
    for ranks, ml_ranks, ids in on:
        found = run("resumed", name, *words, "from", str(windows + 1), resume=True, ranks=ranks, ml_ranks=ml_ranks, ids=ids,
                    transport="point_to_point", **how)
        exact = (ranks, ml_ranks, ids) == SAME or how.get("reproducible") == "bfb"
        compare(f"{name}, cut behind window {windows}, on {ranks} and {ml_ranks} ranks", found, reference, windows + 1,
                rounding=0.0 if exact else 1e-9)


# The log: the last exchange that a step learned from, and the model step of the last adjoint; no loss.
for words, model_steps in (((), ("6", "12")), (("between",), ("7", "13"))):
    plain = run("uncut", "_".join(("uncut", *words)), *words)
    for log in plain[2]:
        if [row[:4] for row in log[1:]] != [["1", model_steps[0], "5", ""], ["2", model_steps[1], "11", ""]]:
            sys.exit(f"FAILED: the log is {log}")
    if numpy.genfromtxt(work / "uncut/first.csv", delimiter=",", names=True)["loss"].tobytes() != numpy.full(2, numpy.nan).tobytes():
        sys.exit("FAILED: a reader of tables does not see that the loss is missing")
    for windows in ((2, 3) if not words else (3,)):
        cut_and_resume("_".join((f"outputs{windows}", *words)), plain, *words, windows=windows,
                       on=(SAME, (3, 1, "sparse")) if windows == 3 and not words else (SAME,))
bfb = run("bfb", "bfb", reproducible="bfb")
if list(bfb[1][:, 0]) != [0, 0, 1, 1, 2] or not abs(bfb[1][4, 1] / bfb[1][3, 1] - 1) > 1e-3:
    sys.exit(f"FAILED: two steps with gradients of their own are to be made, or nothing is proved: {bfb[1]}")
cut_and_resume("bfb3", bfb, windows=3, reproducible="bfb", on=((1, 1, "blocks"), (3, 3, "sparse")))
made = run("resumed", "bfb3", "from", "4", resume=True, accumulate=1, reproducible="bfb")[2]
if [row[:3] for row in made[0][2:]] != [["2", "9", "8"], ["3", "12", "11"], ["4", "15", "14"]]:
    sys.exit(f"FAILED: with `accumulate: 1` the half step of the set is one of its own: {made}")
print("ok: resumed with another `accumulate`")
cut_and_resume("dropped", run("zero", "zero", "zero"), "zero", windows=2, on=(SAME,))

status, said = start("amid", "amid", "between", "amid")
if status == 0 or 'the tape of network "first" is not empty (exchanges: 3), and no file can hold its graphs' not in said:
    sys.exit(f"FAILED: a set with a tape that is not empty: {status}\n{said}")
print("ok: a set with a tape that is not empty is refused")
