#!/usr/bin/env python3
"""evaluate.py RUN_FOLDER NUM_SEEDS: scores none, polynomial and hybrid against the truth's test members.

Writes table.txt, scores.csv (one row a seed) and lorenz96.png. Intervals: percentile bootstrap over seeds, 95 %.
"""
import csv
import pathlib
import sys

import h5py
import matplotlib
import numpy as np
import torch

matplotlib.use("Agg")
import matplotlib.pyplot as plt

MODELS = ("none", "polynomial", "hybrid")
COLOURS = {"truth": "#BBBBBB", "none": "#D55E00", "polynomial": "#009E73", "hybrid": "#0072B2",
           "another truth": "#7F7F7F"}   # Okabe and Ito's, colour-blind safe
ORDER = {"truth": 2, "none": 3, "polynomial": 5, "hybrid": 4}   # dashes above the line they follow
WIDTHS = {"truth": 5, "none": 2, "polynomial": 1.6, "hybrid": 2.4}
STYLES = {"truth": "-", "none": "-.", "polynomial": "--", "hybrid": "-", "another truth": ":"}
LEADS = (0.5, 1.0, 2.0)
CLIMATE_FROM = 10.0                        # the start's memory is gone by then
BINS = np.linspace(-20.0, 30.0, 201)       # of the histograms of X, width 0.25
NUM_RESAMPLES = 10000


def read(path, role=2):
    """X, U [member, time, k] of the members with this role, and the times."""
    with h5py.File(path, "r") as file:
        members = np.flatnonzero(file["role"][:] == role)
        chosen = slice(members[0], members[-1] + 1)
        return file["x"][chosen], file["u"][chosen], file["time"][:]


def rms(a, axis=None):
    return np.sqrt(np.mean(np.square(a), axis=axis))


def histogram(x):
    """Share of the values in each bin; values beyond the ends count in the outermost bins."""
    return np.histogram(np.clip(x, BINS[0], BINS[-1]), BINS)[0] / x.size


def climate_scores(x, x_true):
    """Errors of the mean and the variance, and the total variation distance of the histograms (0 to 1)."""
    return {"climate: |error of mean|": abs(x.mean() - x_true.mean()),
            "climate: |error of variance|": abs(x.var() - x_true.var()),
            "climate: histogram distance": 0.5 * np.abs(histogram(x) - histogram(x_true)).sum()}


def read_polynomial(path):
    text = path.read_text().split("=")[-1].replace("/", "")
    return np.polynomial.Polynomial([float(word) for word in text.split(",")])


def closures_of(folder):
    """The three closures as functions of an array X, evaluated here, without Ekman."""
    network = torch.jit.load(str(folder / "closure.pt")).eval()

    def hybrid(x):
        with torch.no_grad():
            flat = torch.tensor(x.ravel(), dtype=torch.float32).unsqueeze(1)
            return network(flat).squeeze(1).double().numpy().reshape(x.shape)

    return {"none": np.zeros_like, "polynomial": read_polynomial(folder / "polynomial.nml"), "hybrid": hybrid}


def score_seed(folder, another):
    """All numbers of one seed; `another` is the folder of a seed whose truth shows the sampling error."""
    x_true, u_true, time = read(folder / "truth.h5")
    late = time >= CLIMATE_FROM
    closures = closures_of(folder)
    seed = {"scores": {}, "forecast": {}, "histogram": {"truth": histogram(x_true[:, late])},
            "pairs": (x_true, u_true), "closures": closures, "time": time}
    for model in MODELS:
        x, u, _ = read(folder / f"{model}.h5")
        if not np.isfinite(x).all():
            sys.exit(f"{folder}/{model}.h5 has values that are no numbers: the run blew up")
        if not np.array_equal(x[:, 0], x_true[:, 0]):
            sys.exit(f"{folder}/{model}.h5 does not start from the truth of {folder}/truth.h5; run both again")
        forecast = rms(x - x_true, axis=(0, 2))
        scores = {"subgrid tendency: RMSE": rms(closures[model](x_true) - u_true)}
        for lead in LEADS:
            scores[f"forecast: RMSE at lead {lead:g}"] = forecast[np.argmin(abs(time - lead))]
        scores.update(climate_scores(x[:, late], x_true[:, late]))
        seed["scores"][model], seed["forecast"][model] = scores, forecast
        seed["histogram"][model] = histogram(x[:, late])
        if model == "hybrid":   # what came through Ekman, against the same file run here
            seed["ekman_difference"] = np.abs(closures[model](x) - u).max()
    seed["scores"]["another truth"] = climate_scores(read(another / "truth.h5")[0][:, late], x_true[:, late])
    return seed


def bootstrap(values):
    """Mean over the first axis, seeds, with the 2.5 % and 97.5 % points of its bootstrap distribution."""
    values = np.asarray(values)
    picks = np.random.default_rng(0).integers(len(values), size=(NUM_RESAMPLES, len(values)))
    counts = np.stack([np.bincount(p, minlength=len(values)) for p in picks]) / len(values)
    low, high = np.percentile(counts @ values, [2.5, 97.5], axis=0)
    return values.mean(axis=0), low, high


