"""The benches and their jobs: each is a function of the build folder and of a folder for its files that yields commands,
which print lines of ratio.hpp."""
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MPIRUN = ["mpirun", "--oversubscribe"]

PLAN = """ekman: 1
components: {{atmosphere: {{timestep: PT10M}}}}
networks:
  net:
    component: atmosphere
    ranks: {ml_ranks}
    network: {{torchscript: {network}}}
    inputs: [{{fields: [x]}}]
    outputs: [{{fields: [y]}}]
{more}output: {{directory: {work}/run}}
"""


def network(work, name):
    """A TorchScript file of networks.py."""
    if not (work / f"{name}.pt").exists():
        subprocess.run([sys.executable, HERE / "networks.py", work], check=True)
    return work / f"{name}.pt"


def plan(work, name, file, ml_ranks=1, more=()):
    path = work / f"{name}.yaml"
    path.write_text(PLAN.format(ml_ranks=ml_ranks, network=file, work=work, more="".join(f"    {line}\n" for line in more)))
    return path


def job(build, program, ranks, arguments, path, ml_ranks=1):
    return [*MPIRUN, "-np", ranks, build / "bench" / f"bench_{program}", *arguments, ":",
            "-np", ml_ranks, build / "bin" / "ekman", "serve", path]


def roundtrip(build, work):
    yield [*MPIRUN, "-np", 3, build / "bench" / "bench_roundtrip", work]


def coupled_inference(build, work):
    file = network(work, "mlp")
    for samples, target in ((64, 0.85), (1024, 0.95), (4096, 1.15), (16384, 1.15)):
        name = f"coupled_inference_{samples}"
        path = plan(work, name, file, more=[f"chunk: {min(samples, 1024)}"])
        yield job(build, "coupled", 2, [name, ">=", target, "one", "tuned", file, 128, 128, samples, 0, 0], path)


def small_rows(build, work):
    file = network(work, "mlp")
    for ml_ranks in (1, 2):
        for columns in (1, 2, 4, 8, 16, 32, 64):
            name = f"small_rows_{columns}_{ml_ranks}ml"
            path = plan(work, name, file, ml_ranks, [f"chunk: {8 * columns // ml_ranks}"])
            goal = (">=", 1.0) if columns == 1 else ("", 0)
            yield job(build, "coupled", 8, [name, *goal, "each", "tuned", file, 128, 128, 8 * columns, 0, 0], path, ml_ranks)


def other_nets(build, work):
    ny = nx = 64
    for kind in ("unet", "fno"):
        file = network(work, kind)
        path = plan(work, f"other_nets_{kind}", file, more=[f"sample: {{grid: {{shape: [{ny}, {nx}]}}}}"])
        yield job(build, "coupled", 2, [f"other_nets_{kind}", ">=", 1.5, "one", "untouched", file, 4, 2, 8 * ny * nx, ny, nx],
                  path)


BENCHES = {
    "roundtrip": roundtrip,
    "coupled_inference": coupled_inference,
    "small_rows": small_rows,
    "other_nets": other_nets,
}
