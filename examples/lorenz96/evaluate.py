#!/usr/bin/env python3
"""evaluate.py RUN_FOLDER NUM_SEEDS: scores the one-scale models against the truth's test members.

Writes table.txt, scores.csv (one row a seed and model) and lorenz96.png. Intervals: percentile bootstrap over seeds, 95 %.
"""
import csv
import pathlib
import sys

import torch

from figure import draw
from scores import LEARNERS, MODELS, OTHERS, bootstrap, score_seed


def summarise(seeds):
    """{score: {model: (mean, low, high)}}"""
    return {name: {model: bootstrap([seed["scores"][model][name] for seed in seeds])
                   for model in (*MODELS, *OTHERS, "another truth") if name in seeds[0]["scores"][model]}
            for name in seeds[0]["scores"]["none"]}


def verdict(a, b):
    """Whether a's interval lies below b's, above it, or touches it. Smaller is better."""
    if a[2] < b[1]:
        return "better"
    return "worse" if a[1] > b[2] else "touch"


def cell(numbers):
    return "{:.3f} [{:.3f}, {:.3f}]".format(*numbers)


def difference(seeds, name, model):
    """The score of this model less that of the hybrid, seed by seed: (mean, low, high)."""
    return bootstrap([seed["scores"][model][name] - seed["scores"]["hybrid"][name] for seed in seeds])


def difference_cell(seeds, name, model):
    mean, low, high = difference(seeds, name, model)
    word = "better" if high < 0 else "worse" if low > 0 else "-"
    return f"{f'{mean:+.4f} [{low:+.4f}, {high:+.4f}] {word}':35}"


def doors_table(summary, seeds):
    """The same network by both doors."""
    lines = ["The same network, learned from the same recordings by `ekman train` (hybrid) and in PyTorch (pytorch), and",
             "the difference of pytorch from hybrid, seed by seed; `better` or `worse` where the interval leaves out 0:", "",
             f"{'':31}{'hybrid':25}{'pytorch':25}difference"]
    for name, row in summary.items():
        lines.append((f"{name:31}" + "".join(f"{cell(row[m]):25}" for m in ("hybrid", "pytorch"))
                      + difference_cell(seeds, name, "pytorch")).rstrip())
    return lines


def learners_table(summary, seeds):
    """The networks that learned while the model ran, and what that changed for each seed."""
    lines = ["The hybrid with networks that learned while the model ran: from random weights beside the reference",
             "(online), from the weights of `hybrid` in the same way (tuned), from these with a loss a posteriori (posterior).",
             "", " " * 31 + "".join(f"{name:25}" for name in LEARNERS).rstrip()]
    for name, row in summary.items():
        lines.append(f"{name:31}" + "".join(f"{cell(row[m]):25}" for m in LEARNERS).rstrip())
    lines += ["", "Difference from `hybrid`, seed by seed; `better` or `worse` where the interval leaves out 0:", "",
              " " * 31 + "".join(f"{name:35}" for name in LEARNERS).rstrip()]
    for name in summary:
        lines.append((f"{name:31}" + "".join(difference_cell(seeds, name, m) for m in LEARNERS)).rstrip())
    return lines


def table(summary, seeds):
    num_members = len(seeds[0]["pairs"][0])
    lines = [f"Lorenz 96 against the two-scale truth: mean of {len(seeds)} seeds x {num_members} test members,",
             "[95 % bootstrap interval over seeds]; smaller is better. Units: those of X, of time and their ratios.",
             "", f"{'':31}{'none':25}{'polynomial':25}{'hybrid':25}{'hybrid is, against':18}",
             f"{'':106}{'none':7} {'polynomial':10}"]
    lines[-1] = lines[-1].rstrip()
    for name, row in summary.items():
        against = [verdict(row["hybrid"], row[m]) for m in ("none", "polynomial")]
        lines.append(f"{name:31}" + "".join(f"{cell(row[m]):25}" for m in MODELS)
                     + f"{against[0]:7} {against[1]}")
    lines.append("")
    lines.append("The least a climate error can be, one seed's truth against another's:")
    for name, row in summary.items():
        if "another truth" in row:
            lines.append(f"{name:31}{cell(row['another truth'])}")
    failed = [name for name, row in summary.items() if verdict(row["hybrid"], row["none"]) != "better"]
    lines.append("")
    if failed:
        lines.append("hybrid does NOT beat none with intervals apart in: " + "; ".join(failed))
    else:
        lines.append("hybrid beats none in every row, with intervals that do not touch.")
    lines.append("'touch': the two intervals overlap, so the row does not tell the two models apart.")
    lines += ["", *doors_table(summary, seeds), "", *learners_table(summary, seeds), ""]
    largest = max(seed["ekman_difference"] for seed in seeds)
    lines.append(f"Networks through Ekman against the same files in Python: largest difference {largest:.1e}.")
    return "\n".join(lines) + "\n"


def write_scores(path, seeds):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        names = list(seeds[0]["scores"]["none"])
        writer.writerow(["seed", "model", *names])
        for number, seed in enumerate(seeds, 1):
            for model in (*MODELS, *OTHERS, "another truth"):
                writer.writerow([number, model, *(seed["scores"][model].get(n, "") for n in names)])


def main():
    top, num_seeds = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    folders = [top / f"seed_{number:02d}" for number in range(1, num_seeds + 1)]
    torch.set_num_threads(1)
    seeds = []
    for i, folder in enumerate(folders):
        seeds.append(score_seed(folder, folders[(i + 1) % num_seeds]))
        print(f"progress {(i + 1) / (num_seeds + 3):.3f}", flush=True)
    summary = summarise(seeds)
    (top / "table.txt").write_text(table(summary, seeds))
    write_scores(top / "scores.csv", seeds)
    draw(top / "lorenz96.png", seeds, summary)


if __name__ == "__main__":
    main()
