"""`ekman train` on recordings that are made here, against plain PyTorch on the same numbers.

run_train.py MPIEXEC EKMAN WORK_DIR

Parameters in float64 are at most 1e-9 from PyTorch's after all epochs, in order and shuffled batches of several chunks,
with a last batch that is not full; two and three ranks are at most 1e-12 from one, with `reproducible: bfb` the same in all
bits; learning that stops and resumes has the bits of one that did not. What is kept for tests is never looked at: numbers
there that are none change no bit. Bad recordings are refused by name.
"""
import os
import pathlib
import shutil
import subprocess
import sys

import h5py
import numpy
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import python_reads_checkpoint  # noqa: E402
import recordings  # noqa: E402

mpiexec, ekman, work = sys.argv[1:4]
work = pathlib.Path(work)
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
TIMES, POINTS, CHUNK, EPOCHS, BATCH = 24, 70, 32, 3, 5

random = numpy.random.default_rng(7)
fields = {"t": random.normal(size=(TIMES, POINTS, 3)), "s": random.normal(size=(TIMES, POINTS)),
          "area": random.uniform(0.5, 2.0, size=(TIMES, POINTS))}
fields["dt_true"] = numpy.tanh(fields["t"] * 1.5) + fields["s"][..., None]
fields["ds_true"] = fields["s"] * fields["t"].sum(2)
ids, steps = [3 * i for i in range(POINTS)], [2 * i + 1 for i in range(TIMES)]

torch.manual_seed(1)
net = torch.nn.Sequential(torch.nn.Linear(4, 24), torch.nn.Tanh(), torch.nn.Linear(24, 4)).double()
torch.jit.script(net).save(str(work / "net.pt"))

PLAN = """ekman: 1
components:
  atmosphere: {}
networks:
  mlp:
    component: atmosphere
    network: {torchscript: net.pt}
    chunk: 32
    tile: 8
    wire: float64
    compute: float64
    reproducible: @REPRODUCIBLE@
    inputs: [{fields: [t, s]}]
    outputs: [{fields: [dt, ds]}]
    normalize:
      t: {mean: 0.5, std: 2.0}
      ds: {mean: 1.0, std: 3.0}
    training:
      targets: {dt: dt_true, ds: ds_true}
      weights: area
      loss:
        - {mse: {fields: [dt]}, weight: 0.4}
        - {huber: {fields: [ds], delta: 0.5}, weight: 0.6}
      optimizer: {adamw: {lr: 1.0e-2, weight_decay: 1.0e-2}}
      schedule: {cosine: {steps: 60, warmup: 3}}
      clip_norm: 0.5
      @EXTRA@
      log: {csv: log.csv}
      offline:
        epochs: @EPOCHS@
        batch: 5
        shuffle: @SHUFFLE@
        split: {train: 0.7, validation: 0.15, test: 0.15, @SPLIT@}
output: {directory: @OUTPUT@}
"""


def check(what, holds, printed=""):
    print(("ok: " if holds else "FAILED: ") + what)
    if not holds:
        sys.exit(printed)


