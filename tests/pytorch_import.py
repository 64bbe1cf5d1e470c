#!/usr/bin/python3
"""PyTorch goes on from checkpoints that `ekman train` wrote, and Ekman from one that Python wrote.

Usage: pytorch_import.py EKMAN WORK_DIR. Of each optimizer: 6 steps of Ekman and 6 more of PyTorch with the imported
state end at most 1e-9 (float64) from 12 steps of PyTorch alone: with the files of ekman-import, and with load_optimizer
into an optimizer that has its parameters in another order. What is no checkpoint is refused in one sentence.
"""
import contextlib
import io
import json
import pathlib
import shutil
import subprocess
import sys

import numpy
import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "mpi"), str(HERE.parent / "adapters/pytorch")]
import ekman_checkpoint  # noqa: E402
import ekman_import  # noqa: E402
import recordings  # noqa: E402

torch.set_num_threads(1)   # threads that wait for each other would take the cores of tests beside this one
torch._C._jit_set_texpr_fuser_enabled(False)   # LibTorch 2.6 took minutes to compile on one CPU
ekman, work = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
TIMES, POINTS, STEPS, TOLERANCE = 3, 20, 6, 1e-9
CURRENT = hasattr(torch.serialization, "add_safe_globals")   # where weights_only reads all that is written here

# As a plan has them.
OPTIMIZERS = {
    "sgd": {"lr": 0.05, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01, "nesterov": "off"},
    "adam": {"lr": 0.01, "betas": [0.8, 0.99], "eps": 1e-7, "weight_decay": 0.01, "amsgrad": "on"},
    "adamw": {"lr": 0.01, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.1, "amsgrad": "off"},
    "rmsprop": {"lr": 0.003, "alpha": 0.9, "eps": 1e-8, "weight_decay": 0.01, "momentum": 0.5, "centered": "on"},
    "adagrad": {"lr": 0.05, "lr_decay": 0.05, "weight_decay": 0.01, "initial_accumulator_value": 0.1, "eps": 1e-10},
    "lbfgs": {"lr": 0.3, "history_size": 4, "tolerance_grad": 1e-7, "tolerance_change": 1e-9},
}
SCHEDULES = {"adamw": 0.9}   # gamma of each step of Ekman; PyTorch goes on with the last rate

PLAN = """ekman: 1
components: {{air: {{}}}}
networks:
  net:
    component: air
    network: {{torchscript: net.pt}}
    chunk: 32
    wire: float64
    compute: float64
    inputs: [{{fields: [t]}}]
    outputs: [{{fields: [dt]}}]
    training:
      targets: {{dt: dt_true}}
      loss: [{{mse: {{fields: [dt]}}}}]
      optimizer: {optimizer}
      schedule: {{exponential: {{gamma: {gamma}}}}}
      frozen: [encoder.bias]
      offline: {{epochs: {epochs}, batch: {batch}, shuffle: off, split: {{train: 1.0, validation: 0.0, test: 0.0}}}}
      {extra}
output: {{directory: {output}}}
"""


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.head = torch.nn.Linear(3, 8), torch.nn.Linear(8, 3)
        self.register_buffer("scale", torch.tensor([1.0, 2.0, 0.5]))
        self.register_buffer("version", torch.tensor(7))

    def forward(self, x):
        return self.head(torch.tanh(self.encoder(x))) * self.scale


def make_network():
    torch.manual_seed(4)
    network = Net().double()
    network.encoder.bias.requires_grad_(False)
    return network


def check(what, holds, printed=""):
    print(("ok: " if holds else "FAILED: ") + what)
    if not holds:
        sys.exit(str(printed))


