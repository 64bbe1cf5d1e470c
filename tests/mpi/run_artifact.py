"""Networks of ekman-export that learn in a coupled run, from the artifact alone, against plain PyTorch.

run_artifact.py MPIEXEC MODEL EKMAN EXPORTER_FOLDER WORK_DIR

The plans name component, artifact, targets and weights; loss, optimizer, what is frozen, fields and kinds come from the
artifact. Parameters are seen through the outputs of the last step, and through what ekman-import makes of checkpoints, in
float64: at most 1e-9 apart after 20 optimizer steps.
"""
import pathlib
import shutil
import subprocess
import sys

import numpy
import torch
from torch.nn import functional

mpiexec, model, ekman, exporter, work = sys.argv[1:6]
sys.path.insert(0, exporter)
import ekman_import  # noqa: E402
from learn_values import LEVELS, TOTAL, values  # noqa: E402

work = pathlib.Path(work)
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
STEPS = 21
torch.set_num_threads(1)
torch._C._jit_set_texpr_fuser_enabled(False)   # LibTorch 2.6 took minutes to compile on one CPU

(work / "net.py").write_text('''
import torch


class Net(torch.nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.column, self.surface = torch.nn.Linear(3, width), torch.nn.Linear(1, width)
        self.tendency, self.flux = torch.nn.Linear(width, 3), torch.nn.Linear(width, 1)
        self.double()

    def forward(self, t, s):
        hidden = torch.tanh(self.column(t) + self.surface(s))
        return self.tendency(hidden), self.flux(hidden)


class Classes(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = torch.nn.Linear(4, 16), torch.nn.Linear(16, 3)
        self.double()

    def forward(self, rows):
        return {"dt": self.decoder(torch.tanh(self.encoder(rows)))}
''')
sys.path.insert(0, str(work))
import net as networks  # noqa: E402


def check(what, holds, printed=""):
    print(("ok: " if holds else "FAILED: ") + what, flush=True)
    if not holds:
        sys.exit(printed)


def run(command, cwd=None):
    done = subprocess.run([str(word) for word in command], timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, cwd=cwd)
    return done.returncode, done.stdout


def export(source, name, *options):
    code, text = run([sys.executable, "-B", pathlib.Path(exporter) / "ekman-export", f"net.py:{source}", "--out", name, *options],
                     cwd=work)
    check(f"ekman-export writes {name}", code == 0, text)


def write_plan(name, artifact, training, more=""):
    path = work / f"{name}.yaml"
    path.write_text(f"""
ekman: 1
components: {{atmosphere: {{timestep: PT10M}}}}
networks:
  mlp:
    component: atmosphere
    ranks: 2
    network: {{artifact: {artifact}}}
    chunk: 32
    tile: 8
    wire: float64
{more}    training:
      weights: area
      checkpoint: {{directory: kept, every: 7}}
{training}output: {{directory: {work / name}}}
""")
    return path


def learn(plan, mode="get", steps=STEPS, first=1):
    """What ekman printed, the outputs of the last step and (loss, step, rate) of each."""
    out = work / "out.txt"
    code, text = run([mpiexec, "--oversubscribe", "-np", 2, model, "blocks", steps, out, mode,
                      *([first, "begins"] if first > 1 else []), ":", "-np", 2, ekman, "serve", plan])
    check(f"a job with {plan.name}", code == 0, text)
    rows = [line.split()[1:] for line in out.read_text().splitlines()]
    as_numbers = [numpy.array([[int(word, 16) for word in row] for row in part], dtype=numpy.uint64).view(numpy.float64)
                  for part in (rows[:TOTAL], rows[TOTAL:])]
    return text, *as_numbers


def two_terms(network, step):
    t, s, dt_true, ds_true, area = values(step)
    dt, ds = network(t, s)
    error = 0.4 * ((dt - dt_true) ** 2).mean(1) + 0.6 * ((ds - ds_true) ** 2).mean(1)
    return (error * area).sum() / area.sum()


