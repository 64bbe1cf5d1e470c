"""adapters/pytorch/ekman_recordings.py: samples are what was recorded, in all bits, and parts those of `ekman predict`.

run_dataset.py MPIEXEC EKMAN WORK_DIR
"""
import pathlib
import pickle
import shutil
import subprocess
import sys

import h5py
import numpy
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "adapters" / "pytorch"))
import recordings  # noqa: E402
from ekman_recordings import RecordedSamples, Split  # noqa: E402

_, ekman, work = sys.argv[1:4]
work = pathlib.Path(work)
shutil.rmtree(work, ignore_errors=True)
(work / "data").mkdir(parents=True)
TIMES, POINTS, CHUNK = 60, 70, 32
INPUTS, TARGETS = ["t", "s"], ["dt_true"]

random = numpy.random.default_rng(3)
fields = {"t": random.normal(size=(TIMES, POINTS, 3)), "s": random.normal(size=(TIMES, POINTS)),
          "dt_true": random.normal(size=(TIMES, POINTS, 3)), "area": random.uniform(0.5, 2.0, size=(TIMES, POINTS))}
fields = {name: value.astype("float32") for name, value in fields.items()}
ids, steps = [3 * i for i in range(POINTS)], [2 * i + 1 for i in range(TIMES)]
PLAN = """ekman: 1
components: {atmosphere: {}}
networks:
  mlp:
    component: atmosphere
    network: {builtin: mlp, hidden: [4]}
    inputs: [{fields: [t, s]}]
    outputs: [{fields: [dt]}]
    training:
      targets: {dt: dt_true}
      loss: [{mse: {fields: [dt]}}]
      optimizer: {adam: {lr: 1.0e-3}}
      offline: {split: @SPLIT@}
output: {directory: @OUTPUT@}
"""


def check(what, holds, found=""):
    print(("ok: " if holds else "FAILED: ") + what, flush=True)
    if not holds:
        sys.exit(str(found))


def refused(what, words, make, kind=ValueError):
    try:
        make()
    except kind as error:
        check(f"refused: {what}", words in str(error), error)
        return
    check(f"refused: {what}", False)


def write(name, points, chunks, times, values=fields, **more):
    recordings.write(work / name, {key: value[times][:, points] for key, value in values.items()},
                     [ids[p] for p in points], steps[times], CHUNK, chunks=chunks, wire="float32", **more)


