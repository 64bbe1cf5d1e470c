#!/usr/bin/env python3
"""Runs the whole demo: truth, training, the three one-scale models, the scores. Files go to run/.

    run.py BUILD_DIR EKMAN_PROGRAM [--seeds 10] [--ranks 2] [--run run]

The environment variable MPIRUN names the launcher (default: mpirun).
"""
import argparse
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent


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
    label, weight, command, log_path = job
    bar.show(label)
    with open(log_path, "w") as log:
        log.write("$ " + shlex.join(command) + "\n")
        log.flush()
        process = subprocess.Popen(command, env=env, cwd=log_path.parent, stdout=subprocess.PIPE, stderr=log, text=True)
        for line in process.stdout:
            words = line.split()
            if len(words) == 2 and words[0] == "progress":
                bar.show(label, weight * float(words[1]))
            else:
                log.write(line)
        status = process.wait()
    if status != 0:
        bar.clear()
        tail = "\n".join(log_path.read_text().splitlines()[-25:])
        sys.exit(f"{label}: exit status {status}; the end of {log_path}:\n{tail}")
    bar.done += weight


def jobs_of(args, env):
    """(label, weight in seconds or so, command, log) of every program, in order."""
    build, ekman = pathlib.Path(args.build).resolve(), shutil.which(args.ekman)
    if ekman is None:
        sys.exit(f"no program {args.ekman}: give the path of the installed `ekman`")
    ekman = str(pathlib.Path(ekman).resolve())
    mpirun = shlex.split(env.get("MPIRUN", "mpirun"))
    setting, top = str(HERE / "lorenz96.nml"), pathlib.Path(args.run).resolve()

    for seed in range(1, args.seeds + 1):
        folder = top / f"seed_{seed:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if old.suffix in (".h5", ".pt"):   # so that nothing stale is ever scored
                old.unlink()
        shutil.copy(HERE / "plan.yaml", folder)

        def model(program, *words):
            return [*mpirun, "-np", str(args.ranks), str(build / program), setting, *map(str, words)]

        def job(name, weight, command):
            return f"seed {seed}: {name}", weight, command, folder / f"{name}.log"

        truth = folder / "truth.h5"
        yield job("truth", 4.0, model("truth", seed, truth))
        yield job("train", 4.0, [sys.executable, str(HERE / "train.py"), str(seed), str(truth), str(folder)])
        yield job("none", 0.6, model("onescale", truth, folder / "none.h5"))
        yield job("polynomial", 0.6, model("onescale", truth, folder / "polynomial.h5", folder / "polynomial.nml"))
        yield job("hybrid", 6.0, model("hybrid", truth, folder / "hybrid.h5")
                  + [":", "-np", "1", ekman, "serve", str(folder / "plan.yaml")])
    yield "scores", 8.0, [sys.executable, str(HERE / "evaluate.py"), str(top), str(args.seeds)], top / "evaluate.log"


def main():
    parser = argparse.ArgumentParser(description="The Lorenz 96 demo, end to end.")
    parser.add_argument("build", help="folder with the programs truth, onescale and hybrid")
    parser.add_argument("ekman", help="the program `ekman`")
    parser.add_argument("--seeds", type=int, default=10, help="independent repetitions (default 10)")
    parser.add_argument("--ranks", type=int, default=2, help="component ranks (default 2)")
    parser.add_argument("--run", default=str(HERE / "run"), help="folder for all files (default: run/ beside this script)")
    args = parser.parse_args()

    env = child_environment()
    jobs = list(jobs_of(args, env))
    bar = Bar(sum(job[1] for job in jobs))
    for job in jobs:
        run(job, bar, env)
    bar.clear()
    top = pathlib.Path(args.run).resolve()
    print((top / "table.txt").read_text(), end="")
    print(f"\n{time.monotonic() - bar.start:.0f} s; {top}/table.txt, scores.csv, lorenz96.png")


if __name__ == "__main__":
    main()