def classes(network, step):
    t, s, *_, area = values(step)
    label = (torch.arange(TOTAL) + step) % LEVELS
    error = functional.cross_entropy(network(torch.cat([t, s], 1))["dt"], label, reduction="none")
    return (error * area).sum() / area.sum()


def by_hand(network, optimizer, loss_of, first, last):
    losses = []
    for step in range(first, last):
        optimizer.zero_grad()
        loss = loss_of(network, step)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def outputs_of(forward):
    """Of the last step, as learn_model writes them."""
    t, s, *_, area = values(STEPS)
    with torch.no_grad():
        return (torch.cat(forward(t, s), 1) * (area > 0)[:, None]).numpy()


def close(a, b, bound=1e-9):
    return bool(numpy.abs(numpy.asarray(a) - numpy.asarray(b)).max() < bound)


FIELDS = ["--input", "t:3", "--input", "s:1", "--output", "dt:3", "--output", "ds:1"]
TWO = ["--loss", "0.4*mse:dt", "--loss", "0.6*mse:ds"]
TARGETS = "      targets: {dt: dt_true, ds: ds_true}\n"


def two_outputs():
    torch.manual_seed(1)
    network = networks.Net()
    torch.save(network.state_dict(), work / "first.pt")
    export("Net", "two", "--weights", "first.pt", *FIELDS, *TWO, "--optimizer", "adamw", "lr=1e-2", "weight_decay=0.05")
    plan = write_plan("two_outputs", "two", TARGETS)
    code, checked = run([ekman, "check", plan])
    check("ekman check tries the artifact with the levels that it has", code == 0 and "opened and tried" in checked, checked)
    text, out, scalars = learn(plan)
    check("the log says what came from the artifact",
          'note: network "mlp" has from the artifact' in text and "training.loss" in text and "inputs, outputs" in text, text)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=0.05)
    losses = by_hand(network, optimizer, two_terms, 1, STEPS)
    check("0.4 mse(dt) + 0.6 mse(ds) with AdamW: losses as PyTorch has them", close(scalars[1:, 0], losses), scalars)
    check("and outputs after 20 steps", close(out, outputs_of(network)))
    text, _, scalars = learn(write_plan("own_rate", "two", TARGETS + "      optimizer: {adamw: {lr: 5.0e-4}}\n"))
    check("the plan's rate wins, and the log says so",
          close(scalars[:, 2], 5e-4) and "`training.optimizer.adamw.lr` is 5.0e-4 here, in place of 0.01 of the artifact" in text,
          text)


def frozen_classes():
    torch.manual_seed(2)
    network = networks.Classes()
    torch.save(network.state_dict(), work / "classes.pt")
    first = network.encoder.weight.detach().clone()
    export("Classes", "classes", "--weights", "classes.pt", "--input", "t:3,s:1", "--output", "dt:3", "--loss", "cross_entropy:dt",
           "--optimizer", "adamw", "lr=2e-2", "--freeze", "encoder.*")
    text, out, scalars = learn(write_plan("frozen", "classes", "      targets: {dt: ds_true}\n"), mode="class")
    for parameter in network.encoder.parameters():
        parameter.requires_grad_(False)
    optimizer = torch.optim.AdamW(network.decoder.parameters(), lr=2e-2)
    losses = by_hand(network, optimizer, classes, 1, STEPS)
    check("cross entropy with AdamW and frozen layers: losses as PyTorch has them", close(scalars[1:, 0], losses), scalars)
    check("and outputs after 20 steps, of a dictionary", close(out[:, :3], outputs_of(lambda t, s: [network(torch.cat([t, s], 1))["dt"]])))
    check("and it says what is frozen", "are frozen (encoder.weight, encoder.bias)" in text, text)
    learned = ekman_import.state_dict(work / "frozen/kept/mlp-00000014.safetensors")
    check("and nothing frozen changed", torch.equal(learned["encoder.weight"], first))


