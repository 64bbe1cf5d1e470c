"""Adjoints of a coupled run with a loss in the component against plain PyTorch, on many decompositions.

run_adjoint.py MPIEXEC MODEL EKMAN PLAN_TEMPLATE WORK_DIR

All in float64. The loss is one over the outputs of two networks, through as many steps as the tape has; its adjoints by
the initial state are at most 1e-11 from PyTorch's, in relation to the greatest. Gradients of parameters are seen in the
gradient norms, and in the states that follow from sgd steps. Dot products agree to 1e-12, slopes of differences to 1e-8.
"""
import sys

import numpy
from adjoint_jobs import by_hand, compare, run, same_bits

RANKS = [(ranks, ml_ranks, ("blocks", "cyclic", "sparse")[(ranks + ml_ranks) % 3],
          ("auto", "point_to_point")[(ranks + ml_ranks) % 2]) for ranks, ml_ranks in ((1, 1), (1, 3), (2, 1), (2, 2), (3, 3))]
SOME_RANKS = [(2, 3, "cyclic", "point_to_point"), (3, 2, "sparse", "auto")]


def check_pairs(name, numbers, tolerance):
    for a, b in numbers[0].reshape(-1, 2):
        if not abs(a - b) <= tolerance * abs(a) or abs(a) < 1e-3:
            sys.exit(f"{name}: {a} and {b} are to be the same")


worst, runs = 0.0, 0
REFERENCES = {key: by_hand(*key) for key in ((3, False, 1), (3, True, 1), (1, True, 1), (3, True, 2), (1, True, 2))}
states = [REFERENCES[3, learns, 1][0] for learns in (False, True)]
if numpy.abs(states[0] - states[1]).max() < 1e-3:
    sys.exit("the networks hardly learn: nothing would be proved")
for decomposition in RANKS:
    worst = max(worst, compare(*run(decomposition, 3, "learns"), REFERENCES[3, True, 1]))
    runs += 1
for number, (tape, accumulate, words) in enumerate((
        (3, 1, []), (3, 1, ["learns", "between"]), (1, 1, ["learns", "retain"]), (3, 2, ["learns", "between", "retain"]),
        (3, 2, ["learns", "zero"]), (1, 2, ["learns", "zero"]), (3, 1, ["learns", "partly"]))):
    numbers = run(SOME_RANKS[number % 2], tape, *words, accumulate=accumulate)
    worst = max(worst, compare(*numbers, REFERENCES[tape, "learns" in words, accumulate]))
    runs += 1
for decomposition in SOME_RANKS:
    check_pairs(*run(decomposition, 3, "differences"), 1e-8)
    check_pairs(*run(decomposition, 3, "dot", linear=True), 1e-12)
print(f"{runs} runs, states and adjoints at most {worst:.1e} from PyTorch's")

for tape, accumulate, words in ((3, 1, []), (1, 2, ["retain"])):
    _, reference = run((1, 1, "blocks", "auto"), tape, "learns", *words, accumulate=accumulate, reproducible="bfb")
    compare("bfb", reference, REFERENCES[tape, True, accumulate])
    for decomposition in ((2, 3, "blocks", "auto"), (3, 2, "cyclic", "point_to_point"), (3, 3, "sparse", "auto")):
        same_bits(*run(decomposition, tape, "learns", *words, accumulate=accumulate, reproducible="bfb"), reference)
print("equal bits where they must be")
