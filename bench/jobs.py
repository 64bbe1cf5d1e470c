"""The benches and their jobs: each is a function of the build folder and of a folder for its files that yields commands,
which print lines of ratio.hpp. The environment has run.py's options: EKMAN_BENCH_BRIEF and EKMAN_BENCH_RATE."""
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOSTS = HERE.parent / "tests" / "mpi" / "hosts.py"
MPIRUN = ["mpirun", "--oversubscribe"]

PLAN = """ekman: 1
components: {{atmosphere: {{timestep: PT10M}}}}
networks:
  net:
    component: atmosphere
    ranks: {ml_ranks}
    network: {network}
    inputs: [{{fields: [x]}}]
    outputs: [{{fields: [y]}}]
{more}output: {{directory: {work}/run}}
"""


def network(work, name):
    """A TorchScript file of networks.py."""
    if not (work / f"{name}.pt").exists():
        subprocess.run([sys.executable, HERE / "networks.py", work], check=True)
    return work / f"{name}.pt"


def brief():
    return "EKMAN_BENCH_BRIEF" in os.environ


def cases(*all_of_them):
    """The first alone in a brief run."""
    return all_of_them[:1] if brief() else all_of_them


def torchscript(file):
    return f"{{torchscript: {file}}}"


def plan(work, name, source, ml_ranks=1, more=()):
    path = work / f"{name}.yaml"
    path.write_text(PLAN.format(ml_ranks=ml_ranks, network=source, work=work, more="".join(f"    {line}\n" for line in more)))
    return path


def job(build, program, ranks, arguments, path, ml_ranks=1):
    return [*MPIRUN, "-np", ranks, build / "bench" / f"bench_{program}", *arguments, ":",
            "-np", ml_ranks, build / "bin" / "ekman", "serve", path]


def roundtrip(build, work):
    yield [*MPIRUN, "-np", 3, build / "bench" / "bench_roundtrip", work]


def pack(build, work):
    yield [build / "bench" / "bench_pack", *(["--benchmark_min_time=0.001"] if brief() else [])]


def setup(build, work):
    yield [*MPIRUN, "-np", 65, build / "bench" / "bench_setup", work]


def overlap(build, work):
    """On one node, through the window and by messages, and on two that hosts.py makes of this one (root alone may)."""
    chunks, milliseconds = 16, 50   # of physics and of network
    program, library = (build / "bench" / name for name in ("bench_overlap", "libbench_slow_echo.so"))
    calibrate = [*MPIRUN, "-np", "1", program, "calibrate", str(milliseconds)]
    rounds = int(subprocess.run(calibrate, check=True, stdout=subprocess.PIPE, text=True).stdout)
    rounds -= rounds % chunks
    source = f"{{own: slow_echo, library: {library}, arguments: {{rounds: {rounds // chunks}}}}}"
    # As docs/starting.md says; Open MPI 4 calls its messages through shared memory vader, Open MPI 5 calls them sm.
    eager = [word for btl in ("vader", "sm") for key, value in (("eager_limit", 64 * 1024), ("segment_size", 64 * 1024**2))
             for word in ("--mca", f"btl_{btl}_{key}", value)]
    rate = os.environ.get("EKMAN_BENCH_RATE")
    on_two_nodes = [sys.executable, "-B", HOSTS, *(["--rate", rate] if rate else []), 2, *MPIRUN, "--host", "node1:1"]
    for where, transport, start, other in (("window", "auto", MPIRUN, []), ("messages", "point_to_point", MPIRUN, []),
                                           ("eager_messages", "point_to_point", [*MPIRUN, *eager], []),
                                           ("nodes", "auto", on_two_nodes, ["--host", "node2:1"])):
        for points in cases(64, 1024, 4096):
            for lag in cases(0, 1):
                name = f"overlap_lag{lag}_{where}_{points}KiB"   # a row is 1 KiB
                more = [f"chunk: {points // chunks}", f"tile: {points // chunks}", "threads: 1", f"lag: {lag}",
                        f"transport: {transport}"]
                path = plan(work, name, source, more=more)
                yield [*start, "-np", 1, program, name, lag, points, rounds, ":",
                       *other, "-np", 1, build / "bin" / "ekman", "serve", path]
                if where == "nodes":
                    by_hand = [build / "bench" / "bench_overlap_by_hand", f"{name}_by_hand", lag, points, rounds]
                    yield [*start, "-np", 1, *by_hand, ":", *other, "-np", 1, *by_hand]


def coupled_inference(build, work):
    file = network(work, "mlp")
    for samples, target in cases((64, 0.85), (1024, 0.95), (4096, 1.15), (16384, 1.15)):
        name = f"coupled_inference_{samples}"
        path = plan(work, name, torchscript(file), more=[f"chunk: {min(samples, 1024)}", f"tile: {min(samples, 1024)}"])
        yield job(build, "coupled", 2, [name, ">=", target, "one", "tuned", file, 128, 128, samples, 0, 0], path)