# Two ML ranks, of which the second one wrote two files; a resumed run has recorded times 40 to 49 again, and the file
# of the first try has other values there. The resumed run was killed: its .part has a time that was not finished.
left, right = [p for p in range(POINTS) if p // CHUNK != 1], [p for p in range(POINTS) if p // CHUNK == 1]
first_try = {name: value.copy() for name, value in fields.items()}
for value in first_try.values():
    value[40:] = 9.0
write("data/net-0-0000.h5", left, [0, 2], slice(0, 50), first_try)
write("data/net-0-0001.h5.part", left, [0, 2], slice(40, None))
write("data/net-1-0000.h5", right, [1], slice(0, 30))
write("data/net-1-0001.h5", right, [1], slice(30, None))
with h5py.File(work / "data/net-0-0001.h5.part", "r+", libver="v110") as file:
    for name in ("step", "time", "exchange"):
        values = numpy.append(file[name][:], 0)
        del file[name]
        file[name] = values
with h5py.File(work / "data/net-0-0001.h5.part", "r+", libver="v110") as file:
    file.swmr_mode = True
    file.flush()
    shutil.copy(file.filename, work / "left_behind")   # as a killed process leaves it: open for SWMR
shutil.move(work / "left_behind", work / "data/net-0-0001.h5.part")
try:
    h5py.File(work / "data/net-0-0001.h5.part").close()
    sys.exit("the .part is not that of a killed process")
except OSError:
    pass


def samples(part="all", **more):
    files = [work / "data/*.h5", work / "data/*.part"]
    return RecordedSamples(files, INPUTS, TARGETS, weights="area", part=part, **more)


def bits(tensor):
    return tensor.numpy().tobytes()


everything = samples()
check("each point of each time once", len(everything) == TIMES * POINTS)
expected = {"inputs": numpy.concatenate([fields["t"], fields["s"][..., None]], 2).reshape(-1, 4),
            "targets": fields["dt_true"].reshape(-1, 3), "weights": fields["area"].reshape(-1)}
in_order = [torch.cat(parts) for parts in zip(*everything.batches(500))]
for (name, value), found in zip(expected.items(), in_order):
    check(f"{name} are those recorded, by time and global id", bits(found) == value.tobytes())
for index in (0, 33, 40 * POINTS, -1):
    row = index % len(everything)
    item = everything[index]
    check(f"sample {index} too, one by one",
          all(bits(one) == value[row].tobytes() for one, value in zip(item, expected.values())))
    check("where it is from", everything.where(index)[1:] == (steps[row // POINTS], ids[row % POINTS]))
small = samples(cache_bytes=1)
mixed = list(small.batches(512, seed=1, epoch=2))
check("batches are full, but the last one",
      [len(b[0]) for b in mixed] == [512] * (len(everything) // 512) + [len(everything) % 512])
rows = numpy.concatenate([batch[0].numpy() for batch in mixed])
check("shuffled batches have each sample once", sorted(map(bytes, rows)) == sorted(map(bytes, expected["inputs"])))
check("in another order", bits(torch.from_numpy(rows)) != expected["inputs"].tobytes())
again = numpy.concatenate([batch[0].numpy() for batch in samples().batches(512, seed=1, epoch=2)])
check("which follows from seed and epoch", rows.tobytes() == again.tobytes())
loaded = torch.utils.data.DataLoader(samples("train"), batch_size=600, num_workers=2)
check("workers read it", sum(len(batch[0]) for batch in loaded) == len(samples("train")))
check("a copy reads too", bits(pickle.loads(pickle.dumps(small))[7][0]) == bits(everything[7][0]))

# The parts are those of the plan: `ekman predict` leaves out times, and points as NaN, that are of another part.
runs = []
for name, split, parts in (("time", Split(0.6, 0.2, 0.2, block=7, gap=2), ("train", "validation", "test")),
                           ("id", Split(0.5, 0.2, 0.3, by="id", block=9, seed=4), ("train", "test"))):
    keys = ", ".join(f"{key}: {value}" for key, value in vars(split).items())
    plan = PLAN.replace("@SPLIT@", "{" + keys + "}").replace("@OUTPUT@", str(work / name))
    (work / f"{name}.yaml").write_text(plan)
    for part in parts:
        command = [ekman, "predict", str(work / f"{name}.yaml"), "--checkpoint", "plan", "--part", part, "--data",
                   str(work / "data/*.h5"), str(work / "data/*.part")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        runs.append((name, split, part, process))
for name, split, part, process in runs:
    printed = process.communicate(timeout=60)[0]
    check(f"predict {part} by {name}", process.returncode == 0, printed)
    with h5py.File(work / name / f"prediction-mlp-{part}-0.h5") as file:
        known = ~numpy.isnan(file["dt_true"][:, :, 0])
        there = {(int(file["step"][time]), int(file["global_id"][point])) for time, point in numpy.argwhere(known)}
    dataset = samples(part, split=split)
    here = [dataset.where(index)[1:] for index in range(len(dataset))]
    check(f"the same {len(here)} samples", len(here) == len(there) and set(here) == there)

# Grids, two in a chunk.
shape, channels = (5, 4), {"k": random.normal(size=(6, 40)), "p": random.normal(size=(6, 40, 2))}
recordings.write(work / "grid.h5", channels, range(40), range(1, 7), 2, grid=shape)
grids = RecordedSamples(work / "grid.h5", ["p", "k"], ["k"], part="all")
wanted = numpy.concatenate([channels["p"], channels["k"][..., None]], 2).reshape(12, *shape, 3).transpose(0, 3, 1, 2)
check("grids are [channels, ny, nx]", all(bits(grids[s][0]) == wanted[s].tobytes() for s in range(12)))
check("of the kind recorded", len(grids) == 12 and grids[3][0].dtype == torch.float64 and grids.where(3)[1:] == (2, 20))
refused("grids by id", 'split by="time"', lambda: RecordedSamples(work / "grid.h5", ["k"], split=Split(by="id")))

# Two folders are two runs.
(work / "other").mkdir()
write("other/net-0000.h5", list(range(POINTS)), None, slice(None))
both = RecordedSamples([work / "data/*", work / "other/*"], INPUTS, part="all")
check("two folders are two runs", len(both) == 2 * TIMES * POINTS)

refused("no file", "there is no file", lambda: RecordedSamples(work / "nothing*.h5", INPUTS), FileNotFoundError)
refused("a field that is not there", 'has no field "q"; it has t, s, dt_true, area',
        lambda: RecordedSamples(work / "other/*", ["q"]))
refused("another kind of file", "give a recording that", lambda: RecordedSamples(work / "time.yaml", INPUTS))
refused("unlike files", "differ in kind", lambda: RecordedSamples([work / "other/*.h5", work / "grid.h5"], INPUTS))
refused("fractions", "whose sum is 1", lambda: Split(train=0.9))
refused("too few times", "2 times, 2 blocks of 1", lambda: Split().of_steps([1, 2]))
whole, is_bad = list(range(POINTS)), fields["s"] > 2.5
bad = {**fields, "s": numpy.where(is_bad, numpy.nan, fields["s"])}
write("nan.h5", whole, None, slice(None), bad)
refused("NaN", 'has nan in "s" of point', lambda: list(RecordedSamples(work / "nan.h5", INPUTS, part="all").batches(9)))
write("masked.h5", whole, None, slice(None), {**bad, "area": numpy.where(is_bad, 0, 1)})
masked = RecordedSamples(work / "masked.h5", INPUTS, weights="area", part="all")
check("a NaN of weight 0 is welcome", is_bad.any() and len(list(masked.batches(9000))) == 1)
