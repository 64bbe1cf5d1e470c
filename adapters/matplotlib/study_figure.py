#!/usr/bin/env python3
"""study_figure.py RESULTS.csv DIRECTORY NAME AXIS KIND: what `ekman sweep` measured, as pictures.

AXIS is the column along x, "" for none; KIND strong, weak or none. Writes DIRECTORY/scaling.png: seconds per step, efficiency
and throughput per device, each with its ideal line, and DIRECTORY/stages.png: where the time of a step goes. Exit status 3:
there is no matplotlib.
"""
import csv
import math
import os
import sys

try:
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plot
    from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, ScalarFormatter
except ImportError:
    sys.exit(3)

COLORS = ["#2b6a99", "#c8641b", "#3f8f5b", "#8d4a9c", "#b8a020", "#7a5a46", "#3aa0a8", "#b0413e", "#6b6b6b", "#243a73"]
GREY = "#8a8a8a"
COMPONENT = {"physics": "#b9c4cc", "pack": "#7fb3d5", "wait": "#c8641b", "unpack": "#2b6a99",
             "forward": "#3f8f5b", "other": "#e3e3e3"}
ML = {"wait": "#e3c3a8", "assemble": "#7fb3d5", "host_to_device": "#b8a020", "forward": "#2b6a99", "device_to_host": "#d8c860",
      "send": "#3aa0a8", "backward": "#3f8f5b", "reduce": "#8d4a9c", "step": "#b0413e", "other": "#e3e3e3"}
MOST_BARS = 40


def number(row, name):
    try:
        return float(row[name])
    except (KeyError, ValueError):
        return math.nan


def known(rows, *names):
    return [row for row in rows if all(not math.isnan(number(row, name)) for name in names)]


def lines_of(rows, axis):
    lines = {row["line"]: [] for row in rows}   # in the order of the study
    for row in sorted(rows, key=lambda row: number(row, axis)):
        lines[row["line"]].append(row)
    return lines


def draw_line(axes, x, y, rows, color, label):
    """Points that were simulated are hollow."""
    axes.plot(x, y, color=color, linewidth=1.3, label=label)
    for simulated in (False, True):
        some = [i for i, row in enumerate(rows) if is_simulated(row) == simulated]
        axes.plot([x[i] for i in some], [y[i] for i in some], "o", color=color, markersize=5,
                  markerfacecolor="white" if simulated else color, label="_")


def draw_ideal(axes, x, ideal, rows, color):
    """Measured and simulated points have each their own."""
    for simulated in (False, True):
        some = [i for i, row in enumerate(rows) if is_simulated(row) == simulated]
        axes.plot([x[i] for i in some], [ideal[i] for i in some], "--", color=color, linewidth=0.9, alpha=0.8)


def prepare(axes, title, xlabel, ylabel, x, log):
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    if log:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(FixedLocator(sorted(set(x))))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(ScalarFormatter())


def from_zero(axes, values):
    axes.set_ylim(0.0, 1.12 * max(values))


def in_logs(axes, values):
    axes.set_yscale("log")
    if max(values) / min(values) < 100.0:   # too few powers of ten for the labels of a log axis
        axes.yaxis.set_minor_formatter(NullFormatter())
        ticks = [m * 10.0 ** e for e in range(-9, 9) for m in (1, 2, 5) if min(values) / 1.5 < m * 10.0 ** e < max(values) * 1.5]
        axes.yaxis.set_major_locator(FixedLocator(ticks))
        axes.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:g}"))


