"""Recordings of coupled runs: what is in them is what the networks got and returned, bit for bit, on every decomposition; runs
that are killed, that go on from a restart set, that reach their bound.

run_record.py MPIEXEC MODEL EKMAN WORK_DIR echo|learning|files|killed
"""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import h5py
import numpy

from processes import processes_of

mpiexec, model, ekman, work, case = sys.argv[1:6]
work = pathlib.Path(work).resolve()
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
TOTAL, LEVELS = 203, 3
PLAN = """
ekman: 1
calendar: {{start: 2000-02-27}}
components: {{atmosphere: {{timestep: PT10M, points: 203{known}}}}}
networks:
  net:
    component: atmosphere
    ranks: {ml_ranks}
    network: {network}
    chunk: {chunk}
    wire: {wire}
    compute: {wire}
    transport: {transport}
    lag: {lag}
    inputs: [{{fields: [t, s]}}]
{more}output: {{directory: {folder}, record: {{{record}}}}}
"""
OUTPUTS = "    outputs: [{fields: [dt, ds]}]\n"


def command(name, steps=8, words=(), ranks=2, ml_ranks=2, ids="blocks", transport="auto", wire="float32", lag=0, record="",
            network="{echo: {}}", chunk=32, more=OUTPUTS, first="", known=""):
    """Writes the plan `name` and returns the command line of its job."""
    folder = work / name
    folder.mkdir(exist_ok=True)
    text = PLAN.format(ml_ranks=ml_ranks, network=network, wire=wire, transport=transport, lag=lag, chunk=chunk, known=known,
                       more=more, folder=folder, record=record)
    plan = work / f"{name}.yaml"
    plan.write_text(first + text)
    return [mpiexec, "--oversubscribe", "-np", str(ranks), model, ids, str(steps), str(folder), *words, ":", "-np", str(ml_ranks),
            ekman, "serve", str(plan)]


