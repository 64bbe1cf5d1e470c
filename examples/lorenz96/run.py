#!/usr/bin/env python3
"""Runs the whole demo: truth, training, learning while the model runs, one-scale models, scores. Files go to run/.

    run.py BUILD_DIR EKMAN_PROGRAM [--seeds 10] [--ranks 2] [--run run] [--setting lorenz96.nml]

The environment variable MPIRUN names the launcher (default: mpirun).
"""
import argparse
import dataclasses
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
LEARNERS = ("online", "tuned", "posterior")


@dataclasses.dataclass
class Job:
    label: str
    weight: float               # seconds or so
    command: list
    log: pathlib.Path           # its folder is the working directory
    keeps: str = ""             # the last checkpoint of this pattern becomes closure.safetensors beside the log


def child_environment():
    env = dict(os.environ)
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        env.pop(name, None)
    if os.geteuid() == 0:   # in a container; Open MPI refuses root otherwise
        env.setdefault("OMPI_ALLOW_RUN_AS_ROOT", "1")
        env.setdefault("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
    env.setdefault("OMPI_MCA_rmaps_base_oversubscribe", "1")   # three processes may meet two cores
    env.setdefault("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe")
    env.setdefault("PMIX_MCA_pmdl", "^ompi")   # Debian's Open MPI 5 crashes at `mpirun a : b` without it
    return env


class Bar:
    """A progress bar on stderr, silent where stderr is no terminal."""

    def __init__(self, total):
        self.total, self.done, self.start = total, 0.0, time.monotonic()
        self.shown = sys.stderr.isatty()

    def show(self, label, inside=0.0):
        if self.shown:
            part = min(1.0, (self.done + inside) / self.total)
            seconds = time.monotonic() - self.start
            print(f"\r[{'#' * int(30 * part):<30}] {100 * part:3.0f} %  {seconds:4.0f} s  {label:<24}",
                  end="", file=sys.stderr, flush=True)

    def clear(self):
        if self.shown:
            print("\r" + " " * 79 + "\r", end="", file=sys.stderr, flush=True)


def run(job, bar, env):
    """One program; its lines `progress FRACTION` move the bar, all others go to its log."""
    bar.show(job.label)
    with open(job.log, "w") as log:
        log.write("$ " + shlex.join(job.command) + "\n")
        log.flush()
        process = subprocess.Popen(job.command, env=env, cwd=job.log.parent, stdout=subprocess.PIPE, stderr=log, text=True)
        for line in process.stdout:
            words = line.split()
            if len(words) == 2 and words[0] == "progress":
                bar.show(job.label, job.weight * float(words[1]))
            else:
                log.write(line)
        status = process.wait()
    if status != 0:
        bar.clear()
        tail = "\n".join(job.log.read_text().splitlines()[-25:])
        sys.exit(f"{job.label}: exit status {status}; the end of {job.log}:\n{tail}")
    if job.keeps:
        learned = sorted(job.log.parent.glob(job.keeps))
        if not learned:
            bar.clear()
            sys.exit(f"{job.label}: no {job.log.parent}/{job.keeps}; the optimizer made fewer steps than the plan's "
                     "checkpoint.every: compare it with &learning of lorenz96.nml")
        shutil.copy(learned[-1], job.log.parent / "closure.safetensors")
    bar.done += job.weight


def prepare(folder, seed):
    """A seed's folder, and one for each learner, with their plans; what an earlier run left there is removed."""
    shutil.rmtree(folder, ignore_errors=True)   # so that nothing stale is ever scored
    for place, names in ((".", ("record", "train", "pytorch")), *((name, (name,)) for name in LEARNERS)):
        (folder / place).mkdir(parents=True)
        shutil.copy(HERE / "plan.yaml", folder / place)
        for name in names:
            text = (HERE / f"plan_{name}.yaml").read_text()
            (folder / place / f"plan_{name}.yaml").write_text(text.replace("seed: 1", f"seed: {seed}"))


def jobs_of(args, env):
    """Every program, in order."""
    build, ekman = pathlib.Path(args.build).resolve(), shutil.which(args.ekman)
    if ekman is None:
        sys.exit(f"no program {args.ekman}: give the path of the installed `ekman`")
    ekman = pathlib.Path(ekman).resolve()
    mpirun = shlex.split(env.get("MPIRUN", "mpirun"))
    setting, top = str(pathlib.Path(args.setting).resolve()), pathlib.Path(args.run).resolve()
    modules = ekman.parent.parent / "share/ekman/pytorch"   # of the installed Ekman
    env["PYTHONPATH"] = os.pathsep.join([str(modules), *filter(None, [env.get("PYTHONPATH")])])

    for seed in range(1, args.seeds + 1):
        folder = top / f"seed_{seed:02d}"
        prepare(folder, seed)

        def model(program, *words):
            return [*mpirun, "-np", str(args.ranks), str(build / program), setting, *map(str, words)]

        def serve(plan):
            return [":", "-np", "1", str(ekman), "serve", str(plan)]

        def job(name, weight, command, **more):
            return Job(f"seed {seed}: {name}", weight, command, folder / f"{name}.log", **more)

        truth = folder / "truth.h5"
        yield job("truth", 3.0, model("truth", seed, truth) + serve("plan_record.yaml"))
        yield job("train", 4.0, [*mpirun, "-np", "1", str(ekman), "train", "plan_train.yaml", "--data", "data/*.h5"],
                  keeps="checkpoints/closure-best.safetensors")
        yield job("train_in_pytorch", 3.0, [sys.executable, str(HERE / "train_in_pytorch.py"), str(seed), str(folder)])
        yield job("none", 0.6, model("onescale", truth, folder / "none.h5"))
        yield job("polynomial", 0.6, model("onescale", truth, folder / "polynomial.h5", folder / "polynomial.nml"))
        yield job("hybrid", 3.0, model("hybrid", truth, folder / "hybrid.h5") + serve("plan.yaml"))
        yield job("pytorch", 3.0, model("hybrid", truth, folder / "pytorch.h5") + serve("plan_pytorch.yaml"))
        for name in LEARNERS:
            program = "posterior" if name == "posterior" else "online"
            yield job(f"{name}/learn", 3.0, model(program, seed) + serve(f"plan_{name}.yaml"),
                      keeps="learned/closure-[0-9]*.safetensors")
            yield job(f"{name}/hybrid", 3.0, model("hybrid", truth, folder / f"{name}.h5") + serve("plan.yaml"))
    yield Job("scores", 10.0, [sys.executable, str(HERE / "evaluate.py"), str(top), str(args.seeds)], top / "evaluate.log")


def main():
    parser = argparse.ArgumentParser(description="The Lorenz 96 demo, end to end.")
    parser.add_argument("build", help="folder with the programs of this example")
    parser.add_argument("ekman", help="the program `ekman`")
    parser.add_argument("--seeds", type=int, default=10, help="independent repetitions (default 10)")
    parser.add_argument("--ranks", type=int, default=2, help="component ranks (default 2)")
    parser.add_argument("--setting", default=str(HERE / "lorenz96.nml"), help="another namelist file")
    parser.add_argument("--run", default=str(HERE / "run"), help="folder for all files (default: run/ beside this script)")
    args = parser.parse_args()

    env = child_environment()
    jobs = list(jobs_of(args, env))
    bar = Bar(sum(job.weight for job in jobs))
    for job in jobs:
        run(job, bar, env)
    bar.clear()
    top = pathlib.Path(args.run).resolve()
    print((top / "table.txt").read_text(), end="")
    print(f"\n{time.monotonic() - bar.start:.0f} s; {top}/table.txt, scores.csv, lorenz96.png")


if __name__ == "__main__":
    main()