def train(name, kind, epochs, extra=""):
    plan = PLAN.format(optimizer=json.dumps({kind: OPTIMIZERS[kind]}), gamma=SCHEDULES.get(kind, 1.0), epochs=epochs,
                       batch=TIMES, extra=extra, output=work / name)
    (work / f"{name}.yaml").write_text(plan)
    done = subprocess.run([ekman, "train", f"{name}.yaml", "--data", str(work / "data.h5")], cwd=work, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check(f"{name}: Ekman learns", done.returncode == 0, done.stdout)
    return work / name / "checkpoints" / f"net-{epochs:08}.safetensors"


def learn(network, optimizer, steps, gamma=1.0):
    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(network(x), y)
        loss.backward()
        return loss

    for step in range(steps):
        optimizer.step(closure)
        for group in optimizer.param_groups:
            group["lr"] *= gamma if step < steps - 1 else 1.0
    return network


def make_optimizer(kind, parameters):
    """As someone would write it who has the plan."""
    options = {key: {"on": True, "off": False}.get(value, value) if isinstance(value, str) else value
               for key, value in OPTIMIZERS[kind].items()}
    return ekman_import.OPTIMIZERS[kind](parameters, **options, **(ekman_import.LBFGS if kind == "lbfgs" else {}))


def learning(network):
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def distance(a, b):
    return max(float((p - q).abs().max()) for p, q in zip(a.parameters(), b.parameters()))


def load(path):
    return torch.load(path, weights_only=True) if CURRENT else torch.load(path)


def command(*words):
    """Exit status and all that it printed; no traceback can hide in it."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        return ekman_import.main([str(word) for word in words]), printed.getvalue()


def with_options(path, kind):
    """The checkpoint, written again by Python, and telling the options of its optimizer."""
    arrays, texts = ekman_checkpoint.read(path)
    told = work / f"told_{kind}.safetensors"
    network = {**json.loads(texts["network"]), "optimizer_options": {kind: OPTIMIZERS[kind]}}
    ekman_checkpoint.write(told, arrays, {**texts, "network": json.dumps(network)})
    return told


def go_on(kind):
    gamma = SCHEDULES.get(kind, 1.0)
    whole = make_network()
    optimizer = make_optimizer(kind, learning(whole))
    learn(whole, optimizer, STEPS, gamma)
    after_ekman = [parameter.detach().clone() for parameter in whole.parameters()]
    learn(whole, optimizer, STEPS)

    path = train(kind, kind, STEPS)
    network = make_network()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.version.zero_()
    network.load_state_dict(ekman_import.state_dict(path))
    apart = max(float((p - q).abs().max()) for p, q in zip(network.parameters(), after_ekman))
    check(f"{kind}: the weights of {STEPS} steps, {apart:.1e}", apart < TOLERANCE and network.version == 7)
    backwards = learning(network)[::-1]
    if kind == "lbfgs":   # takes one group
        turned = make_optimizer(kind, backwards)
    else:
        turned = make_optimizer(kind, [{"params": backwards[:1]}, {"params": [network.encoder.bias] + backwards[1:]}])
    ekman_import.load_optimizer(path, turned, network)
    apart = distance(learn(network, turned, STEPS), whole)
    check(f"{kind}: load_optimizer, in another order: {apart:.1e}", apart < TOLERANCE)

    state, optimizer = work / f"{kind}.pt", work / f"{kind}_optimizer.pt"
    status, printed = command(with_options(path, kind), "--out", state, "--optimizer", optimizer)
    check(f"{kind}: ekman-import", status == 0 and "3 parameters that learn" in printed and "defaults" not in printed,
          printed)
    network = make_network()
    network.load_state_dict(load(state))
    fresh = ekman_import.OPTIMIZERS[kind](learning(network), lr=123.0)
    fresh.load_state_dict(load(optimizer))
    apart = distance(learn(network, fresh, STEPS), whole)
    check(f"{kind}: the files of ekman-import: {apart:.1e}", apart < TOLERANCE)
    moved = distance(network, make_network())
    check(f"{kind}: it has learned, {moved:.1e}", moved > 1e-3)
    return path


def without_options(path):
    """A checkpoint that tells the kind of its optimizer alone, as Ekman 0.1 wrote it."""
    arrays, texts = ekman_checkpoint.read(path)
    network = json.loads(texts["network"])
    network.pop("optimizer_options", None)
    bare = work / "bare.safetensors"
    ekman_checkpoint.write(bare, arrays, {**texts, "network": json.dumps(network)})
    optimizer = work / "bare_optimizer.pt"
    status, printed = command(bare, "--out", work / "bare.pt", "--optimizer", optimizer)
    group = load(optimizer)["param_groups"][0]
    check("options that nobody tells are told to be defaults", status == 0 and "momentum above all" in printed
          and group["lr"] == OPTIMIZERS["sgd"]["lr"] and group["momentum"] == 0, printed)


def go_on_in_ekman(path):
    """Ekman takes what Python wrote, to the last bit."""
    inspected = subprocess.run([ekman, "inspect", str(path)], timeout=60, capture_output=True, text=True)
    check("ekman inspect reads what Python wrote", inspected.returncode == 0 and "encoder.weight" in inspected.stdout,
          inspected.stderr)
    whole = ekman_checkpoint.read(train("whole", "adamw", 2 * STEPS))[0]
    resumed = ekman_checkpoint.read(train("resumed", "adamw", 2 * STEPS, extra=f"resume: {path}"))[0]
    same = [torch.equal(whole[name], resumed[name]) for name in whole if name.startswith(("parameters/", "optimizer/"))]
    check("Ekman resumes from what Python wrote: the same bits", all(same) and len(same) == 11)


def tied_goes_on():
    """A tensor with two names: Ekman keeps one, and the .pt beside the checkpoint knows the other."""
    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.head = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
            self.head.weight = self.encoder.weight

        def forward(self, x):
            return self.head(torch.tanh(self.encoder(x)))

    untied = (work / "net.pt").read_bytes()
    torch.jit.script(Tied().double()).save(str(work / "net.pt"))
    path = train("tied", "adamw", 2)
    (work / "net.pt").write_bytes(untied)
    network = Tied().double()
    network.load_state_dict(ekman_import.state_dict(path))
    weight = ekman_checkpoint.read(path)[0]["parameters/encoder.weight"]
    check("tied weights come back under both names", torch.equal(network.head.weight, weight))
    status, printed = command(path, "--out", work / "tied.pt")
    check("ekman-import counts them once", status == 0 and "3 parameters and 0 buffers" in printed, printed)


def complex_goes_on():
    """Complex parameters, as an artifact has them: reals with a last extent of 2."""
    def loss(weight):
        return ((torch.view_as_real(weight) - torch.arange(12.0, dtype=torch.float64).reshape(2, 3, 2)) ** 2).sum()

    def steps(weight, optimizer, count):
        for _ in range(count):
            optimizer.zero_grad()
            loss(weight).backward()
            optimizer.step()

    weight = torch.nn.Parameter(torch.zeros(2, 3, dtype=torch.complex128))
    optimizer = torch.optim.AdamW([weight], lr=0.1)
    steps(weight, optimizer, 3)
    folder = work / "artifact"
    folder.mkdir()
    state = optimizer.state_dict()["state"][0]
    ekman_checkpoint.write(folder / "checkpoint.safetensors", {
        "parameters/weight": weight, "buffers/weight_sum": weight.detach().sum(), "optimizer/step": torch.tensor(3),
        **{f"optimizer/{member}/weight": state[member] for member in ("exp_avg", "exp_avg_sq")}}, {
        "format": "ekman artifact 1", "ekman": "", "step": "0",
        "network": json.dumps({"kind": "torchscript", "complex": ["weight", "weight_sum"]})})
    (folder / "optimizer.json").write_text(json.dumps({"adamw": {"lr": 0.1, "betas": [0.9, 0.999], "eps": 1e-8,
                                                                 "weight_decay": 0.01, "amsgrad": "off"}}))
    found = ekman_import.state_dict(folder / "checkpoint.safetensors")
    check("complex arrays come back", torch.equal(found["weight"], weight.detach())
          and found["weight_sum"] == weight.detach().sum())
    steps(weight, optimizer, 3)
    imported = torch.nn.Parameter(found["weight"].clone())
    fresh = torch.optim.AdamW([imported])
    fresh.load_state_dict(ekman_import.optimizer_state_dict(folder / "checkpoint.safetensors"))
    steps(imported, fresh, 3)
    check("complex parameters go on from an artifact", torch.allclose(imported, weight, rtol=0.0, atol=TOLERANCE))


def refusals(path):
    out = work / "refused.pt"

    def refused(what, file, words, *more):
        status, printed = command(file, "--out", out, *more)
        check(f"refused: {what}", status == 1 and words in printed and printed.count("\n") == 1 and not out.exists(),
              printed)

    raw = path.read_bytes()
    begin = 8 + int.from_bytes(raw[:8], "little")
    bad = work / "bad.safetensors"
    for what, content, words in (
            ("an empty file", b"", "too short"), ("a text", b"this is no checkpoint", "no file of safetensors layout"),
            ("safetensors of another program", (2).to_bytes(8, "little") + b"{}", "no checkpoint of Ekman"),
            ("a header that is cut", raw[:100], "cut off"), ("data that are cut", raw[:-8], "cut off or damaged"),
            ("data behind the end", raw + b"12345678", "behind the last array"),
            ("a damaged header", raw[:8] + b"{" + raw[9:].replace(b'"', b"?", 1), "no JSON"),
            ("a flipped bit", raw[:begin] + bytes([raw[begin] ^ 1]) + raw[begin + 1:], "sha256 is another one")):
        bad.write_bytes(content)
        refused(what, bad, words)
    refused("the TorchScript file beside it", path.with_suffix(".pt"), "not the .safetensors beside it")
    refused("what is not there", work / "none.safetensors", "does not exist")
    refused("a directory", work, "is not a file")
    (work / "taken.pt").write_text("mine")
    refused("to write over a file", path, "taken.pt exists", "--optimizer", work / "taken.pt")
    refused("one file for both", path, "give them two names", "--optimizer", out)
    refused("a directory that is not there", path, "cannot be written: No such file", "--optimizer",
            work / "no/where.pt")
    arrays, texts = ekman_checkpoint.read(path)
    ekman_checkpoint.write(bad, {**arrays, "optimizer/exp_avg/head.bias": torch.zeros(2)}, texts)
    refused("a state of another size", bad, "does not fit", "--optimizer", work / "refused_optimizer.pt")
    ekman_checkpoint.write(bad, arrays, {**texts, "network": json.dumps({"kind": "torchscript"})})
    refused("an optimizer that nobody knows", bad, "which optimizer", "--optimizer", work / "refused_optimizer.pt")
    network = make_network()
    for what, optimizer, words in (
            ("another kind of optimizer", torch.optim.Adam(network.parameters()), "has the state of adamw"),
            ("an optimizer without all that learned", make_optimizer("adamw", [network.head.weight]),
             'has learned "encoder.weight"'),
            ("an optimizer of another network", make_optimizer("adamw", make_network().parameters()),
             "none of the network's")):
        try:
            ekman_import.load_optimizer(path, optimizer, network)
            check(f"refused: {what}", False)
        except ValueError as error:
            check(f"refused: {what}", words in str(error), error)
    status, printed = command(path)
    check("refused: no --out", status == 1 and printed.startswith("ekman-import: error: the following arguments are "
          "required: --out") and printed.count("\n") == 1, printed)
    words = [HERE.parent / "adapters/pytorch/ekman-import", bad, "--out", out, "--optimizer", work / "optimizer.pt"]
    done = subprocess.run([sys.executable, "-B", *map(str, words)], capture_output=True, text=True, timeout=60)
    check("the command has no traceback", done.returncode == 1 and done.stderr.count("\n") == 1
          and done.stderr.startswith("ekman-import: error: checkpoint "), done.stderr)


def every_damage():
    """Of a small file: each length that it may be cut to, and a flipped bit of each byte."""
    raw, bad, accepted = (work / "artifact/checkpoint.safetensors").read_bytes(), work / "damaged.safetensors", []
    for at in range(len(raw)):
        for content in (raw[:at], raw[:at] + bytes([raw[at] ^ (1 << at % 8)]) + raw[at + 1:]):
            bad.write_bytes(content)
            try:
                ekman_checkpoint.read(bad)
                accepted.append(at)
            except ekman_checkpoint.CheckpointError:
                pass
    check(f"{2 * len(raw)} damaged files are refused", not accepted, accepted)


shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
random = numpy.random.default_rng(7)
fields = {"t": random.normal(size=(TIMES, POINTS, 3))}
fields["dt_true"] = numpy.tanh(fields["t"] * 1.5) + fields["t"][..., ::-1]
recordings.write(work / "data.h5", fields, range(POINTS), range(1, TIMES + 1), 32, network="net")
x, y = (torch.from_numpy(fields[name].reshape(-1, 3)) for name in ("t", "dt_true"))
torch.jit.script(make_network()).save(str(work / "net.pt"))
paths = {kind: go_on(kind) for kind in OPTIMIZERS}
without_options(paths["sgd"])
go_on_in_ekman(work / "told_adamw.safetensors")
tied_goes_on()
complex_goes_on()
refusals(paths["adamw"])
every_damage()
