#!/usr/bin/env python3
"""learning_figure.py LEARNED.csv FIGURE.png NAME: how the networks of a study learned, as a picture.

LEARNED.csv has a row for each network of each point with its log. A row of panels for each network: loss and validation loss
by optimizer step. Points that differ in seeds alone are of one colour: their mean, and the band between least and most. Exit
status 3: there is no matplotlib.
"""
import csv
import math
import sys

try:
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plot
    from matplotlib.ticker import MaxNLocator
except ImportError:
    sys.exit(3)

COLORS = ["#2b6a99", "#c8641b", "#3f8f5b", "#8d4a9c", "#b8a020", "#7a5a46", "#3aa0a8", "#b0413e", "#6b6b6b", "#243a73"]
MOST_DOTS = 400


def curve(path, column):
    """{step: value} of a log; many rows become means of neighbours, so that the noise of single steps hides nothing."""
    points = []
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            try:
                points.append((int(row["step"]), float(row[column])))
            except (KeyError, TypeError, ValueError):
                continue
    width = max(1, math.ceil(len(points) / MOST_DOTS))
    bins = [points[i:i + width] for i in range(0, len(points), width)]
    return {some[-1][0]: sum(value for _, value in some) / len(some) for some in bins}


def draw(axes, groups, column):
    values, finite = [], True
    for color, (label, logs) in zip(COLORS * (1 + len(groups) // len(COLORS)), groups.items()):
        curves = [found for found in (curve(log, column) for log in logs) if found]
        if not curves:
            continue
        steps = sorted(set.union(*(set(found) for found in curves)))
        at = [[found[step] for found in curves if step in found] for step in steps]
        means = [sum(some) / len(some) for some in at]
        axes.plot(steps, means, color=color, linewidth=1.3, marker="." if len(steps) < 30 else "", markersize=4,
                  label=label + (f" ({len(curves)} seeds)" if len(curves) > 1 else ""))
        if len(curves) > 1:
            axes.fill_between(steps, [min(some) for some in at], [max(some) for some in at], color=color, alpha=0.2,
                              linewidth=0)
        values += [value for some in at for value in some]
        finite = finite and all(math.isfinite(value) for value in values)
    if values and finite and min(values) > 0.0 and max(values) / min(values) > 5.0:
        axes.set_yscale("log")
    axes.set_xlabel("optimizer step")
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(which="both", labelsize=8)
    if not values:
        axes.text(0.5, 0.5, "none in the logs", transform=axes.transAxes, ha="center", fontsize=8)


def main():
    with open(sys.argv[1], newline="") as file:
        rows = list(csv.DictReader(file))
    networks = list(dict.fromkeys(row["network"] for row in rows))
    legend_height = 0.2 * math.ceil(len({row["group"] for row in rows}) / 2)
    figure = plot.figure(figsize=(9.5, 3.6 * len(networks) + legend_height), layout="constrained")
    grid = figure.add_gridspec(len(networks) + 1, 2, height_ratios=[3.6] * len(networks) + [legend_height])
    drawn = [[figure.add_subplot(grid[i, j]) for j in (0, 1)] for i in range(len(networks))]
    for panels, network in zip(drawn, networks):
        groups = {}
        for row in rows:
            if row["network"] == network:
                groups.setdefault(row["group"], []).append(row["log"])
        for axes, column, title in zip(panels, ("loss", "validation_loss"), ("loss", "validation loss")):
            draw(axes, groups, column)
            axes.set_title(f"{network}: {title}" if len(networks) > 1 else title, fontsize=10, loc="left")
    handles, labels = drawn[0][0].get_legend_handles_labels()
    if not handles:
        handles, labels = drawn[0][1].get_legend_handles_labels()
    below = figure.add_subplot(grid[-1, :])
    below.axis("off")
    if handles:
        below.legend(handles, labels, loc="center", ncol=min(2, len(handles)), fontsize=8, frameon=False, borderaxespad=0)
    figure.suptitle(sys.argv[3], fontsize=11)
    figure.savefig(sys.argv[2], dpi=130)


if __name__ == "__main__":
    main()
