"""What goes into `ekman train`, `evaluate` and `predict` beside recordings, and what they leave, on recordings that are made here.

run_train_files.py MPIEXEC EKMAN WORK_DIR

Statistics of a file are numpy's, over the part that is learned from, and what is learned with them is PyTorch's; files that
do not fit are told. Bad recordings are refused by name. Errors of the test part are numpy's, predictions PyTorch's.
"""
import os
import subprocess
import sys

import h5py
import numpy
import torch

from offline_jobs import (CHUNK, EPOCHS, PLAN, batches, check, distance, ekman, fields, ids, learned, mpiexec,
                          parts_of_times, reference, steps, times, train, trained, work)
import recordings  # noqa: E402

one = trained("one")
of_part = fields["t"][times].reshape(-1, 3)
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
