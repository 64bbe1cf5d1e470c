#!/usr/bin/env python3
"""evaluation_figure.py ERRORS.csv PAIRS.csv FIGURE.png: what `ekman evaluate` found, as a picture.

A row for each field: predictions against the truth, of a draw among all that were compared, and beside it the errors by
level, or of a field with one level their distribution. Exit status 3: there is no matplotlib.
"""
import csv
import sys

try:
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plot
    from matplotlib.ticker import MaxNLocator
except ImportError:
    sys.exit(3)

MOST_FIELDS = 12
BLUE, ORANGE, GREY = "#2b6a99", "#c8641b", "#8a8a8a"


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def with_units(words, units):
    return f"{words} ({units})" if units else words


def scatter(axes, pairs, summary):
    truth = [float(row["truth"]) for row in pairs]
    prediction = [float(row["prediction"]) for row in pairs]
    axes.plot(truth, prediction, ".", color=BLUE, markersize=3, markeredgewidth=0, rasterized=True,
              alpha=min(0.7, max(0.15, 300 / max(1, len(pairs)))))
    low, high = min(truth + prediction, default=0.0), max(truth + prediction, default=1.0)
    axes.plot([low, high], [low, high], color=GREY, linewidth=0.8)
    units = summary["units"]
    axes.set_title(summary["field"], fontsize=10, loc="left")
    axes.set_xlabel(with_units("truth", units))
    axes.set_ylabel(with_units("prediction", units))
    axes.text(0.03, 0.97, f"RMSE {float(summary['rmse']):.4g}\nbias {float(summary['bias']):.3g}\nR$^2$ {float(summary['r2']):.4f}",
              transform=axes.transAxes, va="top", fontsize=8)
    axes.text(0.97, 0.03, f"{len(pairs)} drawn", transform=axes.transAxes, ha="right", fontsize=7, color=GREY)


def profile(axes, levels, units):
    numbers = [int(row["level"]) for row in levels]
    for key, label, color in (("rmse", "RMSE", BLUE), ("mae", "MAE", GREY), ("bias", "bias", ORANGE)):
        axes.plot([float(row[key]) for row in levels], numbers, color=color, label=label, linewidth=1.2,
                  marker="." if len(levels) < 30 else "", markersize=4)
    axes.axvline(0.0, color=GREY, linewidth=0.5)
    axes.invert_yaxis()
    axes.set_xlabel(with_units("error", units))
    axes.set_ylabel("level")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=8, frameon=False, ncol=3, loc="lower left", bbox_to_anchor=(0.0, 1.0))


def distribution(axes, pairs, units):
    errors = [float(row["prediction"]) - float(row["truth"]) for row in pairs]
    axes.hist(errors, bins=60, color=BLUE, linewidth=0)
    axes.axvline(0.0, color=GREY, linewidth=0.8)
    axes.set_xlabel(with_units("prediction - truth", units))
    axes.set_ylabel("pairs drawn")


def main():
    errors, pairs = rows_of(sys.argv[1]), rows_of(sys.argv[2])
    fields = list(dict.fromkeys(row["field"] for row in errors))
    shown = fields[:MOST_FIELDS]
    figure, grid = plot.subplots(len(shown), 2, figsize=(8.5, 3.3 * len(shown)), squeeze=False, layout="constrained")
    for (left, right), field in zip(grid, shown):
        of_field = [row for row in errors if row["field"] == field]
        summary, levels = of_field[0], of_field[1:]
        drawn = [row for row in pairs if row["field"] == field]
        scatter(left, drawn, summary)
        if len(levels) > 1:
            profile(right, levels, summary["units"])
        else:
            distribution(right, drawn, summary["units"])
        for axes in (left, right):
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(labelsize=8)
            axes.ticklabel_format(axis="x", scilimits=(-3, 4))
            if axes is left:
                axes.ticklabel_format(axis="y", scilimits=(-3, 4))
    if len(fields) > len(shown):
        figure.suptitle(f"{len(shown)} of {len(fields)} fields", fontsize=9)
    figure.savefig(sys.argv[3], dpi=130)


if __name__ == "__main__":
    main()
