"""The figure of the demo, lorenz96.png, from the numbers of scores.py."""
import matplotlib
import numpy as np

from scores import BINS, LEARNERS, MODELS, OTHERS, bootstrap

matplotlib.use("Agg")
import matplotlib.pyplot as plt

COLOURS = {"truth": "#BBBBBB", "none": "#D55E00", "polynomial": "#009E73", "hybrid": "#0072B2", "online": "#E69F00",
           "tuned": "#56B4E9", "posterior": "#CC79A7", "pytorch": "#000000",
           "another truth": "#7F7F7F"}   # Okabe and Ito's, colour-blind safe
ORDER = {"truth": 2, "none": 3, "polynomial": 5, "hybrid": 4}   # dashes above the line they follow
WIDTHS = {"truth": 5, "none": 2, "polynomial": 1.6, "hybrid": 2.4}
STYLES = {"truth": "-", "none": "-.", "polynomial": "--", "hybrid": "-", "pytorch": "-.", "online": "--",
          "tuned": ":", "posterior": "-"}


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
    models = [m for m in (*MODELS, *OTHERS, "another truth") if m in row]
    spread = np.linspace(-0.15, 0.15, len(seeds))
    for place, model in enumerate(models):
        mean, low, high = row[model]
        axes.plot(place + spread, [seed["scores"][model][name] for seed in seeds], "o", ms=3, alpha=0.4,
                  color=COLOURS[model], mec="none")
        axes.errorbar(place, mean, [[mean - low], [high - mean]], fmt="_", ms=14, capsize=5, lw=2,
                      color=COLOURS[model])
    axes.set_xticks(range(len(models)), [m.replace(" ", "\n") for m in models], fontsize=7, rotation=45)
    axes.set(ylabel=unit, title=title, ylim=(0, None), xlim=(-0.5, len(models) - 0.5))


def draw_closure_change(axes, seeds):
    """How the other networks differ from that of `ekman train`, as functions of X."""
    line = np.linspace(-5.0, 11.0, 161)
    for model in OTHERS:
        change = [seed["closures"][model](line) - seed["closures"]["hybrid"](line) for seed in seeds]
        draw_band(axes, line, change, model)
    axes.axhline(0.0, color=COLOURS["hybrid"], lw=1, label="hybrid")
    axes.set(xlabel="$X$ (1)", ylabel=r"change of $U$ (time$^{-1}$)", title="closures, against hybrid's",
             xlim=(-5, 11))
    axes.legend(frameon=False, fontsize=8)


def draw_forecast_change(axes, seeds):
    time = seeds[0]["time"]
    shown = (time > 0.0) & (time <= 5.0)
    for model in OTHERS:
        ratio = [100 * (seed["forecast"][model] / seed["forecast"]["hybrid"].clip(1e-12) - 1)[shown] for seed in seeds]
        draw_band(axes, time[shown], ratio, model)
    axes.axhline(0.0, color=COLOURS["hybrid"], lw=1, label="hybrid")
    axes.set(xlabel="lead time (time units)", ylabel="change of RMSE (%)", title="forecast, against hybrid's",
             xlim=(0, 5))
    axes.legend(frameon=False, fontsize=8)


def draw_band(axes, at, values, model):
    mean, low, high = bootstrap(values)
    axes.fill_between(at, low, high, color=COLOURS[model], alpha=0.25, lw=0)
    axes.plot(at, mean, STYLES[model], color=COLOURS[model], lw=1.8, label=model)


def draw_losses(axes, seeds, models, width, title, unit):
    """Means over `width` steps, so that the noise of the single step does not hide the course."""
    for model in models:
        losses = [seed["losses"][model] for seed in seeds]
        num_means = min(len(values) for values in losses) // width
        means = [values[:num_means * width].reshape(num_means, width).mean(axis=1) for values in losses]
        draw_band(axes, width * (np.arange(num_means) + 0.5), means, model)
    axes.set(xlabel=f"optimizer step (means of {width})", ylabel=unit, title=title)
    axes.legend(frameon=False, fontsize=8)


def draw(path, seeds, summary):
    figure = plt.figure(figsize=(13, 11), layout="constrained")
    top, middle, bottom = figure.subfigures(3, 1)
    a, b, c = top.subplots(1, 3, width_ratios=[3, 2.4, 3.6])
    d, e, f, g = middle.subplots(1, 4, width_ratios=[2.8, 2.2, 2.2, 2.2])
    h, i, j, k = bottom.subplots(1, 4, width_ratios=[2.4, 2.4, 2.2, 2.2])
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
    draw_closure_change(h, seeds)
    draw_forecast_change(i, seeds)
    draw_losses(j, seeds, ("online", "tuned"), 20, "loss beside the reference",
                "mean squared error of $U$ (time$^{-2}$)")
    j.set(xscale="log", ylim=(0, None))
    draw_losses(k, seeds, ("posterior",), 5, "loss of the windows", "mean squared error of $X$ (0.001)")
    k.yaxis.set_major_formatter(lambda value, _: f"{1000 * value:.2f}")
    for axes in (a, b, c, d, e, f, g, h, i, j, k):
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"Lorenz 96: one-scale models against the two-scale truth; {len(seeds)} seeds (dots), "
                    "bands and bars: 95 % bootstrap intervals", fontsize=11)
    figure.savefig(path, dpi=130)
