#!/usr/bin/env python3
"""Makes the data set of the Darcy benchmark, as recordings: permeability, x, y and pressure_true of random fields.

    make_data.py BUILD_DIR EKMAN_PROGRAM --size 32 --count 1250 --seed 1 --run DIR [--batch 10] [--ranks 1]

The solver runs beside `ekman serve` with a plan that has no network, and the recordings are DIR/darcy-truth-*.h5.
Samples have the numbers 1 to COUNT; fields follow from seed and number, so the same arguments make the same data. The
environment variable MPIRUN names the launcher (default: mpirun).
"""
import argparse
import pathlib
import sys

import jobs


def main():
    parser = argparse.ArgumentParser(description="The Darcy 2-D data set, as recordings.")
    parser.add_argument("build", help="folder with the programs of this example")
    parser.add_argument("ekman", help="the program `ekman`")
    parser.add_argument("--size", type=int, required=True, help="n of n x n cells")
    parser.add_argument("--count", type=int, required=True, help="number of fields")
    parser.add_argument("--seed", type=int, required=True, help="seed of all fields")
    parser.add_argument("--run", required=True, help="folder for the recordings; one that has none yet")
    parser.add_argument("--batch", type=int, default=10, help="fields of one recorded time (default 10)")
    parser.add_argument("--ranks", type=int, default=1, help="ranks of the solver (default 1)")
    args = parser.parse_args()
    top = pathlib.Path(args.run).resolve()
    if args.size < 2:
        sys.exit(f"--size {args.size}: a grid has at least 2 x 2 cells")
    if not 0 <= args.seed < 2**31:
        sys.exit(f"--seed {args.seed}: take a number from 0 to 2147483647")
    if args.batch < 1 or args.ranks < 1:
        sys.exit(f"--batch {args.batch} and --ranks {args.ranks}: both are at least 1")
    if not 0 < args.count < 1000000 or args.count % args.batch:
        sys.exit(f"--count {args.count}: it must be a multiple of --batch {args.batch}, the fields of one recorded "
                 "time, and less than 1000000, where the samples begin that are held out")
    if any(top.glob("darcy-truth-*")):
        sys.exit(f"--run {args.run}: has recordings already; take another folder, or remove {top}/darcy-truth-*")

    ekman = jobs.program(args.ekman, "give the path of the installed `ekman`")
    record = jobs.program(str(pathlib.Path(args.build) / "record"), "build this example first")
    top.mkdir(parents=True, exist_ok=True)
    jobs.namelist(top / "darcy.nml", size=args.size, seed=args.seed, batch=args.batch, num_samples=args.count,
                  num_held_out=args.batch)
    jobs.plan("plan_record.yaml", top / "plan_record.yaml", shape=[args.size, args.size], chunk=args.batch)
    seconds = jobs.couple("record", args.ranks, [record, "darcy.nml"], ekman, top / "plan_record.yaml")
    print(f"{args.count} fields of {args.size} x {args.size} cells in {seconds:.0f} s: {top}/darcy-truth-*.h5")


if __name__ == "__main__":
    main()
