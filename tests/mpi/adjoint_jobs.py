"""What the tests of adjoints share: two networks, the loss of adjoint_model.f90 in PyTorch, and jobs of such a model."""
import pathlib
import subprocess
import sys

import numpy
import torch

mpiexec, model, ekman, template, work = sys.argv[1:6]
work = pathlib.Path(work)
work.mkdir(parents=True, exist_ok=True)
TOTAL, LEVELS, WINDOWS = 203, 3, 5


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


def by_hand(tape, learns, accumulate, masked=0):
    """Final states and adjoints of all windows, then rows of get_scalar. The first `masked` points have no part in the loss."""
    FIRST.load_state_dict(FIRST_WEIGHTS)
    SECOND.load_state_dict(SECOND_WEIGHTS)
    nets = (FIRST, SECOND)
    optimizers = [torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9) for net in nets]
    for optimizer in optimizers:
        optimizer.zero_grad()
    ids = torch.arange(TOTAL, dtype=torch.float64)
    area = (1 + 0.5 * torch.sin(0.3 * ids)) * (ids >= masked)
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


def run(decomposition, tape, *words, accumulate=1, reproducible="outputs", linear=False, program=model):
    ranks, ml_ranks, ids, transport = decomposition
    name = "_".join(str(word) for word in (pathlib.Path(program).name, *decomposition, tape, accumulate, reproducible, *words))
    training = f"training: {{optimizer: {{sgd: {{lr: 1.0e-3, momentum: 0.9}}}}, accumulate: {accumulate}}}"
    text = pathlib.Path(template).read_text()
    suffix = "_linear.pt" if linear else ".pt"
    for word, value in {"RANKS": ml_ranks, "TRANSPORT": transport, "FIRST": work / f"first{suffix}", "TAPE": tape,
                        "SECOND": work / f"second{suffix}", "REPRODUCIBLE": reproducible,
                        "TRAINING": training if "learns" in words else ""}.items():
        text = text.replace(f"@{word}@", str(value))
    plan, out = work / f"{name}.yaml", work / f"{name}.txt"
    plan.write_text(text)
    command = [mpiexec, "--oversubscribe", "-np", str(ranks), program, ids, str(tape), str(WINDOWS), str(out), *words,
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
