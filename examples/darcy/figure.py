"""The figure of the example, darcy.png."""
import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#8A8A8A"   # Okabe and Ito's, colour-blind safe


def draw_map(figure, axes, values, title, **colours):
    image = axes.imshow(values, origin="lower", extent=(0, 1, 0, 1), interpolation="nearest", **colours)
    axes.set(title=title, xlabel="$x$", xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    return figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02)


def draw_maps(figure, axes, field, error):
    permeability, true, answer = field
    top = 1e3 * max(true.max(), answer.max())
    apart = 1e3 * np.abs(answer - true).max()
    bar = draw_map(figure, axes[0], permeability, "permeability $k$", cmap=plt.get_cmap("cividis", 2), vmin=3, vmax=12)
    bar.set_ticks([5.25, 9.75], labels=["3", "12"])
    axes[0].set_ylabel("$y$")
    draw_map(figure, axes[1], 1e3 * true, "pressure of the solver ($10^{-3}$)", cmap="viridis", vmin=0, vmax=top)
    draw_map(figure, axes[2], 1e3 * answer, "answer of the network ($10^{-3}$)", cmap="viridis", vmin=0, vmax=top)
    draw_map(figure, axes[3], 1e3 * (answer - true), "answer $-$ solver ($10^{-3}$)", cmap="RdBu_r", vmin=-apart,
             vmax=apart)
    axes[3].set_xlabel(f"$x$     (relative $L^2$ error {error:.4f})")


def means(sample, error, num_bins):
    """Means over bins that are even in the logarithm of the sample's number."""
    edges = np.unique(np.round(np.geomspace(1, sample[-1] + 1, num_bins + 1)).astype(int))
    bins = [(sample >= low) & (sample < high) for low, high in zip(edges[:-1], edges[1:])]
    bins = [part for part in bins if part.any()]
    return (np.array([np.exp(np.log(sample[part]).mean()) for part in bins]),
            np.array([error[part].mean() for part in bins]))


def draw_course(axes, learned, answered, published):
    sample, error = learned["sample"], learned["relative_l2"]
    axes.plot(sample, error, ".", ms=1.5, alpha=0.25, color=BLUE, mec="none", rasterized=True)
    axes.plot(*means(sample, error, 36), color=BLUE, lw=2, label="network, each field before it learns from it")
    of_mean = learned["relative_l2_of_mean"]
    axes.plot(*means(sample[1:], of_mean[1:], 36), ":", color=GREY, lw=1.6, label="mean of all earlier fields")
    held_out = answered["relative_l2"].mean()
    axes.plot(sample[-1], held_out, "D", ms=9, color=ORANGE, mec="white", zorder=5)
    axes.annotate(f"{len(answered['relative_l2'])} held-out fields:\n{held_out:.4f}", (sample[-1], held_out), (9, 9),
                  textcoords="offset points", color=ORANGE)
    axes.axhline(published, color=GREEN, ls="--", lw=1.4)
    axes.text(1.15, 0.93 * published, f"published FNO: {published:.4f}\n(85 x 85 points, 1000 samples, 500 epochs)",
              va="top", color=GREEN)
    axes.set(xscale="log", yscale="log", xlabel="samples seen", ylabel="relative $L^2$ error", xlim=(1, 6 * sample[-1]),
             ylim=(0.5 * min(published, held_out), None), title="error against samples seen")
    axes.legend(frameon=False, fontsize=9, loc="upper right")


def draw_histogram(axes, answered, published):
    error = answered["relative_l2"]
    axes.hist(error, bins=np.linspace(0, 1.05 * max(error.max(), published), 31), color=ORANGE, alpha=0.85)
    axes.axvline(published, color=GREEN, ls="--", lw=1.4)
    axes.axvline(error.mean(), color="black", lw=1.2)
    axes.text(error.mean(), 1.0, " mean", va="top", transform=axes.get_xaxis_transform())
    axes.set(xlabel="relative $L^2$ error", ylabel="fields", title="held-out fields")


def draw(path, fields, learned, answered, published):
    """`fields`: (held-out field; permeability, true and answered pressure; y; x). The maps show the field of
    median error."""
    shown = np.argsort(answered["relative_l2"])[len(fields) // 2]
    figure = plt.figure(figsize=(13, 7.4), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[1, 1.15])
    draw_maps(top, top.subplots(1, 4), fields[shown], answered["relative_l2"][shown])
    course, histogram = bottom.subplots(1, 2, width_ratios=[2.6, 1])
    draw_course(course, learned, answered, published)
    draw_histogram(histogram, answered, published)
    for axes in (course, histogram):
        axes.spines[["top", "right"]].set_visible(False)
    size = fields.shape[-1]
    figure.suptitle(f"Darcy flow on {size} x {size} cells: an FNO that learned while the solver ran; "
                    "maps: the held-out field of median error", fontsize=11)
    figure.savefig(path, dpi=130)
