#!/usr/bin/env python3
"""The network learns Darcy flow while the solver runs, then answers in place of the solver. Files go to run/.

    run.py BUILD_DIR EKMAN_PROGRAM [--size 32] [--samples 16000] [--held-out 200] [--ranks 1] [--seed 1] [--run run]

The environment variable MPIRUN names the launcher (default: mpirun).
"""
import argparse
import csv
import pathlib
import shutil
import sys

import numpy as np

import jobs

PUBLISHED = 0.0108   # relative L2 of the FNO on its Darcy benchmark, 85 x 85 points: Li et al. (2021), arXiv:2010.08895


def columns(path):
    with open(path) as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def table(args, learned, answered, seconds):
    """What was found, as lines of text."""
    error, last = answered["relative_l2"], min(1000, args.samples)
    solver, network = 1e3 * np.median(answered["solver_seconds"]), 1e3 * np.median(answered["network_seconds"])
    return [
        f"{args.size} x {args.size} cells; {args.samples} fields learned from, each seen once; {len(error)} held out; "
        f"{args.ranks} rank(s) of the solver, 1 ML rank",
        "",
        "relative L2 error of the pressure",
        f"  network, held-out fields: mean      {error.mean():.4f}",
        f"                            median    {np.median(error):.4f}",
        f"                            worst     {error.max():.4f}",
        f"  network, last {last} new fields: mean {learned['relative_l2'][-last:].mean():.4f}",
        f"  mean of all earlier fields, the same {learned['relative_l2_of_mean'][-last:].mean():.4f}",
        f"  published FNO, 85 x 85 points       {PUBLISHED}   (other grid, network and course: see README.md)",
        "",
        "held-out fields, median",
        f"  solver:  {solver:8.2f} ms a field, {np.median(answered['iterations']):.0f} iterations; "
        f"{np.median(answered['iterations_from_answer']):.0f} from the network's answer on",
        f"  network: {network:8.2f} ms a field, put and get included, in batches of {args.batch}",
        f"learning: {seconds:.0f} s, with the solver beside it",
    ]


def main():
    parser = argparse.ArgumentParser(description="An FNO learns Darcy flow from a running solver, then answers.")
    parser.add_argument("build", help="folder with the programs of this example")
    parser.add_argument("ekman", help="the program `ekman`")
    parser.add_argument("--size", type=int, default=32, help="n of n x n cells (default 32)")
    parser.add_argument("--samples", type=int, default=16000, help="fields to learn from (default 16000)")
    parser.add_argument("--held-out", type=int, default=200, help="fields never learned from (default 200)")
    parser.add_argument("--batch", type=int, default=10, help="fields of one step of the optimizer (default 10)")
    parser.add_argument("--ranks", type=int, default=1, help="ranks of the solver (default 1)")
    parser.add_argument("--threads", type=int, default=1, help="threads of the ML rank (default 1)")
    parser.add_argument("--width", type=int, default=32, help="width of the FNO (default 32)")
    parser.add_argument("--modes", type=int, default=12, help="its modes, if the grid has them (default 12)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the fields and of the first weights (default 1)")
    parser.add_argument("--run", default="run", help="folder for all files (default run)")
    args = parser.parse_args()
    if args.batch < 1 or any(count < args.batch or count % args.batch for count in (args.samples, args.held_out)):
        sys.exit(f"--samples {args.samples} and --held-out {args.held_out} must be multiples of --batch {args.batch}")

    ekman = jobs.program(args.ekman, "give the path of the installed `ekman`")
    learn, answer = (jobs.program(str(pathlib.Path(args.build) / name), "build this example first")
                     for name in ("learn", "answer"))
    top = jobs.fresh(pathlib.Path(args.run).resolve(), "learned", "learn.csv", "answer.csv", "fields.bin", "solver.safetensors",
                     "table.txt", "darcy.png")
    jobs.namelist(top / "darcy.nml", size=args.size, seed=args.seed, batch=args.batch, num_samples=args.samples,
                  num_held_out=args.held_out)
    steps, modes = args.samples // args.batch, jobs.modes_of(args.size, args.modes)
    grid = {"shape": [args.size, args.size], "chunk": args.batch, "threads": args.threads}
    jobs.plan("plan_learn.yaml", top / "plan_learn.yaml", **grid, width=args.width, modes=[modes, modes],
              seed=args.seed, steps=steps, every=steps, warmup=min(20, steps // 10))
    jobs.plan("plan_answer.yaml", top / "plan_answer.yaml", **grid)

    seconds = jobs.couple("learn", args.ranks, [learn, "darcy.nml", "learn.csv"], ekman, top / "plan_learn.yaml")
    shutil.copy(sorted((top / "learned").glob("solver-[0-9]*.safetensors"))[-1], top / "solver.safetensors")
    jobs.couple("answer", args.ranks, [answer, "darcy.nml", "answer.csv", "fields.bin"], ekman,
                top / "plan_answer.yaml")

    learned, answered = columns(top / "learn.csv"), columns(top / "answer.csv")
    lines = "\n".join(table(args, learned, answered, seconds)) + "\n"
    (top / "table.txt").write_text(lines)
    fields = np.fromfile(top / "fields.bin").reshape(-1, 3, args.size, args.size)
    import figure   # here, so that a machine without matplotlib has the table at least
    figure.draw(top / "darcy.png", fields, learned, answered, PUBLISHED)
    print(lines + f"\n{top}/table.txt, learn.csv, answer.csv, darcy.png")


if __name__ == "__main__":
    main()
