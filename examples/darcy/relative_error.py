#!/usr/bin/env python3
"""Relative L2 errors of the pressures that `ekman predict` has written, field by field: mean, median and worst.

    relative_error.py PREDICTION.h5 ... [--csv FILE]
"""
import argparse
import csv
import sys

import h5py
import numpy as np


def errors_of(path):
    """||predicted - true|| / ||true|| of each predicted field of a recording; those of another part are NaN in it."""
    with h5py.File(path) as file:
        for name in ("pressure", "pressure_true"):
            if name not in file:
                sys.exit(f"{path}: has no variable {name}; take a file that `ekman predict` wrote with "
                         "configs/darcy_fno.yaml")
        cells = int(np.prod(file.attrs["grid_shape"]))
        found, true = (file[name][:].reshape(-1, cells).astype(float) for name in ("pressure", "pressure_true"))
    whole = np.isfinite(found).all(axis=1)
    return np.linalg.norm(found - true, axis=1)[whole] / np.linalg.norm(true, axis=1)[whole]


def main():
    parser = argparse.ArgumentParser(description="Relative L2 errors of predicted pressures.")
    parser.add_argument("files", nargs="+", help="prediction-*.h5, all ranks of one `ekman predict`")
    parser.add_argument("--csv", help="file for the error of each field")
    args = parser.parse_args()
    errors = np.concatenate([errors_of(path) for path in args.files])
    if len(errors) == 0:
        sys.exit(f"{args.files[0]}: has no predicted field")
    if args.csv:
        with open(args.csv, "w", newline="") as file:
            csv.writer(file).writerows([["relative_l2"], *([f"{error:.6e}"] for error in errors)])
    print(f"relative L2 error of {len(errors)} fields: mean {errors.mean():.4f}, median {np.median(errors):.4f}, "
          f"worst {errors.max():.4f}")


if __name__ == "__main__":
    main()
