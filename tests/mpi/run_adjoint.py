"""Adjoints of a coupled run with a loss in the component against plain PyTorch, on many decompositions.

run_adjoint.py MPIEXEC MODEL EKMAN PLAN_TEMPLATE WORK_DIR

All in float64. The loss is one over the outputs of two networks, through as many steps as the tape has; its adjoints by
the initial state are at most 1e-11 from PyTorch's, in relation to the greatest. Gradients of parameters are seen in the
gradient norms, and in the states that follow from sgd steps. Dot products agree to 1e-12, slopes of differences to 1e-8.
"""
import pathlib
import subprocess
import sys

import numpy
import torch

mpiexec, model, ekman, template, work = sys.argv[1:6]
work = pathlib.Path(work)
work.mkdir(parents=True, exist_ok=True)
TOTAL, LEVELS, WINDOWS = 203, 3, 5
RANKS = [(ranks, ml_ranks, ("blocks", "cyclic", "sparse")[(ranks + ml_ranks) % 3],
          ("auto", "point_to_point")[(ranks + ml_ranks) % 2]) for ranks, ml_ranks in ((1, 1), (1, 3), (2, 1), (2, 2), (3, 3))]
SOME_RANKS = [(2, 3, "cyclic", "point_to_point"), (3, 2, "sparse", "auto")]


class Net(torch.nn.Module):
    def __init__(self, inputs: int, hidden: int, outputs: int, linear: bool):
        super().__init__()
        self.linear = linear
        self.first = torch.nn.Linear(inputs, hidden)
        self.second = torch.nn.Linear(hidden, outputs)

    def forward(self, rows):
        hidden = self.first(rows)
        if not self.linear:
            hidden = torch.tanh(hidden)
        return self.second(hidden)


def save(name, *shape, linear):
    net = Net(*shape, linear).double()
    torch.jit.script(net).save(str(work / f"{name}.pt"))
    return net, {key: value.clone() for key, value in net.state_dict().items()}


torch.manual_seed(2)
FIRST, FIRST_WEIGHTS = save("first", LEVELS + 1, 24, LEVELS + 1, linear=False)
SECOND, SECOND_WEIGHTS = save("second", 2, 16, 1, linear=False)
save("first_linear", LEVELS + 1, 24, LEVELS + 1, linear=True)
save("second_linear", 2, 16, 1, linear=True)


def by_hand(tape, learns, accumulate):
    """Final states and adjoints of all windows, then rows of get_scalar."""
    FIRST.load_state_dict(FIRST_WEIGHTS)
    SECOND.load_state_dict(SECOND_WEIGHTS)
    nets = (FIRST, SECOND)
    optimizers = [torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9) for net in nets]
    for optimizer in optimizers:
        optimizer.zero_grad()
    ids = torch.arange(TOTAL, dtype=torch.float64)
    area = 1 + 0.5 * torch.sin(0.3 * ids)
    columns, scalars, last = [], [], [0.0, numpy.nan] * 2
    for window in range(1, WINDOWS + 1):
        scalars.append(list(last))
        start = torch.stack([torch.sin(l * (0.1 * ids + window)) for l in (1, 2, 3)] + [torch.cos(0.1 * ids + window)], 1)
        start.requires_grad_(True)
        t, s = start[:, :LEVELS], start[:, LEVELS]
        for _ in range(tape):
            out = FIRST(torch.cat([(t - 0.5) / 2.0, s[:, None]], 1))
            du = SECOND(torch.stack([s, s ** 2], 1))[:, 0]
            t, s = t + 0.1 * out[:, :LEVELS], s + 0.1 * (out[:, LEVELS] * 3.0 + 1.0) * du
        loss = (area * (((t - 0.3) ** 2).sum(1) + (s + 0.2) ** 2)).sum() / 2
        loss.backward()
        columns += [t.detach(), s.detach()[:, None], start.grad]
        if learns and window % accumulate == 0:
            for i, (net, optimizer) in enumerate(zip(nets, optimizers)):
                norm = torch.cat([parameter.grad.flatten() for parameter in net.parameters()]).norm().item()
                last[2 * i:2 * i + 2] = [window // accumulate, norm]
                optimizer.step()
                optimizer.zero_grad()
    return torch.cat(columns, 1).numpy(), numpy.array(scalars)


def run(decomposition, tape, *words, accumulate=1, reproducible="outputs", linear=False):
    ranks, ml_ranks, ids, transport = decomposition
    name = "_".join(str(word) for word in (*decomposition, tape, accumulate, reproducible, *words))
    training = f"training: {{optimizer: {{sgd: {{lr: 1.0e-3, momentum: 0.9}}}}, accumulate: {accumulate}}}"
    text = pathlib.Path(template).read_text()
    suffix = "_linear.pt" if linear else ".pt"
    for word, value in {"RANKS": ml_ranks, "TRANSPORT": transport, "FIRST": work / f"first{suffix}", "TAPE": tape,
                        "SECOND": work / f"second{suffix}", "REPRODUCIBLE": reproducible,
                        "TRAINING": training if "learns" in words else ""}.items():
        text = text.replace(f"@{word}@", str(value))
    plan, out = work / f"{name}.yaml", work / f"{name}.txt"
    plan.write_text(text)
    command = [mpiexec, "--oversubscribe", "-np", str(ranks), model, ids, str(tape), str(WINDOWS), str(out), *words,
               ":", "-np", str(ml_ranks + 1), ekman, "serve", str(plan)]
    subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL)
    rows = [[int(word, 16) for word in line.split()] for line in out.read_text().splitlines()]
    numbers = [numpy.array(part, dtype=numpy.uint64).view(numpy.float64) for part in (rows[:TOTAL], rows[TOTAL:])]
    return name, numbers


def compare(name, numbers, expected):
    error = numpy.abs(numbers[0] - expected[0]).max() / numpy.abs(expected[0]).max()
    if not error < 1e-11:
        sys.exit(f"{name}: states or adjoints are {error:.2e} from PyTorch's")
    if numbers[1].size and not numpy.allclose(numbers[1], expected[1], rtol=1e-10, atol=0, equal_nan=True):
        sys.exit(f"{name}: steps and gradient norms are {numbers[1]}, PyTorch's {expected[1]}")
    return error


def same_bits(name, numbers, reference):
    for mine, other in zip(numbers, reference):
        if mine.tobytes() != other.tobytes():
            sys.exit(f"{name} differs in bits by up to {numpy.nanmax(numpy.abs(mine - other)):.1e}")


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
