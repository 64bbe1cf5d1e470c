"""Reads what the programs of one seed wrote and scores the one-scale models against the truth's test members."""
import csv
import json
import sys

import ekman_networks   # of PREFIX/share/ekman/pytorch
import h5py
import numpy as np
import torch

MODELS = ("none", "polynomial", "hybrid")
LEARNERS = ("online", "tuned", "posterior")   # the hybrid with a network that learned while the model ran
OTHERS = ("pytorch", *LEARNERS)               # the hybrid with other networks than that of `ekman train`
LEADS = (0.5, 1.0, 2.0)
CLIMATE_FROM = 10.0                        # the start's memory is gone by then
BINS = np.linspace(-20.0, 30.0, 201)       # of the histograms of X, width 0.25
NUM_RESAMPLES = 10000


def read(path):
    """X, U [member, time, k] of the test members, and the times."""
    with h5py.File(path, "r") as file:
        return file["x"][:], file["u"][:], file["time"][:]


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


def as_closure(network, mean=0.0, std=1.0):
    """A network in PyTorch, which sees (X - mean) / std, as a function of an array X."""
    def closure(x):
        with torch.no_grad():
            flat = (torch.tensor(x.ravel(), dtype=torch.float32).unsqueeze(1) - mean) / std
            return network(flat).squeeze(1).double().numpy().reshape(x.shape)

    return closure


def read_checkpoint(path):
    """What `ekman train` or `ekman serve` has learned, run here, without Ekman."""
    network, texts = ekman_networks.load(path)
    return as_closure(network, **json.loads(texts["network"])["normalize"]["x"])


def closures_of(folder):
    """The closures of all models as functions of an array X."""
    return {"none": np.zeros_like, "polynomial": read_polynomial(folder / "polynomial.nml"),
            "hybrid": read_checkpoint(folder / "closure.safetensors"),
            "pytorch": as_closure(torch.jit.load(str(folder / "closure.pt")).eval()),
            **{name: read_checkpoint(folder / name / "closure.safetensors") for name in LEARNERS}}


def read_losses(path):
    """The column `loss` of a log of learning."""
    with open(path, newline="") as file:
        return np.array([float(row["loss"]) for row in csv.DictReader(file)])


def score_seed(folder, another):
    """All numbers of one seed; `another` is the folder of a seed whose truth shows the sampling error."""
    x_true, u_true, time = read(folder / "truth.h5")
    late = time >= CLIMATE_FROM
    closures = closures_of(folder)
    seed = {"scores": {}, "forecast": {}, "histogram": {"truth": histogram(x_true[:, late])},
            "pairs": (x_true, u_true), "closures": closures, "time": time, "ekman_difference": 0.0,
            "losses": {name: read_losses(folder / name / ("loss.csv" if name == "posterior" else "training.csv"))
                       for name in LEARNERS}}
    for model in (*MODELS, *OTHERS):
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
        if model not in ("none", "polynomial"):   # what came through Ekman, against the same file run here
            seed["ekman_difference"] = max(seed["ekman_difference"], np.abs(closures[model](x) - u).max())
    seed["scores"]["another truth"] = climate_scores(read(another / "truth.h5")[0][:, late], x_true[:, late])
    return seed


def bootstrap(values):
    """Mean over the first axis, seeds, with the 2.5 % and 97.5 % points of its bootstrap distribution."""
    values = np.asarray(values)
    picks = np.random.default_rng(0).integers(len(values), size=(NUM_RESAMPLES, len(values)))
    counts = np.stack([np.bincount(p, minlength=len(values)) for p in picks]) / len(values)
    low, high = np.percentile(counts @ values, [2.5, 97.5], axis=0)
    return values.mean(axis=0), low, high