def summarise(seeds):
    """{score: {model: (mean, low, high)}}"""
    return {name: {model: bootstrap([seed["scores"][model][name] for seed in seeds])
                   for model in (*MODELS, "another truth") if name in seeds[0]["scores"][model]}
            for name in seeds[0]["scores"]["none"]}


def verdict(a, b):
    """Whether a's interval lies below b's, above it, or touches it. Smaller is better."""
    if a[2] < b[1]:
        return "better"
    return "worse" if a[1] > b[2] else "touch"


def cell(numbers):
    return "{:.3f} [{:.3f}, {:.3f}]".format(*numbers)


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
    difference = max(seed["ekman_difference"] for seed in seeds)
    lines.append(f"Network through Ekman against the same file in Python: largest difference {difference:.1e}.")
    return "\n".join(lines) + "\n"


def write_scores(path, seeds):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        names = list(seeds[0]["scores"]["none"])
        writer.writerow(["seed", "model", *names])
        for number, seed in enumerate(seeds, 1):
            for model in (*MODELS, "another truth"):
                writer.writerow([number, model, *(seed["scores"][model].get(n, "") for n in names)])


def draw_closure(axes, seed):
    x, u = seed["pairs"]
    axes.hexbin(x.ravel(), u.ravel(), gridsize=70, bins="log", cmap="Greys", mincnt=1, linewidths=0)
    line = np.linspace(x.min(), x.max(), 200)
    for model in MODELS:
        axes.plot(line, seed["closures"][model](line), STYLES[model], color=COLOURS[model], lw=WIDTHS[model],
                  zorder=ORDER[model], label=model)
    axes.set(xlabel="$X$ (1)", ylabel=r"subgrid tendency $U$ (time$^{-1}$)", title="closures, test pairs of seed 1")
    axes.legend(frameon=False, fontsize=8)


def draw_forecast(axes, seeds):
    time = seeds[0]["time"]
    shown = time <= 5.0
    for model in MODELS:
        mean, low, high = bootstrap([seed["forecast"][model][shown] for seed in seeds])
        axes.fill_between(time[shown], low, high, color=COLOURS[model], alpha=0.25, lw=0)
        axes.plot(time[shown], mean, STYLES[model], color=COLOURS[model], lw=WIDTHS[model],
                  zorder=ORDER[model], label=model)
    axes.set(xlabel="lead time (time units)", ylabel="RMSE of $X$ (1)", title="forecast", xlim=(0, 5), ylim=(0, None))
    axes.legend(frameon=False, fontsize=8)


def draw_histogram(axes, seeds):
    middle, width = 0.5 * (BINS[1:] + BINS[:-1]), BINS[1] - BINS[0]
    for model in ("truth", *MODELS):
        mean, low, high = (v / width for v in bootstrap([seed["histogram"][model] for seed in seeds]))
        axes.fill_between(middle, low, high, color=COLOURS[model], alpha=0.25, lw=0)
        axes.plot(middle, mean, STYLES[model], color=COLOURS[model], lw=WIDTHS[model],
                  zorder=ORDER[model], label=model)
    axes.set(xlabel="$X$ (1)", ylabel="probability density (1)", title="climate: histogram of $X$", xlim=(-12, 18),
             ylim=(0, None))
    axes.legend(frameon=False, fontsize=8)


def draw_score(axes, seeds, row, name, title, unit):
    models = [m for m in (*MODELS, "another truth") if m in row]
    spread = np.linspace(-0.15, 0.15, len(seeds))
    for place, model in enumerate(models):
        mean, low, high = row[model]
        axes.plot(place + spread, [seed["scores"][model][name] for seed in seeds], "o", ms=3, alpha=0.4,
                  color=COLOURS[model], mec="none")
        axes.errorbar(place, mean, [[mean - low], [high - mean]], fmt="_", ms=14, capsize=5, lw=2,
                      color=COLOURS[model])
    axes.set_xticks(range(len(models)), [m.replace(" ", "\n") for m in models], fontsize=8, rotation=20)
    axes.set(ylabel=unit, title=title, ylim=(0, None), xlim=(-0.5, len(models) - 0.5))


def draw(path, seeds, summary):
    figure = plt.figure(figsize=(13, 7.4), layout="constrained")
    top, bottom = figure.subfigures(2, 1)
    a, b, c = top.subplots(1, 3, width_ratios=[3, 2, 4])
    d, e, f, g = bottom.subplots(1, 4, width_ratios=[3.4, 2, 2, 2])
    draw_closure(a, seeds[0])
    name = "subgrid tendency: RMSE"
    draw_score(b, seeds, summary[name], name, "subgrid tendency", r"RMSE of $U$ (time$^{-1}$)")
    draw_forecast(c, seeds)
    draw_histogram(d, seeds)
    for axes, name, title, unit in (
            (e, "climate: |error of mean|", "climate: mean", "|error of mean of $X$| (1)"),
            (f, "climate: |error of variance|", "climate: variance", "|error of variance of $X$| (1)"),
            (g, "climate: histogram distance", "climate: distance", "total variation distance (1)")):
        draw_score(axes, seeds, summary[name], name, title, unit)
    for axes in (a, b, c, d, e, f, g):
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"Lorenz 96: one-scale models against the two-scale truth; {len(seeds)} seeds (dots), "
                    "bands and bars: 95 % bootstrap intervals", fontsize=11)
    figure.savefig(path, dpi=130)


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
