"""`ekman train` on recordings that are made here, against plain PyTorch on the same numbers.

run_train.py MPIEXEC EKMAN WORK_DIR

Parameters in float64 are at most 1e-9 from PyTorch's after all epochs, in order and shuffled batches of several chunks,
with a last batch that is not full; two and three ranks are at most 1e-12 from one, with `reproducible: bfb` the same in all
bits; learning that stops and resumes has the bits of one that did not. What is kept for tests is never looked at: numbers
there that are none change no bit.
"""
import shutil
import subprocess

import numpy

from offline_jobs import (BATCH, CHUNK, EPOCHS, POINTS, TIMES, batches, check, chunks, distance, ekman, fields, ids,
                          in_order, learned, part_of_id, parts_of_times, reference, steps, times, train, trained,
                          work)
import python_reads_checkpoint  # noqa: E402
import recordings  # noqa: E402

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