def seconds_panel(axes, lines, axis, kind, log):
    xs = [number(row, axis) for rows in lines.values() for row in rows]
    title = {"strong": "Strong scaling", "weak": "Weak scaling"}.get(kind, "Time of a step")
    prepare(axes, title, label_of(axis), "seconds per step", xs, log)
    values = []
    for color, (label, rows) in zip(colors(), lines.items()):
        x, y = [number(row, axis) for row in rows], [number(row, "seconds_per_step") for row in rows]
        least = [number(row, "seconds_per_step_least") for row in rows]
        most = [number(row, "seconds_per_step_most") for row in rows]
        axes.fill_between(x, least, most, color=color, alpha=0.18, linewidth=0)
        draw_line(axes, x, y, rows, color, label)
        values += y + least + most
        ideal = [number(row, "ideal_seconds_per_step") for row in rows]
        if kind != "none":
            draw_ideal(axes, x, ideal, rows, color)
            values += [value for value in ideal if not math.isnan(value)]
    if kind == "strong" and log and min(values) > 0.0:
        in_logs(axes, values)
    else:
        from_zero(axes, values)


def efficiency_panel(axes, lines, axis, log):
    xs = [number(row, axis) for rows in lines.values() for row in rows]
    prepare(axes, "Efficiency", label_of(axis), "against fewest ranks", xs, log)
    values = [1.0]
    for color, (label, rows) in zip(colors(), lines.items()):
        x, y = [number(row, axis) for row in rows], [number(row, "efficiency") for row in rows]
        draw_line(axes, x, y, rows, color, label)
        values += y
    axes.axhline(1.0, color=GREY, linestyle="--", linewidth=0.9)
    from_zero(axes, values)


def throughput_panel(axes, lines, axis, kind, log):
    xs = [number(row, axis) for rows in lines.values() for row in rows]
    prepare(axes, "Throughput of a device", label_of(axis), "points per second and device", xs, log)
    values = []
    for color, (label, rows) in zip(colors(), lines.items()):
        x, y = [number(row, axis) for row in rows], [number(row, "points_per_second_per_device") for row in rows]
        draw_line(axes, x, y, rows, color, label)
        values += y
        if kind != "none":
            ideal = [number(row, "ideal_points_per_second_per_device") for row in rows]
            draw_ideal(axes, x, ideal, rows, color)
            values += [value for value in ideal if not math.isnan(value)]
    if kind == "strong" and log and min(values) > 0.0 and max(values) > 20.0 * min(values):
        in_logs(axes, values)
    else:
        axes.ticklabel_format(axis="y", scilimits=(-3, 4))
        from_zero(axes, values)


def label_of(axis):
    return axis.replace("_", " ") if "." not in axis else axis


def colors():
    while True:
        yield from COLORS


def draw_scaling(rows, axis, kind, name, path):
    rows = known(rows, "seconds_per_step", axis)
    x = sorted({number(row, axis) for row in rows})
    log = len(x) > 1 and x[0] > 0.0 and x[-1] / x[0] >= 4.0
    lines = lines_of(rows, axis)
    with_device = lines_of(known(rows, "points_per_second_per_device"), axis)
    panels = [lambda axes: seconds_panel(axes, lines, axis, kind, log)]
    if kind != "none":
        panels.append(lambda axes: efficiency_panel(axes, lines, axis, log))
    if with_device:
        panels.append(lambda axes: throughput_panel(axes, with_device, axis, kind, log))
    num_lines = len(lines) + 2
    legend_rows = math.ceil(num_lines / 3)
    figure = plot.figure(figsize=(4.2 * len(panels), 3.6 + 0.2 * legend_rows), layout="constrained")
    grid = figure.add_gridspec(2, len(panels), height_ratios=[3.6, 0.2 * legend_rows])
    shown_axes = [figure.add_subplot(grid[0, i]) for i in range(len(panels))]
    for axes, panel in zip(shown_axes, panels):
        panel(axes)
    handles, labels = shown_axes[0].get_legend_handles_labels()
    shown = [(handle, label) for handle, label in zip(handles, labels) if label]
    if kind != "none":
        shown.append((plot.Line2D([], [], color=GREY, linestyle="--", linewidth=0.9), "ideal"))
    if any(map(is_simulated, rows)):
        shown.append((plot.Line2D([], [], color=GREY, marker="o", markerfacecolor="white", linestyle=""), "simulated"))
    below = figure.add_subplot(grid[1, :])
    below.axis("off")
    if shown:
        below.legend(*zip(*shown), loc="center", ncol=min(3, len(shown)), fontsize=8, frameon=False, borderaxespad=0)
    figure.suptitle(name, fontsize=11)
    figure.savefig(path, dpi=130)


