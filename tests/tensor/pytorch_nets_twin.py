"""What losses.f90 prints, computed by PyTorch: pytorch_nets_twin.py PROGRAM FOLDER"""
import pathlib
import subprocess
import sys

import torch
from torch.nn import functional

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
FOLDER = pathlib.Path(sys.argv[2])


def numbers(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def in_array_order(a):
    return a.detach().permute(tuple(reversed(range(a.dim())))).reshape(-1)


def losses(reduction):
    y = numbers(2, 4, 3)
    part = torch.rand(4, 3, generator=torch.Generator().manual_seed(3))
    classes = torch.tensor([2, 0, 1, 2])
    for loss, target, options in ((functional.mse_loss, y, {}), (functional.l1_loss, y, {}), (functional.huber_loss, y, {}),
                                  (functional.huber_loss, y, {"delta": 0.5}), (functional.cross_entropy, classes, {}),
                                  (functional.cross_entropy, classes, {"label_smoothing": 0.25}),
                                  (functional.cross_entropy, part, {}),
                                  (functional.binary_cross_entropy_with_logits, part, {}), (functional.nll_loss, classes, {})):
        x = numbers(1, 4, 3).requires_grad_()
        value = loss(x, target, reduction=reduction, **options)
        (value * value).sum().backward()
        yield torch.cat([in_array_order(value), in_array_order(x.grad)])


def courses():
    optim = torch.optim
    for make in (lambda a: optim.SGD(a, lr=0.001), lambda a: optim.SGD(a, lr=0.001, momentum=0.5, dampening=0.25, weight_decay=0.125),
                 lambda a: optim.SGD(a, lr=0.001, momentum=0.5, nesterov=True), lambda a: optim.Adam(a, lr=0.25),
                 lambda a: optim.Adam(a, lr=0.25, betas=(0.5, 0.75), eps=0.125, weight_decay=0.25, amsgrad=True),
                 lambda a: optim.AdamW(a, lr=0.25), lambda a: optim.RMSprop(a, lr=0.0625),
                 lambda a: optim.RMSprop(a, lr=0.0625, alpha=0.75, eps=0.125, momentum=0.5, centered=True),
                 lambda a: optim.Adagrad(a, lr=0.5, lr_decay=0.125, initial_accumulator_value=0.25),
                 lambda a: optim.LBFGS(a, lr=0.125, max_iter=1),
                 lambda a: optim.LBFGS(a, lr=1, max_iter=2, history_size=5, line_search_fn="strong_wolfe")):
        a = torch.tensor([-1.5, 2.0], requires_grad=True)
        optimizer = make([a])

        def valley():
            optimizer.zero_grad()
            loss = (1 - a[0]) ** 2 + 10 * (a[1] - a[0] ** 2) ** 2
            loss.backward()
            return loss
        for _ in range(20):
            optimizer.step(valley)
        yield a.detach()


class Two(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Linear(3, 2), torch.nn.Linear(3, 1)

    def forward(self, x, y):
        return self.first(x) * 2, self.second(y)


class View(torch.nn.Module):
    """A view needs C's order."""
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 2)

    def forward(self, x):
        return torch.tanh(self.layer(x.view(-1)[:12].view(4, 3)))


def networks():
    torch.manual_seed(1)
    x, two, view = numbers(1, 4, 3), Two(), View()
    mean = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3))
    for name, network in (("two", two), ("mean", mean), ("view", view)):
        torch.jit.script(network).save(str(FOLDER / f"{name}.pt"))
    yield from two(x, 2 * x)
    mean.eval()
    first = mean(x)
    for _ in range(2):
        mean.train()
        yield mean(x)
        mean.eval()
        yield mean(x)
    yield first
    yield view(x)
    optimizer = torch.optim.AdamW(view.parameters(), lr=0.125)
    for _ in range(3):
        optimizer.zero_grad()
        functional.mse_loss(view(x), torch.zeros(4, 2)).backward()
        optimizer.step()
    for _ in range(3):
        yield view(x)


def main():
    FOLDER.mkdir(exist_ok=True)
    expected = [values for reduction in ("none", "mean", "sum") for values in losses(reduction)]
    expected += list(courses()) + [in_array_order(value) for value in networks()]
    lines = subprocess.run([sys.argv[1], FOLDER], check=True, timeout=60, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    assert len(lines) == len(expected), f"{len(expected)} lines here, {len(lines)} there"
    for number, (line, here) in enumerate(zip(lines, expected), 1):
        found = torch.tensor([float(word) for word in line.split()])
        bound = 1e-6 if number == len(lines) else 1e-12   # the last one is in real32
        assert torch.allclose(found, here, rtol=bound, atol=bound), f"line {number}: {found} there, PyTorch has {here}"
    learned = torch.jit.load(FOLDER / "learned.pt")
    assert torch.allclose(in_array_order(learned(numbers(1, 4, 3))), expected[-2], atol=1e-12), "PyTorch reads another network"
    print(f"{len(lines)} losses, courses and outputs are PyTorch's")


main()