def run(name, **how):
    done = subprocess.run(command(name, **how), timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check(f"{name} runs", done.returncode == 0, done.stdout)
    return done.stdout


def check(what, holds, found=""):
    if not holds:
        sys.exit(f"FAILED: {what}\n{found}")
    print(f"ok: {what}", flush=True)


def inspect(*arguments):
    done = subprocess.run([ekman, "inspect", *map(str, arguments)], timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    return done.returncode, done.stdout


def merge(name, pattern="[!.]*-net-*"):   # as a shell would: no hidden file, which a kill may leave
    merged = work / f"{name}_merged.h5"
    merged.unlink(missing_ok=True)
    status, said = inspect("--merge", merged, *sorted((work / name).glob(pattern)))
    check(f"{name}: its recordings become one", status == 0, said)
    return merged, said


def columns(steps, ids, wire, shift=0.0, more=0.0):
    """make_columns() of record_model: t and s of all steps and points."""
    whole = 100.0 * numpy.array(steps, float)[:, None] + ids + shift + more
    t = numpy.stack([whole + 10000 * level for level in range(1, LEVELS + 1)], 2) / 7
    return t.astype(wire), (whole / 7).astype(wire)


def same_bits(what, found, expected):
    found, expected = numpy.ascontiguousarray(found), numpy.ascontiguousarray(expected)
    good = found.dtype == expected.dtype and found.shape == expected.shape and found.tobytes() == expected.tobytes()
    check(what, good, f"{found.dtype} {found.shape} {expected.dtype} {expected.shape}\n{found}\n{expected}")


def outputs_got(name, steps, lag, ids, wire):
    """What the component got in these exchanges, as dt and ds side by side."""
    kind = numpy.dtype([("step", "<i8"), ("id", "<i8"), ("values", "<f8", LEVELS + 1)])
    rows = numpy.concatenate([numpy.fromfile(file, kind) for file in (work / name).glob("*.bin")])
    place = {id: i for i, id in enumerate(ids)}
    got = numpy.full((len(steps), len(ids), LEVELS + 1), numpy.nan)
    for i, step in enumerate(steps):
        for row in rows[rows["step"] == step + lag]:
            got[i, place[row["id"]]] = row["values"]
    return got.astype(wire)


def points(ids):
    return numpy.arange(TOTAL) * (7 if ids == "sparse" else 1)


def compare_inputs(name, file, steps, ids, wire):
    t, s = columns(steps, ids, wire)
    check(f"{name}: its records are of these steps", file["step"][:].tolist() == steps, file["step"][:])
    check(f"{name}: it counts exchanges", file["exchange"][:].tolist() == [step - 1 for step in steps], file["exchange"][:])
    check(f"{name}: all points, in order", file["global_id"][:].tolist() == ids.tolist(), file["global_id"][:])
    same_bits(f"{name}: t is what the network got", file["t"][:], t)
    same_bits(f"{name}: s is what the network got", file["s"][:], s)


def compare_outputs(name, file, steps, ids, wire, lag, last):
    """`last` step of the run; with lag the component has not got the outputs of that one."""
    with_lag = [step for step in steps if step + lag <= last]
    got = outputs_got(name, with_lag, lag, ids, wire)
    there = numpy.concatenate([file["dt"][:len(with_lag)], file["ds"][:len(with_lag)][:, :, None]], 2)
    check(f"{name}: there is something to compare", len(with_lag) > 1 and not numpy.isnan(got).any())
    same_bits(f"{name}: outputs are what the component got", there, got)


def record_echo():
    jobs = [(1, 1, "blocks", "auto", "float32", 0, 1), (3, 2, "sparse", "point_to_point", "float64", 0, 2),
            (2, 3, "cyclic", "auto", "float32", 1, 1), (2, 3, "blocks", "point_to_point", "float32", 1, 3)]
    for number, (ranks, ml_ranks, ids, transport, wire, lag, every) in enumerate(jobs):
        name = f"echo{number}"
        run(name, ranks=ranks, ml_ranks=ml_ranks, ids=ids, transport=transport, wire=wire, lag=lag,
            record=f"every: {every}", words=["place"])
        files = sorted(path.name for path in (work / name).glob("recording*"))
        check(f"{name}: a file for each ML rank", files == [f"recording-net-{rank}-0000.h5" for rank in range(ml_ranks)], files)
        all_ids, steps = points(ids), list(range(1, 9, every))
        with h5py.File(merge(name)[0]) as file:
            compare_inputs(name, file, steps, all_ids, wire)
            compare_outputs(name, file, steps, all_ids, wire, lag, 8)
            same_bits(f"{name}: longitudes", file["longitude"][:], 0.75 * (all_ids % 480))
            same_bits(f"{name}: latitudes", file["latitude"][:], (all_ids % 180 - 90).astype("f4").astype("f8"))
            check(f"{name}: units where there are some", file["t"].attrs["units"] == b"K" and
                  file["dt"].attrs["units"] == b"K s-1" and "units" not in file["s"].attrs)
            check(f"{name}: dates", file["time"].attrs["units"] == b"seconds since 2000-02-27 00:00:00" and
                  file["time"][:].tolist() == [600.0 * step for step in steps])

    said = run("some", ids="cyclic", words=["some"], record="fields: [ds, t]")
    check("coordinates of some ranks only are told", "1 of 2 ranks" in said and "ekman_def_coordinates on all ranks" in said, said)
    with h5py.File(merge("some")[0]) as file:
        check("the fields that were asked for, and no coordinates", "longitude" not in file and "s" not in file and
              file.attrs["fields"] == b"t ds", list(file))

    name = "grid"
    run(name, ids="cyclic", chunk=1, more="    sample: {grid: {shape: [29, 7]}}\n" + OUTPUTS, record="fields: [s, dt]")
    with h5py.File(merge(name)[0]) as file:
        same_bits("a grid is recorded as its points", file["s"][:], columns(range(1, 9), points("cyclic"), "float32")[1])
        check("and says its shape", file.attrs["sample"] == b"grid" and file.attrs["grid_shape"].tolist() == [29, 7])

    name = "none"
    run(name, network="none", more="", words=["inputs"], ids="sparse", ranks=3, lag=1)
    with h5py.File(merge(name)[0]) as file:
        compare_inputs(name, file, list(range(1, 9)), points("sparse"), "float32")
        check("nothing but inputs is recorded", "dt" not in file)


def record_learning():
    import torch
    from typing import Dict

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(LEVELS + 1, LEVELS + 1)

        def forward(self, rows):
            return self.layer(rows)

        @torch.jit.export
        def loss(self, outputs: Dict[str, torch.Tensor], targets: Dict[str, torch.Tensor], inputs: Dict[str, torch.Tensor]):
            return (outputs["ds"] - targets["ds"]).abs().mean(1) + (outputs["dt"] - inputs["lat"]).abs().mean(1)

    torch.manual_seed(1)
    torch.jit.script(Net()).save(str(work / "net.pt"))
    steps = 7
    for ranks, ml_ranks, ids, transport, lag, delay in ((2, 2, "blocks", "auto", 0, 0), (3, 3, "sparse", "point_to_point", 0, 2),
                                                        (2, 1, "cyclic", "auto", 1, 1)):
        name = f"learning{delay}"
        more = OUTPUTS + f"""\
    normalize: {{t: {{mean: 3000.0, std: 2000.0}}}}
    training:
      targets: {{dt: dt_true, ds: ds_true}}
      weights: area
      loss: [{{method: loss, extra: [lat]}}]
      optimizer: {{sgd: {{lr: 1.0e-3}}}}
      clip_norm: 1.0
      delay: {delay}
"""
        run(name, steps=steps, ranks=ranks, ml_ranks=ml_ranks, ids=ids, transport=transport, lag=lag, more=more,
            network=f"{{torchscript: {work}/net.pt}}", words=["truth", f"delay{delay}"])
        if delay == 0:   # outputs that nobody gets
            run("unseen", steps=steps, ranks=ranks, ml_ranks=ml_ranks, ids=ids, transport=transport, lag=lag, more=more,
                network=f"{{torchscript: {work}/net.pt}}", words=["truth", "inputs"],
                known=", fields: {dt: {levels: 3, units: K s-1}, ds: {levels: 1}}")
            with h5py.File(merge(name)[0]) as seen, h5py.File(merge("unseen")[0]) as unseen:
                for field in ("dt", "ds", "dt_true"):
                    same_bits(f"{field} is recorded though the component defines no outputs", unseen[field][:], seen[field][:])
        # Targets of the last exchanges never come.
        all_ids, whole = points(ids), list(range(1, steps + 1 - delay))
        with h5py.File(merge(name)[0]) as file:
            compare_inputs(name, file, whole, all_ids, "float32")
            compare_outputs(name, file, whole, all_ids, "float32", lag, steps)
            dt, ds = columns(whole, all_ids, "float32", 0.25)
            same_bits(f"{name}: targets are those of the inputs beside them", file["dt_true"][:], dt)
            same_bits(f"{name}: and those with one level", file["ds_true"][:], ds)
            same_bits(f"{name}: weights", file["area"][:], numpy.tile((1 + all_ids % 3).astype("f4"), (len(whole), 1)))
            same_bits(f"{name}: the field of the loss", file["lat"][:], columns(whole, all_ids, "float32", 0.5)[1])


def record_files():
    said = run("numbers", record="records_per_file: 3, file: kept.h5", words=["cut5"])
    files = sorted(path.name for path in (work / "numbers").glob("kept*"))
    check("a new file after three records", files == [f"kept-net-{rank}-{number:04}.h5" for rank in range(2)
                                                      for number in range(3)], files)
    check("the run says what it recorded", "recorded 8 exchanges in 3 files of each ML rank" in said, said)
    again = subprocess.run(command("numbers", record="file: kept.h5"), timeout=120, capture_output=True, text=True)
    check("a run that begins does not mix its records with others'", again.returncode != 0 and
          "is there already; remove it, or change output.directory" in again.stdout + again.stderr, again)

    run("numbers", record="records_per_file: 3, file: kept.h5", words=["more"], first="resume: cut\n", ml_ranks=1)
    merged, said = merge("numbers", "kept*")
    with h5py.File(merged) as file:
        check("all steps are there", file["step"][:].tolist() == list(range(1, 9)), said)
        same_bits("before the cut from the first run", file["t"][:4], columns([1, 2, 3, 4], points("blocks"), "float32")[0])
        same_bits("behind it from the one that went on", file["t"][4:],
                  columns([5, 6, 7, 8], points("blocks"), "float32", more=1000)[0])
    status, said = inspect(merged)
    for words in ("network net of component atmosphere, float32", "8 records: step 1 (2000-02-27T00:10:00) to step 8",
                  "203 points in 7 chunks (0 to 6) of 32 points, without coordinates", "t(3) [K], s, dt(3) [K s-1], ds"):
        check(f"inspect says: {words}", status == 0 and words in said, said)
    status, said = inspect("--merge", work / "part.h5", work / "numbers" / "kept-net-1-0000.h5")
    check("a rank that is missing is named", status != 0 and "is in none of the files" in said, said)
    status, said = inspect("--merge", work / "some.h5", *(work / "numbers").glob("kept-net-0-0000.h5"),
                           *(work / "numbers").glob("kept-net-1-000[01].h5"))
    check("records that are not whole are left out", status == 0 and "left out: 3 records that are not there for all chunks "
          "(step 4 to 6)" in said, said)

    said = run("bounded", steps=60, record="max_bytes: 120000", ml_ranks=1)
    (file,) = (work / "bounded").glob("recording*")
    check("recording stops at its bound, and the run goes on", file.stat().st_size <= 120000 and "max_bytes: 120000" in said and
          file.suffix == ".h5", said)
    with h5py.File(file) as found:
        steps = found["step"][:].tolist()
        check("with the records up to it", 2 < len(steps) < 60 and steps == list(range(1, len(steps) + 1)), steps)


def read_while_written(folder):
    """A file is begun, or gets its name, between the look for it and the look into it: then there is another one."""
    said = ""
    for _ in range(100):
        status, said = inspect(*folder.glob("*.part"))
        if status == 0 and "network net of component atmosphere" in said:
            return check("a recording is read while it is written", True)
    check("a recording is read while it is written", False, said)


def record_killed():
    numpy.random.seed(int(time.time()))
    for turn in range(2):
        name = f"killed{turn}"
        log = open(work / f"{name}.log", "w")
        job = subprocess.Popen(command(name, steps=10000000, record="records_per_file: 20", ids="cyclic"), stdout=log, stderr=log)
        begin = time.monotonic()
        while len(list((work / name).glob("[!.]*-0002.h5*"))) < 2:
            if time.monotonic() - begin > 60 or job.poll() is not None:
                sys.exit("FAILED: nothing was recorded\n" + (work / f"{name}.log").read_text())
        read_while_written(work / name)
        time.sleep(0.05 * numpy.random.rand())   # anywhere
        for process in processes_of(job, ekman) + processes_of(job, model):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        job.wait(timeout=60)
        for rank in range(2):
            finished = sorted((work / name).glob(f"recording-net-{rank}-*.h5"))
            for number, path in enumerate(finished):
                with h5py.File(path) as file:
                    check(f"{path.name} is whole", file["step"][:].tolist() == list(range(20 * number + 1, 20 * number + 21)))
        merged, said = merge(name)
        with h5py.File(merged) as file:
            steps = file["step"][:].tolist()
            check("all records up to the kill", len(steps) >= 40 and steps == list(range(1, len(steps) + 1)), said)
            compare_inputs(name, file, steps, points("cyclic"), "float32")
        print(said)


{"echo": record_echo, "learning": record_learning, "files": record_files, "killed": record_killed}[case]()