def small_rows(build, work):
    file = network(work, "mlp")
    for ml_ranks in cases(1, 2):
        for columns in cases(1, 2, 4, 8, 16, 32, 64):
            name = f"small_rows_{columns}_{ml_ranks}ml"
            path = plan(work, name, torchscript(file), ml_ranks, [f"chunk: {8 * columns // ml_ranks}"])
            goal = (">=", 1.0) if columns == 1 else ("", 0)
            yield job(build, "coupled", 8, [name, *goal, "each", "tuned", file, 128, 128, 8 * columns, 0, 0], path, ml_ranks)


def other_nets(build, work):
    ny = nx = 64
    for kind in cases("unet", "fno"):
        file = network(work, kind)
        more = [f"sample: {{grid: {{shape: [{ny}, {nx}]}}}}", "chunk: 8"]
        path = plan(work, f"other_nets_{kind}", torchscript(file), more=more)
        yield job(build, "coupled", 2, [f"other_nets_{kind}", ">=", 1.5, "one", "untouched", file, 4, 2, 8 * ny * nx, ny, nx],
                  path)


LEARNER = """  {name}:
    component: {name}
    ranks: {ml_ranks}
    network: {{builtin: mlp, hidden: [256, 256], activation: relu, seed: 1}}
    chunk: 1024
    tile: 1024
    inputs: [{{fields: [x]}}]
    outputs: [{{fields: [y]}}]
    training:
      targets: {{y: y_true}}
      loss: [{{mse: {{fields: [y]}}}}]
      optimizer: {{adamw: {{lr: 1.0e-3, weight_decay: 1.0e-2}}}}
"""


def learning_plan(work, name, ml_ranks, more=""):
    """Components "one" and so on, each with a network that learns on so many ML ranks; `more`: lines of each network."""
    names = ("one", "two")[:len(ml_ranks)]
    path = work / f"{name}.yaml"
    path.write_text("ekman: 1\ncomponents:\n" + "".join(f"  {one}: {{timestep: PT10M}}\n" for one in names) + "networks:\n" +
                    "".join(LEARNER.format(name=one, ml_ranks=count) + more for one, count in zip(names, ml_ranks)) +
                    f"output: {{directory: {work}/run}}\n")
    return path


def training(build, work):
    pipes = [work / "requests", work / "answers"]
    for gets in cases("none", "get"):
        name = f"training_1024_{gets}"
        yield [sys.executable, "-B", HERE / "training_loop.py", *pipes, 1024,
               *job(build, "training", 1, ["loop", name, 1024, gets, *pipes], learning_plan(work, name, [1]))]
    for kind, gets, more in cases(("none", "none", ""), ("get", "get", ""), ("lag", "get", "    lag: 1\n")):
        name = f"training_waiting_{kind}"
        yield job(build, "training", 1, ["waiting", name, 1024, gets], learning_plan(work, name, [1], more))


def tensor_backward(build, work):
    file = network(work, "mlp")
    for samples in cases(64, 1024, 4096):
        name = f"tensor_backward_{samples}"
        more = ["tape: 1", f"chunk: {min(samples, 1024)}", f"tile: {min(samples, 1024)}"]
        path = plan(work, name, torchscript(file), more=more)
        yield job(build, "backward", 2, [name, samples, 128, 128], path)


def learner(build, work):
    yield [build / "bench" / "bench_learner"]


def operators(build, work):
    yield [build / "bench" / "bench_operators"]


def training_ranks(build, work):
    for gets in cases("none", "get"):
        name = f"training_ranks_{gets}"
        yield job(build, "training", 2, ["ranks", name, 1024, gets], learning_plan(work, name, [1, 2]), 3)


def engine(build, work):
    for name in ("mlp", "unet", "fno"):
        network(work, name)
    yield [build / "bench" / "bench_engine", work]


def profile_cost(build, work):
    """Stamps of an exchange: stages that its events tell, and calls, on the rank that has most."""
    steps, run = 20, work / "profile_run"
    path = work / "profile_cost.yaml"
    text = (HERE.parent / "configs" / "sizing.yaml").read_text()
    for old, new in (("chunk: 1024", "chunk: 256"), ("tile: 1024", "tile: 256"), ("per_point: 1.0e-6", "per_point: 0.0"),
                     ("per_forward: 2.0e-4", "per_forward: 2.5e-5")):
        text = text.replace(old, new)   # 40 chunks, 1 ms of forwards
    path.write_text(f"{text}output: {{directory: {run}, profile: on}}\n")
    yield [*MPIRUN, "-np", 1, build / "bin" / "ekman", "mimic", path, "--steps", steps, ":", "-np", 1, build / "bin" / "ekman",
           "serve", path]
    import h5py
    with h5py.File(run / "profile.h5") as file:
        ranks = file["events/rank"][:].tolist()
    calls = 2 + 2 + 1   # puts, gets, advance
    yield [build / "bench" / "bench_profile", max(ranks.count(0) / steps + calls, ranks.count(1) / steps)]


BENCHES = {
    "pack": pack,
    "roundtrip": roundtrip,
    "setup": setup,
    "overlap": overlap,
    "coupled_inference": coupled_inference,
    "small_rows": small_rows,
    "other_nets": other_nets,
    "training": training,
    "training_ranks": training_ranks,
    "profile_cost": profile_cost,
    "engine": engine,
    "learner": learner,
    "tensor_backward": tensor_backward,
    "operators": operators,
}