def train(name, ranks=1, data="data*.h5", epochs=EPOCHS, shuffle="off", split="seed: 1", reproducible="outputs", extra="",
          edit=lambda text: text):
    text = PLAN
    for word, value in {"EPOCHS": epochs, "SHUFFLE": shuffle, "SPLIT": split, "REPRODUCIBLE": reproducible, "EXTRA": extra,
                        "OUTPUT": work / name}.items():
        text = text.replace(f"@{word}@", str(value))
    (work / f"{name}.yaml").write_text(edit(text))
    command = [mpiexec, "--oversubscribe", "-np", str(ranks), ekman, "train", f"{name}.yaml", "--data", str(work / data)]
    done = subprocess.run(command, cwd=work, timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def learned(name):
    files = sorted((work / name / "checkpoints").glob("mlp-[0-9]*.safetensors"))
    arrays, _ = python_reads_checkpoint.read(files[-1])
    return {key.split("/", 1)[1]: value for key, value in arrays.items() if key.startswith("parameters/")}


def trained(name, **setting):
    code, printed = train(name, **setting)
    check(f"{name} learns", code == 0, printed)
    return learned(name)


def distance(a, b):
    return max(float(numpy.abs(a[key] - b[key]).max()) for key in a)


def mix64(*numbers):
    """The hash of coupler/base/mix64.hpp."""
    mask, result = (1 << 64) - 1, 0
    for number in numbers:
        value = ((result ^ (number & mask)) + 0x9e3779b97f4a7c15) & mask
        value = ((value ^ (value >> 30)) * 0xbf58476d1ce4e5b9) & mask
        value = ((value ^ (value >> 27)) * 0x94d049bb133111eb) & mask
        result = value ^ (value >> 31)
    return result


def parts_of_times(seed):
    """For each recorded time the part it is of: blocks of ceil(24/20) = 2 times, drawn by their hash."""
    blocks = TIMES // 2
    order = sorted(range(blocks), key=lambda block: mix64(seed, block))
    held = round(0.15 * blocks)
    part = {block: "validation" if i < held else "test" if i < 2 * held else "train" for i, block in enumerate(order)}
    return [part[time // 2] for time in range(TIMES)]


def part_of_id(seed, block, number):
    share = (mix64(seed, number // block) >> 11) / 2**53
    return "train" if share < 0.7 else "validation" if share < 0.85 else "test"


def reference(lessons, of_t=(0.5, 2.0), of_ds=(1.0, 3.0)):
    """PyTorch on batches of lists of (time, points); mean and std of t and ds."""
    network = torch.jit.load(str(work / "net.pt"))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=1e-2)
    values = {name: torch.from_numpy(value) for name, value in fields.items()}
    step = 0
    for batch in lessons:
        loss, weight = 0.0, 0.0
        for time, points in batch:
            row = torch.cat([(values["t"][time, points] - of_t[0]) / of_t[1], values["s"][time, points, None]], 1)
            out = network(row)
            dt, ds = out[:, :3], out[:, 3]
            huber = torch.nn.functional.huber_loss(ds, (values["ds_true"][time, points] - of_ds[0]) / of_ds[1], reduction="none", delta=0.5)
            area = values["area"][time, points]
            mse = ((dt - values["dt_true"][time, points]) ** 2).mean(1)
            loss = loss + (area * (0.4 * mse + 0.6 * huber)).sum()
            weight = weight + area.sum()
        optimizer.zero_grad()
        (loss / weight).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 0.5)
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 * ((step + 1) / 4 if step < 3 else (1 + numpy.cos(numpy.pi * min(step - 3, 60) / 60)) / 2)
        optimizer.step()
        step += 1
    return {name: value.detach().numpy() for name, value in network.named_parameters()}


recordings.write(work / "data-0.h5", fields, ids, steps, CHUNK, units={"t": "K"})
chunks = [range(first, min(first + CHUNK, POINTS)) for first in range(0, POINTS, CHUNK)]
times = [time for time, part in enumerate(parts_of_times(1)) if part == "train"]
in_order = [(time, list(points)) for time in times for points in chunks]
batches = [in_order[first:first + BATCH] for first in range(0, len(in_order), BATCH)]
check("the last batch is not full", len(batches[-1]) < BATCH)

one = trained("one")
apart = distance(one, reference(batches * EPOCHS))
check(f"an ordered epoch is PyTorch's: {apart:.2e}", apart < 1e-9)
two, three = trained("two", ranks=2), trained("three", ranks=3)
check(f"2 and 3 ranks learn the same: {max(distance(one, two), distance(one, three)):.2e}",
      max(distance(one, two), distance(one, three)) < 1e-12)
shuffled = [trained(f"bfb_{ranks}", ranks=ranks, shuffle="on", reproducible="bfb") for ranks in (1, 2)]
check("bfb: the same bits on 1 and 2 ranks, shuffled", distance(*shuffled) == 0.0)
check("shuffling changes what is learned", distance(shuffled[0], one) > 1e-6)

trained("cut", epochs=1, shuffle="on", reproducible="bfb")
resumed = trained("cut", shuffle="on", reproducible="bfb", extra="checkpoint: {directory: checkpoints, every: 4}\n      resume: latest")
check("resumed after an epoch: the same bits", distance(resumed, shuffled[0]) == 0.0)
whole = trained("whole", shuffle="on", extra="checkpoint: {directory: checkpoints, every: 4, keep: 99}")
per_epoch = len(batches)
middle = next(step for step in range(4, EPOCHS * per_epoch, 4) if step % per_epoch not in (0, per_epoch - 1))
(work / "within" / "checkpoints").mkdir(parents=True)
shutil.copy(work / "whole" / "checkpoints" / f"mlp-{middle:08}.safetensors", work / "within" / "checkpoints")
for script in (work / "whole" / "checkpoints").glob(f"mlp-{middle:08}.pt"):
    shutil.copy(script, work / "within" / "checkpoints")
within = trained("within", shuffle="on", extra="checkpoint: {directory: checkpoints, every: 4}\n      resume: latest")
check(f"resumed at step {middle}, within an epoch: the same bits", distance(within, whole) == 0.0)
code, printed = train("patient", epochs=20, extra="patience: 2", edit=lambda text: text.replace("lr: 1.0e-2", "lr: 1.0e-30"))
check("without progress learning stops", code == 0 and "epoch 3 of 20" in printed and "epoch 5 of 20" not in printed, printed)
rows = (work / "cut" / "log.csv").read_text().splitlines()
check("the log has a row for each step of both", len(rows) == 1 + EPOCHS * len(batches), "\n".join(rows))

# A leak would bring numbers of the test part, or of the validation, into what is learned.
poisoned = {name: value.copy() for name, value in fields.items()}
for time, part in enumerate(parts_of_times(1)):
    if part == "test":
        for value in poisoned.values():
            value[time] = numpy.nan
    if part == "validation":
        poisoned["t"][time] += 1.0
recordings.write(work / "poison.h5", poisoned, ids, steps, CHUNK, units={"t": "K"})
check("what validates and tests by time leaks into no bit", distance(trained("poison", data="poison.h5"), one) == 0.0)
by_id = trained("by_id", split="by: id, block: 7, seed: 3")
wanted = reference([[(time, [p for p in points if part_of_id(3, 7, ids[p]) == "train"]) for time, points in batch]
                    for batch in [[(time, points) for time in range(TIMES) for points in chunks][first:first + BATCH]
                                  for first in range(0, TIMES * len(chunks), BATCH)]] * EPOCHS)
check(f"by id: the points of that part only: {distance(by_id, wanted):.2e}", distance(by_id, wanted) < 1e-9)
poisoned = {name: value.copy() for name, value in fields.items()}
for point, number in enumerate(ids):
    if part_of_id(3, 7, number) == "test":
        for name, value in poisoned.items():
            value[:, point] = 1.0 if name == "area" else numpy.nan
recordings.write(work / "poison_id.h5", poisoned, ids, steps, CHUNK)
check("what tests by id leaks into no bit",
      distance(trained("poison_id", data="poison_id.h5", split="by: id, block: 7, seed: 3"), by_id) == 0.0)

# Running normalisation is that of the part that is learned from.
running = lambda text: text.replace("t: {mean: 0.5, std: 2.0}", "t: running")  # noqa: E731
for ranks in (1, 3):
    trained(f"running_{ranks}", ranks=ranks, edit=running, reproducible="bfb")
files = [sorted((work / f"running_{ranks}" / "checkpoints").glob("mlp-[0-9]*.safetensors"))[-1] for ranks in (1, 3)]
arrays = [python_reads_checkpoint.read(file)[0] for file in files]
of_part = fields["t"][times].reshape(-1, 3)
check("it counts the points", arrays[0]["normalization/count"] == len(of_part))
check("its means are numpy's", numpy.allclose(arrays[0]["normalization/t/mean"], of_part.mean(0), rtol=1e-12))
check("its squares are numpy's", numpy.allclose(arrays[0]["normalization/t/squares"], of_part.var(0) * len(of_part), rtol=1e-12))
check("3 ranks have the same bits", all(arrays[0][name].tobytes() == arrays[1][name].tobytes() for name in arrays[0]))

# Constants from a file, which is made from the same part; of an output they are its target's.
from_file = lambda text: text.replace("t: {mean: 0.5, std: 2.0}", "t: {from: moments.h5}").replace(  # noqa: E731
    "ds: {mean: 1.0, std: 3.0}", "ds: {from: moments.h5}")
code, printed = train("from_file", ranks=3, edit=from_file)
check("it tells what it writes", code == 0 and f"mean and std of ds, t over {len(of_part)} points" in printed, printed)
of_target = fields["ds_true"][times]
with h5py.File(work / "moments.h5") as file:
    for name, wanted in (("t_mean", of_part.mean(0)), ("t_std", of_part.std(0)), ("ds_mean", of_target.mean()),
                         ("ds_std", of_target.std())):
        check(f"{name} is numpy's", numpy.allclose(file[name][()], wanted, rtol=1e-12), str(file[name][()]))
    check("units go along", file["t_mean"].attrs["units"].decode() == "K")
learns = reference(batches * EPOCHS, (torch.from_numpy(of_part.mean(0)), torch.from_numpy(of_part.std(0))),
                   (of_target.mean(), of_target.std()))
check(f"and it learns with them: {distance(learned('from_file'), learns):.2e}", distance(learned("from_file"), learns) < 1e-9)
code, printed = train("from_file_again", edit=from_file)
check("a file that is there is taken", code == 0 and "written to" not in printed and distance(learned("from_file_again"), learned("from_file")) < 1e-12, printed)
code, printed = train("from_file_other", split="seed: 2", edit=from_file)
check("of another split it warns", code == 0 and 'are of the training part of' in printed, printed)
recordings.write(work / "louder.h5", {name: 3 * value for name, value in fields.items()}, ids, steps, CHUNK, units={"t": "K"})
code, printed = train("from_file_louder", data="louder.h5", edit=from_file)
check("and of other data", code == 0 and 'in moments.h5 are of the training part of' in printed, printed)
code, printed = train("no_place", edit=lambda text: text.replace("t: {mean: 0.5, std: 2.0}", "t: {from: /proc/no/t.h5}"))
check("a file that cannot be made is refused", code != 0 and "give `from` a place that the first rank can write to" in printed, printed)
# The checkpoint has them: a plan without `normalize` serves what was learned.
for name, plan in (("with", from_file), ("without", lambda text: text.replace(
        "      t: {mean: 0.5, std: 2.0}\n      ds: {mean: 1.0, std: 3.0}\n", "").replace("    normalize:\n", ""))):
    text = plan(PLAN.replace("torchscript: net.pt", "checkpoint: " + str(sorted((work / "from_file" / "checkpoints").glob("mlp-[0-9]*.safetensors"))[-1])))
    for word, value in {"EPOCHS": 1, "SHUFFLE": "off", "SPLIT": "seed: 1", "REPRODUCIBLE": "outputs", "EXTRA": "", "OUTPUT": work / f"served_{name}"}.items():
        text = text.replace(f"@{word}@", str(value))
    (work / f"served_{name}.yaml").write_text(text)
    done = subprocess.run([mpiexec, "-np", "1", ekman, "evaluate", f"served_{name}.yaml", "--data", "data-0.h5", "--checkpoint", "plan"],
                          cwd=work, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    check(f"a plan {name} normalize serves the checkpoint", done.returncode == 0, done.stderr)
    quiet = name == "without" or "normalised as the plan says" not in done.stderr
    check("and does not say that they differ", quiet, done.stderr)
text = (work / "served_with.yaml").read_text().replace("ds: {from: moments.h5}", "ds: {mean: 9.0}")
(work / "served_other.yaml").write_text(text.replace("served_with", "served_other"))
done = subprocess.run([mpiexec, "-np", "1", ekman, "evaluate", "served_other.yaml", "--data", "data-0.h5", "--checkpoint", "plan"],
                      cwd=work, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
check("other constants than it learned with are told", "ds normalised as the plan says, which is not as the checkpoint learned" in done.stdout, done.stdout)
errors = [(work / f"served_{name}" / "evaluation-mlp-test.csv").read_text() for name in ("with", "without")]
check("with the same bits", errors[0] == errors[1], "\n".join(errors))

for file, words in (("from_file/checkpoints/mlp-best.safetensors", ["checkpoint of optimizer step", "0.weight", "float64 [24, 4]", "sha256 "]),
                    ("net.pt", ["TorchScript", "forward(", "parameters: 220 values in 4 tensors", "float64 [24, 4]"]),
                    ("moments.h5", ["mean and std of fields", "t [K]: 3 levels", "training part of train 0.7"])):
    done = subprocess.run([ekman, "inspect", file], cwd=work, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check(f"inspect knows {file}", done.returncode == 0 and all(word in done.stdout for word in words), done.stdout)
done = subprocess.run([ekman, "inspect", "one.yaml"], cwd=work, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
check("inspect refuses what is none of them", done.returncode == 1 and "one.yaml is no recording, restart file" in done.stdout, done.stdout)

# Two ML ranks that own chunks 0 and 2, and 1; the second one wrote two files.
left, right = [p for p in range(POINTS) if p // CHUNK != 1], [p for p in range(POINTS) if p // CHUNK == 1]
for name, points, chunk_numbers, part in (("split-0.h5", left, [0, 2], slice(None)), ("split-1.h5", right, [1], slice(0, 9)),
                                          ("split-2.h5", right, [1], slice(9, None))):
    recordings.write(work / name, {key: value[part][:, points] for key, value in fields.items()}, [ids[p] for p in points],
                     steps[part], CHUNK, chunks=chunk_numbers, units={"t": "K"})
check("files of several ML ranks are one recording", distance(trained("of_ranks", data="split-*.h5"), one) == 0.0)

(work / "elsewhere").mkdir()
shutil.copy(work / "split-1.h5", work / "elsewhere")
done = subprocess.run([ekman, "inspect", "--merge", "both.h5", "split-0.h5", "elsewhere/split-1.h5"], cwd=work, timeout=60,
                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
check("two runs are not merged", done.returncode == 1 and "are in two folders, so of two runs" in done.stdout, done.stdout)

# A second run has the same steps, and is not taken for the first one again.
(work / "other").mkdir()
recordings.write(work / "other" / "data-0.h5", {name: value[::-1] for name, value in fields.items()}, ids, steps, CHUNK, units={"t": "K"})
code, printed = train("two_runs", data="*/data-0.h5")
check("one folder is one run", code == 0 and f"{len(in_order)} recorded chunks to learn from" in printed, printed)
shutil.copytree(work / "other", work / "third")
code, printed = train("three_runs", data="*/data-0.h5")
check("two folders are two runs", code == 0 and f"{2 * len(in_order)} recorded chunks to learn from" in printed, printed)
# A step that was recorded again counts once, as the file with the greater number has it, however old the files are.
(work / "again").mkdir()
recordings.write(work / "again" / "data-0001.h5", fields, ids, steps, CHUNK, units={"t": "K"})
recordings.write(work / "again" / "data-0000.h5", {name: value[::-1] for name, value in fields.items()}, ids, steps, CHUNK,
                 units={"t": "K"})
check("of a step in two files the later one counts", distance(trained("again_once", data="again/*.h5"), one) == 0.0)


def refused(what, words, data="data*.h5", ranks=2, **setting):
    code, printed = train("refused", data=data, ranks=ranks, **setting)
    told = printed.count("ekman: error")
    check(f"refused: {what}", code != 0 and words in printed and told == 1, printed)


some = {name: value for name, value in fields.items() if name != "ds_true"}
recordings.write(work / "missing.h5", some, ids, steps, CHUNK)
refused("a missing variable", 'has no field "ds_true", which network "mlp" needs; it has t, s, area, dt_true', "missing.h5")
recordings.write(work / "units.h5", fields, ids, steps, CHUNK, units={"t": "degC"})
refused("other units", 'has "t" in "degC", but the plan in "K"', "units.h5",
        edit=lambda text: text.replace("atmosphere: {}", "atmosphere: {fields: {t: {units: K}}}"))
refused("other levels", 'has 3 levels of "t", but the plan has 5', "data-0.h5",
        edit=lambda text: text.replace("atmosphere: {}", "atmosphere: {fields: {t: {levels: 5}}}"))
bad = {name: value.copy() for name, value in fields.items()}
bad["s"][times[0], 40] = numpy.nan
recordings.write(work / "nan.h5", bad, ids, steps, CHUNK)
with h5py.File(work / "user.h5", "w") as file:
    file["t_mean"], file["t_std"] = numpy.zeros(5), numpy.ones(5)
    file["t_mean"].attrs["units"] = "K"   # of variable length, as h5py writes it
    file["s_mean"], file["s_std"] = 0.0, 0.0
refused("statistics of other levels", 'field "t" has 3 levels, but', "data-0.h5", ranks=1,
        edit=lambda text: text.replace("t: {mean: 0.5, std: 2.0}", "t: {from: user.h5}"))
refused("a std of zero", 'user.h5 has mean 0 and std 0 of "s", level 1', "data-0.h5",
        edit=lambda text: text.replace("t: {mean: 0.5, std: 2.0}", "s: {from: user.h5}"))
done = subprocess.run([ekman, "check", "served_with.yaml"], cwd=work, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
check("check takes a plan with its file", done.returncode == 0, done.stdout)
for wrong, words, status in (("none.h5", '17:18: warning: there is no file none.h5 with mean and std of "ds"', 0),
                             ("user.h5", '17:18: warning: user.h5 has no mean and std of "ds"; it has s, t; `ekman train`', 0)):
    text = (work / "served_with.yaml").read_text().replace("ds: {from: moments.h5}", f"ds: {{from: {wrong}}}")
    (work / "unserved.yaml").write_text(text)
    done = subprocess.run([ekman, "check", "unserved.yaml"], cwd=work, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check(f"check says: {words}", done.returncode == status and words in done.stdout, done.stdout)
code, printed = train("nan", data="nan.h5")
check("refused: NaN", code != 0 and f'has nan in "s" of point {ids[40]}, level 1, step {steps[times[0]]}' in printed, printed)
bad["area"][times[0], 40] = 0.0
recordings.write(work / "masked.h5", bad, ids, steps, CHUNK)
check("a masked NaN is welcome", train("masked", data="masked.h5")[0] == 0)
refused("no file", "there is no file", "nothing*.h5")
refused("another kind", "holds float64, but the wire of network", "data-0.h5",
        edit=lambda text: text.replace("wire: float64", "wire: float32"))

# Errors of the test part, against numpy.
command = [mpiexec, "--oversubscribe", "-np", "2", ekman, "evaluate", "one.yaml", "--data", str(work / "data*.h5"), "--checkpoint",
           "latest"]
done = subprocess.run(command, cwd=work, timeout=120, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                      env={**os.environ, "EKMAN_PYTHON": sys.executable})
check("evaluate runs", done.returncode == 0, done.stderr)
figure = work / "one" / "evaluation-mlp-test.png"
check("and leaves a figure", f"figure: {figure}" in done.stdout and figure.read_bytes()[:4] == b"\x89PNG", done.stdout)
pairs = (work / "one" / "evaluation-mlp-test-pairs.csv").read_text()
alone = subprocess.run([ekman, *command[5:]], cwd=work, timeout=120, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       env={**os.environ, "EKMAN_PYTHON": "no-python"})
check("without Python it says so", alone.returncode == 0 and "no figure: no-python cannot be started" in alone.stdout, alone.stdout)
check("the draw of pairs does not depend on the ranks", pairs == (work / "one" / "evaluation-mlp-test-pairs.csv").read_text())
network = torch.nn.Sequential(torch.nn.Linear(4, 24), torch.nn.Tanh(), torch.nn.Linear(24, 4)).double()
network.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in one.items()})
tested = [time for time, part in enumerate(parts_of_times(1)) if part == "test"]
inputs = numpy.concatenate([(fields["t"][tested] - 0.5) / 2.0, fields["s"][tested][..., None]], 2)
with torch.no_grad():
    out = network(torch.from_numpy(inputs)).numpy()
weight = fields["area"][tested][..., None]
for name, prediction, truth in (("dt", out[..., :3], fields["dt_true"][tested]),
                                ("ds", out[..., 3:] * 3.0 + 1.0, fields["ds_true"][tested][..., None])):
    error, total = prediction - truth, weight.sum() * truth.shape[2]
    mean = (weight * truth).sum() / total
    wanted = [numpy.sqrt((weight * error**2).sum() / total), (weight * numpy.abs(error)).sum() / total,
              1 - (weight * error**2).sum() / (weight * (truth - mean) ** 2).sum(), (weight * error).sum() / total]
    table = [line.split(",") for line in (work / "one" / "evaluation-mlp-test.csv").read_text().splitlines()]
    found = [float(cell) for cell in next(row for row in table if row[:2] == [f'"{name}"', "all"])[2:6]]
    check(f"errors of {name} are numpy's", numpy.allclose(found, wanted, rtol=1e-9), f"{found}\n{wanted}")
    check(f"a row for each level of {name}", sum(row[0] == f'"{name}"' for row in table) == 1 + truth.shape[2])
print(done.stdout)

command[command.index("evaluate")] = "predict"
done = subprocess.run(command, cwd=work, timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
check("predict runs", done.returncode == 0, done.stdout)
found = {}
for rank in range(2):
    with h5py.File(work / "one" / f"prediction-mlp-test-{rank}.h5") as file:
        for at, number in enumerate(file["global_id"][:]):
            found[int(number)] = {name: file[name][:, at] for name in ("dt", "dt_true", "ds", "ds_true")}
        check("the times of the part", list(file["step"][:]) == [steps[time] for time in tested])
check("all points are predicted", sorted(found) == ids)
for point, number in enumerate(ids):
    same = (numpy.allclose(found[number]["dt"], out[:, point, :3], rtol=1e-12, atol=1e-14)
            and numpy.allclose(found[number]["ds"], out[:, point, 3] * 3.0 + 1.0, rtol=1e-12, atol=1e-14)
            and (found[number]["dt_true"] == fields["dt_true"][tested, point]).all()
            and (found[number]["ds_true"] == fields["ds_true"][tested, point]).all())
    if not same:
        check(f"prediction and truth of point {number}", False, str(found[number]))
print("ok: predictions are PyTorch's, beside the truth in all bits")