def is_simulated(row):
    return number(row, "simulated") == 1.0


def bars(axes, rows, labels, prefix, stages, ylabel):
    bottom = [0.0] * len(rows)
    for stage, color in stages.items():
        heights = [number(row, prefix + stage) for row in rows]
        heights = [0.0 if math.isnan(height) else height for height in heights]
        if max(heights) < 0.002 * max(map(sum, zip(bottom, heights))):
            bottom = [low + height for low, height in zip(bottom, heights)]
            continue
        drawn = axes.bar(range(len(rows)), heights, bottom=bottom, color=color, label=stage.replace("_", " "), width=0.75)
        for bar, row in zip(drawn, rows):
            if is_simulated(row):
                bar.set(hatch="///", edgecolor="white", linewidth=0.0)
        bottom = [low + height for low, height in zip(bottom, heights)]
    slanted = len(rows) > 4 or max(len(line) for label in labels for line in label.split("\n")) > 12
    axes.set_xticks(range(len(rows)), labels, rotation=90 if len(rows) > 8 else 25 if slanted else 0,
                    ha="right" if slanted and len(rows) <= 8 else "center", fontsize=7)
    axes.set_ylabel(ylabel)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", labelsize=8)
    return bottom


def draw_stages(rows, axis, kind, name, path):
    rows = known(rows, "seconds_per_step")
    if axis:
        rows = [row for line in lines_of(rows, axis).values() for row in line]
    more = len(rows) - MOST_BARS
    rows = rows[:MOST_BARS]
    labels = ["\n".join(part for part in ((f"{number(row, axis):g}" if axis else ""), row["line"].replace(", ", "\n")) if part)
              for row in rows]
    ml_rows = known(rows, "seconds_per_exchange")
    panels = 2 if ml_rows else 1
    figure, grid = plot.subplots(1, panels, figsize=(max(4.5, 0.55 * len(rows) + 1.5) * panels, 4.2), squeeze=False,
                                 layout="constrained")
    tops = bars(grid[0][0], rows, labels, "component_", COMPONENT, "seconds per step")
    grid[0][0].set_title("Component ranks", fontsize=10, loc="left")
    if kind != "none":
        ideals = [number(row, "ideal_seconds_per_step") for row in rows]
        for i, ideal in enumerate(ideals):
            grid[0][0].plot([i - 0.42, i + 0.42], [ideal, ideal], "--", color="black", linewidth=1.0,
                            label="ideal" if i == 0 else "_")
        tops += [ideal for ideal in ideals if not math.isnan(ideal)]
    from_zero(grid[0][0], tops)
    if ml_rows:
        some = [labels[rows.index(row)] for row in ml_rows]
        from_zero(grid[0][1], bars(grid[0][1], ml_rows, some, "ml_", ML, "seconds per exchange"))
        grid[0][1].set_title("ML ranks", fontsize=10, loc="left")
    for axes in grid[0]:
        axes.legend(fontsize=7, frameon=False, ncol=4, loc="lower left", bbox_to_anchor=(0.0, 1.06))
        if axis:
            axes.set_xlabel(label_of(axis), fontsize=8)
    if any(map(is_simulated, rows)):
        name += ", hatched: simulated"
    figure.suptitle(name + (f" (the first {MOST_BARS} points; {more} more in results.csv)" if more > 0 else ""), fontsize=11)
    figure.savefig(path, dpi=130)


def main():
    table, directory, name, axis, kind = sys.argv[1:]
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    if kind != "none":
        for row in rows:
            row[axis] = row["scaling_ranks"]
    if axis and known(rows, "seconds_per_step", axis):
        draw_scaling(rows, axis, kind, name, os.path.join(directory, "scaling.png"))
    draw_stages(rows, axis, kind, name, os.path.join(directory, "stages.png"))


if __name__ == "__main__":
    main()
