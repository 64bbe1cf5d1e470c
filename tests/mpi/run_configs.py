"""Runs every plan of configs/ that needs no GPU, with a component that has the fields it names.

run_configs.py MPIEXEC MODEL EKMAN CONFIGS WORK_DIR
"""
import os
import pathlib
import shutil
import subprocess
import sys

import torch

COLUMNS = "temperature=12 humidity=12"
# ML ranks (0: all networks run inline), component, its points, its fields.
RUNS = {
    "echo.yaml": f"1 atmosphere 700 {COLUMNS} -> heating=12 moistening=12",
    "mlp_columns.yaml": f"2 atmosphere 1500 {COLUMNS} surface_pressure=1 -> heating=12 moistening=12",
    "torchscript_columns.yaml":
        "2 atmosphere 40962 temperature=60 humidity=60 surface_pressure=1 sensible_heat_flux=1 -> "
        "heating=60 moistening=60",
    "two_networks.yaml":
        f"3 atmosphere 1500 {COLUMNS} cloud_fraction=12 -> heating=12 moistening=12 radiative_heating=12",
    "coupling_period.yaml": f"1 atmosphere 1500 {COLUMNS} cloud_fraction=12 radiative_heating_scheme=12 -> "
                            "radiative_heating=12 surface_flux=1",
    "lag.yaml": f"2 atmosphere 1500 {COLUMNS} -> heating=12 moistening=12",
    "training.yaml": f"2 atmosphere 1500 {COLUMNS} heating_true=12 moistening_true=12 cell_area=1 -> heating=12 "
                     "moistening=12",
    "lorenz96_mlp.yaml": "1 atmosphere 360 x=1 u_true=1 -> u=1",
    "fno_grid.yaml": "1 aquifer 2048 permeability=1 distance_to_wall=1 pressure_true=1 -> pressure=1",
    "darcy_fno.yaml": "1 aquifer 10240 permeability=1 x=1 y=1 pressure_true=1 -> pressure=1",
    "inline.yaml": f"0 atmosphere 1500 {COLUMNS} -> heating=12",
    "recording.yaml": f"2 atmosphere 1500 {COLUMNS} heating=12 ->",
    "sizing.yaml": "1 atmosphere 10240 temperature=30 humidity=30 -> heating=30 moistening=30",
    "adjoint.yaml": "1 atmosphere 1500 state=12 -> tendency=12 adjoints",
}
DIRECTORIES = {"darcy_fno.yaml": "run/darcy_fno"}   # output.directory, where a plan has one
NEEDS_GPU = {"gpu_node.yaml", "grid_unet.yaml"}


class Columns(torch.nn.Module):
    """forward as the comment of torchscript_columns.yaml says."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2 * 60 + 2, 2 * 60)

    def forward(self, profiles, surface):
        return self.layer(torch.cat([profiles.flatten(1), surface], 1))


mpiexec, model, ekman, configs, work = sys.argv[1:6]
configs, work = pathlib.Path(configs), pathlib.Path(work)
shutil.rmtree(work, ignore_errors=True)   # learning that starts afresh wants no checkpoints there
work.mkdir(parents=True)
torch.jit.script(Columns()).save(str(work / "convection.pt"))
found = {path.name for path in configs.glob("*.yaml")}
if found != RUNS.keys() | NEEDS_GPU:
    sys.exit(f"{configs}: this script does not know {sorted(found ^ (RUNS.keys() | NEEDS_GPU))}")
for name in sorted(NEEDS_GPU):
    if "device: cuda" not in (configs / name).read_text() and "device: [cuda" not in (configs / name).read_text():
        sys.exit(f"{name} asks for no GPU: run it here")
for name, setting in RUNS.items():
    shutil.copy(configs / name, work)
    ml_ranks, *arguments = setting.split()
    subprocess.run([ekman, "check", str(work / name)], check=True)
    serve = [] if ml_ranks == "0" else [":", "-np", ml_ranks, ekman, "serve", str(work / name)]
    env = dict(os.environ) if serve else dict(os.environ, EKMAN_PLAN=str(work / name))
    subprocess.run([mpiexec, "--oversubscribe", "-np", "2", model, *arguments, *serve], check=True, timeout=120, cwd=work, env=env)
    # The record of the run: a plan that is the same when resolved, and who ran where.
    left = work / DIRECTORIES.get(name, ".") / "ekman-run.yaml"
    record = left.read_text()
    resolved = [subprocess.run([ekman, "check", "--no-load", "--resolved", str(path)], check=True, stdout=subprocess.PIPE,
                               text=True).stdout for path in (work / name, left)]
    loaded = name not in ("echo.yaml", "recording.yaml", "sizing.yaml")
    wanted = [f"ranks of component {arguments[0]}", "libtorch: LibTorch" if loaded else "libtorch: not loaded", "mpi: Open MPI",
              *(["of ekman serve", f"ML rank {int(ml_ranks) - 1} of {ml_ranks}"] if serve else ["runs inline on 2 of 2 ranks"])]
    if resolved[0] != resolved[1] or not all(words in record for words in wanted):
        sys.exit(f"{name}: ekman-run.yaml is not of this run:\n{record}")
# The tape of adjoint.yaml was emptied once: a step, and what it gave.
if not (work / "checkpoints" / "closure-00000001.safetensors").exists():
    sys.exit(f"adjoint.yaml: no step was made: {sorted(work.glob('checkpoints/*'))}")
