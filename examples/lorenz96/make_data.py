#!/usr/bin/env python3
"""Makes the benchmark data set, Lorenz 96, as recordings: X and the subgrid tendency U of one long two-scale run.

    make_data.py BUILD_DIR EKMAN_PROGRAM [--size 36] [--count 1000] [--seed 1] [--run data]

The recording is RUN/truth-closure-0-0000.h5, with `size` points, one an X_k, at `count` times 0.1 apart, after the
spin-up of lorenz96.nml. All else is as in that file. configs/lorenz96_mlp.yaml trains on it.
"""
import argparse
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

from run import HERE, Bar, Job, child_environment, run


def namelist(size, count):
    """lorenz96.nml with one member, which is recorded, of this size and length."""
    text = (HERE / "lorenz96.nml").read_text()
    interval = float(re.search(r"interval *= *([\d.]+)", text)[1])
    length = round((count - 1) * interval, 6)
    for name, value in (("num_slow", size), ("num_members", 1), ("num_learning", 1), ("length", length)):
        text, found = re.subn(rf"(\b{name} *= *)[\d.]+", rf"\g<1>{value}", text)
        if found != 1:
            sys.exit(f"{HERE}/lorenz96.nml has {found} times `{name} =`, not once")
    return text


def main():
    parser = argparse.ArgumentParser(description="The Lorenz 96 data set, as recordings.")
    parser.add_argument("build", help="folder with the programs of this example")
    parser.add_argument("ekman", help="the program `ekman`")
    parser.add_argument("--size", type=int, default=36, help="slow variables, so points (default 36)")
    parser.add_argument("--count", type=int, default=1000, help="recorded times (default 1000)")
    parser.add_argument("--seed", type=int, default=1, help="sets the start (default 1)")
    parser.add_argument("--run", default="data", help="folder for the recordings, which must have none (default data)")
    args = parser.parse_args()
    if args.size < 4 or args.count < 1:
        sys.exit(f"size {args.size} and count {args.count}: give at least 4 slow variables and 1 time")

    build, folder, env = pathlib.Path(args.build).resolve(), pathlib.Path(args.run).resolve(), child_environment()
    if list(folder.glob("truth-*.h5*")):
        sys.exit(f"{folder} has recordings already; remove them, or give --run another folder")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lorenz96.nml").write_text(namelist(args.size, args.count))
    plan = (HERE / "plan_record.yaml").read_text().replace("directory: data", "directory: .")
    (folder / "plan_record.yaml").write_text(plan)
    ekman = shutil.which(args.ekman)
    if ekman is None:
        sys.exit(f"no program {args.ekman}: give the path of the installed `ekman`")
    ekman = str(pathlib.Path(ekman).resolve())
    command = [*shlex.split(env.get("MPIRUN", "mpirun")), "-np", "1", str(build / "truth"), "lorenz96.nml",
               str(args.seed), ":", "-np", "1", ekman, "serve", "plan_record.yaml"]
    bar = Bar(1.0)
    run(Job("truth", 1.0, command, folder / "truth.log"), bar, env)
    bar.clear()
    subprocess.run([ekman, "inspect", *sorted(map(str, folder.glob("truth-*.h5")))], env=env, check=True)


if __name__ == "__main__":
    main()
