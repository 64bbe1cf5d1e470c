"""Backward through a coupled run, from a loss of tensors in Fortran: against plain PyTorch, and against adjoints by hand.

run_tensor.py MPIEXEC TENSOR_MODEL EKMAN PLAN_TEMPLATE WORK_DIR ADJOINT_MODEL

All in float64, as run_adjoint.py: states, gradients of the initial state, and what sgd steps on the ML ranks make of the
networks are at most 1e-11 from PyTorch's, and 1e-13 from those of adjoint_model, in relation to the greatest.
"""
import sys

import numpy
from adjoint_jobs import by_hand, compare, run

ADJOINT_MODEL = sys.argv[6]
JOBS = (   # decomposition, tape, accumulate, words, whether to compare with adjoint_model
    ((1, 1, "blocks", "auto"), 3, 2, ["learns", "local"], False),
    ((3, 2, "sparse", "auto"), 3, 1, ["learns", "between"], True),
    ((3, 2, "blocks", "point_to_point"), 3, 1, ["learns", "masked"], False),
    ((3, 2, "blocks", "auto"), 3, 1, ["learns", "masked", "no_graph", "between"], False),
    ((3, 1, "blocks", "point_to_point"), 3, 1, ["learns", "masked", "arrays"], False),
    ((2, 1, "sparse", "auto"), 3, 1, ["masked", "between"], False),
    ((2, 3, "cyclic", "auto"), 1, 1, ["learns", "retain"], True),
)
worst, from_hand = 0.0, 0.0
for decomposition, tape, accumulate, words, twice in JOBS:
    name, numbers = run(decomposition, tape, *words, accumulate=accumulate)
    masked = 60 if "masked" in words else 0
    worst = max(worst, compare(name, numbers, by_hand(tape, "learns" in words, accumulate, masked)))
    if not twice:
        continue
    _, hand = run(decomposition, tape, *words, accumulate=accumulate, program=ADJOINT_MODEL)
    error = numpy.abs(numbers[0] - hand[0]).max() / numpy.abs(hand[0]).max()
    from_hand = max(from_hand, error)
    if not error < 1e-13:
        sys.exit(f"{name}: states or gradients are {error:.2e} from those of adjoints by hand")
print(f"{len(JOBS)} runs, states and gradients at most {worst:.1e} from PyTorch's, {from_hand:.1e} from adjoints by hand")