def there_and_back():
    """7 steps in PyTorch, 7 in Ekman, 6 in PyTorch, against 20 in PyTorch."""
    torch.manual_seed(3)
    straight, here = networks.Net(), networks.Net()
    here.load_state_dict(straight.state_dict())
    options = dict(lr=1e-2, weight_decay=0.05, amsgrad=True)
    losses = by_hand(straight, torch.optim.AdamW(straight.parameters(), **options), two_terms, 1, STEPS)
    optimizer = torch.optim.AdamW(here.parameters(), **options)
    by_hand(here, optimizer, two_terms, 1, 8)
    torch.save(here.state_dict(), work / "there.pt")
    torch.save(optimizer.state_dict(), work / "there_optimizer.pt")
    export("Net", "there", "--weights", "there.pt", *FIELDS, *TWO, "--optimizer", "adamw", "lr=1e-2", "weight_decay=0.05",
           "amsgrad=on", "--optimizer-state", "there_optimizer.pt")
    text, _, scalars = learn(write_plan("there", "there", TARGETS), steps=14, first=8)
    check("Ekman goes on with the optimizer of PyTorch", "its optimizer goes on from" in text and
          close(scalars[1:7, 0], losses[7:13]), text)
    code, text = run([sys.executable, "-B", pathlib.Path(exporter) / "ekman-import", work / "there/kept/mlp-00000007.safetensors",
                      "--out", work / "back.pt", "--optimizer", work / "back_optimizer.pt"])
    check("ekman-import writes state and optimizer", code == 0, text)
    back = networks.Net()
    back.load_state_dict(torch.load(work / "back.pt"))
    optimizer = torch.optim.AdamW(back.parameters(), lr=1.0)
    optimizer.load_state_dict(torch.load(work / "back_optimizer.pt"))
    check("and PyTorch goes on as if it had made all steps", close(by_hand(back, optimizer, two_terms, 15, STEPS), losses[14:]))
    check("with the same parameters", all(close(a.detach(), b.detach())
                                          for a, b in zip(back.parameters(), straight.parameters())))


def recorded():
    """ekman train with an artifact, and with the same said in the plan."""
    record = "record: {file: recording.h5}"
    path = write_plan("recorded", "two", TARGETS)
    path.write_text(path.read_text().replace("output: {", "output: {" + record + ", "))
    learn(path)
    offline = TARGETS + "      offline: {epochs: 2, batch: 3, split: {train: 0.8, validation: 0.2, test: 0}}\n"
    code, text = run([ekman, "train", write_plan("offline", "two", offline), "--data", work / "recorded/recording-*.h5"])
    check("ekman train takes an artifact", code == 0, text)
    said = write_plan("said", "two", offline + """      loss: [{mse: {fields: [dt]}, weight: 0.4}, {mse: {fields: [ds]}, weight: 0.6}]
      optimizer: {adamw: {lr: 1.0e-2, weight_decay: 0.05}}
""", """    compute: float64
    inputs: [{fields: [t]}, {fields: [s]}]
    outputs: [{fields: [dt]}, {fields: [ds]}]
""")
    said.write_text(said.read_text().replace("{artifact: two}", "{torchscript: two/train.pt}"))
    code, text = run([ekman, "train", said, "--data", work / "recorded/recording-*.h5"])
    check("and the same said in a plan", code == 0, text)
    kept = [sorted((work / name / "kept").glob("mlp-0*.safetensors"))[-1] for name in ("offline", "said")]
    states = [ekman_import.state_dict(one) for one in kept]
    check("teaches the same, in all bits", kept[0].name == kept[1].name and
          all(torch.equal(states[0][name], states[1][name]) for name in states[0]) and
          not torch.equal(states[0]["flux.weight"], torch.load(work / "first.pt")["flux.weight"]))


def told():
    code, text = run([ekman, "inspect", work / "two", work / "there" / "checkpoint.safetensors"])
    check("ekman inspect tells what is in an artifact", code == 0 and "from net.py:Net by script" in text and
          "column.weight" in text and "checkpoint.safetensors" in text and '"adamw"' in text, text)
    (work / "two/optimizer.json").write_text("{}")
    code, text = run([ekman, "check", work / "two_outputs.yaml"])
    check("a file that was changed is refused, by name", code == 1 and "optimizer.json has the SHA-256" in text, text)


two_outputs()
frozen_classes()
there_and_back()
recorded()
told()
