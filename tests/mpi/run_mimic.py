"""`ekman mimic` plays what plans ask of components: whatever networks take and return, the same for every decomposition.

run_mimic.py MPIEXEC EKMAN SOURCE_DIR WORK_DIR plays|errors
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import h5py
import numpy

mpiexec, ekman, source, work, case = sys.argv[1:6]
work = pathlib.Path(work).resolve()
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
LINE = re.compile(r'^component "(\w+)" on (\d+) ranks?, (\d+) points: (\d+) steps? of ([\d.]+) ms: ([\d.]+) ms in physics, '
                  r"([\d.]+) ms in Ekman's calls \(most on a rank: ([\d.]+) ms\), ([\d.]+) ms waiting for each other$", re.M)
SLEEP = "{builtin: sleep, seconds_per_forward: 1.0e-3, seconds_per_point: 1.0e-6}"
PLAN = """
ekman: 1
components: {{atmosphere: {{points: 203, fields: {{t: {{levels: 3, units: K}}, dt: {{levels: 2}}}}}}}}
networks:
  net:
    component: atmosphere
    ranks: {ml_ranks}
    network: {network}
    chunk: 32
    wire: float64
    compute: float64
    inputs: [{{fields: [t, s]}}]
    outputs: [{{fields: [dt]}}]
{more}output: {{directory: {folder}{record}}}
"""
# Networks that feed each other, with lag and with couplings of every second step; one of grids.
SEVERAL = """
ekman: 1
components:
  atmosphere: {timestep: PT10M, fields: {a: {levels: 2}, b: {levels: 2}}}
  ocean: {}
networks:
  second: {component: atmosphere, network: {builtin: sleep}, inputs: [{fields: [b, a]}], outputs: [{fields: [d]}]}
  first: {component: atmosphere, network: {echo: {}}, chunk: 16, inputs: [{fields: [a]}], outputs: [{fields: [b]}]}
  late: {component: atmosphere, network: {echo: {}}, lag: 1, inputs: [{fields: [d]}], outputs: [{fields: [e]}],
         coupling_period: PT20M, time_reduction: average, guard: {e: {min: -1, on_violation: fallback, fallback: plain}}}
  whole: {component: ocean, network: {echo: {}}, sample: {grid: {shape: [4, 5]}}, inputs: [{fields: [h]}], outputs: [{fields: [g]}]}
"""
LEARNS = """
    training:
      targets: {dt: dt_true}
      weights: area
      loss: [{mse: {fields: [dt]}}]
      optimizer: {adam: {lr: 0.001}}
      delay: 1
      checkpoint: {directory: checkpoints, every: 1, keep: 9}
"""
MLP = "{builtin: mlp, hidden: [4]}"


def check(what, holds, found=""):
    if not holds:
        sys.exit(f"FAILED: {what}\n{found}")
    print(f"ok: {what}", flush=True)


def plan(name, ml_ranks=1, network=SLEEP, more="", record=""):
    path = work / f"{name}.yaml"
    path.write_text(PLAN.format(ml_ranks=ml_ranks, network=network, more=more, folder=work / name, record=record))
    return path


def job(path, ranks, *words, ml_ranks=1):
    serve = [":", "-np", str(ml_ranks), ekman, "serve", str(path)] if ml_ranks else []
    env = {name: value for name, value in os.environ.items() if name != "EKMAN_PLAN"}
    return subprocess.run([mpiexec, "--oversubscribe", "-np", str(ranks), ekman, "mimic", str(path), "--sleep", *words, *serve],
                          timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=work, env=env)


def played(name, *arguments, **how):
    """What the line of each component says: name -> ranks, points, steps, then milliseconds."""
    done = job(*arguments, **how)
    check(f"{name} runs", done.returncode == 0, done.stdout)
    return {found[0]: [*map(int, found[1:4]), *map(float, found[4:])] for found in LINE.findall(done.stdout)}, done.stdout


def recorded(ranks, ml_ranks):
    name = f"recorded_{ranks}_{ml_ranks}"
    played(name, plan(name, ml_ranks, record=", record: {}"), ranks, "--steps", "3", ml_ranks=ml_ranks)
    merged = work / f"{name}.h5"
    subprocess.run([ekman, "inspect", "--merge", str(merged), *map(str, sorted((work / name).glob("recording*.h5")))], check=True,
                   timeout=60, stdout=subprocess.DEVNULL)
    with h5py.File(merged) as file:
        return {field: file[field][...] for field in ("t", "s", "dt")}


def plays():
    one, other = recorded(1, 1), recorded(3, 2)
    for field in one:
        check(f"{field} is the same on other ranks", one[field].tobytes() == other[field].tobytes(), (one[field], other[field]))
    check("the network that sleeps returns zeros", one["dt"].shape == (3, 203, 2) and not one["dt"].any(), one["dt"])
    t = one["t"]
    check("fields are normal numbers", abs(t.mean()) < 0.15 and 0.85 < t.std() < 1.15, (t.mean(), t.std()))
    check("they change by up to a tenth", 0 < abs(t[1] / t[0] - 1).max() < 0.23, t)
    check("points and levels have numbers of their own", len(numpy.unique(t[0])) == t[0].size, t)

    found, _ = played("a step of given time", plan("timed"), 2, "--steps", "4", "--step-time", "3ms", "--point-time", "10us",
                      "--imbalance", "0.5")
    ranks, points, steps, step, physics, in_ekman, most, waiting = found["atmosphere"]
    check("it says what was played", (ranks, points, steps) == (2, 203, 4), found)
    # 3 ms and 101 points at least, and half as much again on the other rank.
    check("physics takes its time", physics >= (3 + 1.01) * 1.25 and step >= physics, found)
    # 1 ms and 32 points for each of 7 tiles; chunks of the first rank may run while the other computes.
    check("the network takes its time", step >= 7 * 1.032, found)
    check("the rest is in Ekman's calls", 0 < in_ekman <= most and physics + in_ekman + waiting <= step + 0.003, found)

    path = work / "several.yaml"
    path.write_text(SEVERAL)
    found, said = played("two components", path, 3, "--ranks", "atmosphere=2,ocean=1", "--points", "atmosphere=50,ocean=40",
                         "--levels", "h=2,g=2", "--steps", "5", ml_ranks=4)
    check("both were played", {name: line[:3] for name, line in found.items()} == {"atmosphere": [2, 50, 5], "ocean": [1, 40, 5]},
          said)
    check("it says which fields were given one level", "how many levels d, e have; one is taken" in said
          or 'nothing says how many levels d, e, plain have; one is taken' in said, said)
    done = subprocess.run([mpiexec, "--oversubscribe", "-np", "1", ekman, "mimic", str(path), "--component", "ocean", "--points",
                           "20", "--levels", "1", ":", "-np", "1", ekman, "mimic", str(path), "--component", "atmosphere",
                           "--points", "20", "--levels", "1,a=2", ":", "-np", "4", ekman, "serve", str(path)],
                          timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=work)
    check("each program of a job plays its own component", done.returncode == 0 and len(LINE.findall(done.stdout)) == 2, done.stdout)

    found, said = played("a network that learns", plan("learns", network=MLP, more=LEARNS), 2, "--steps", "4")
    check("it says that losses have no meaning", "puts random numbers" in said, said)
    # With the delay the first exchange has no targets yet.
    check("it learned in each step", len(list((work / "learns/checkpoints").glob("net-*.safetensors"))) == 3, said)

    adjoint = "    tape: 2\n    training: {optimizer: {sgd: {lr: 0.001}}, checkpoint: {directory: checkpoints, every: 1, keep: 9}}\n"
    played("a network with a tape", plan("adjoint", network=MLP, more=adjoint), 2, "--steps", "5")
    made = list((work / "adjoint/checkpoints").glob("net-*.safetensors"))
    check("each tape was gone back, the last half full", len(made) == 3, made)

    inline = plan("inline")
    inline.write_text(inline.read_text().replace("    ranks: 1\n", "    placement: inline\n"))
    found, said = played("a network inside the component", inline, 2, "--steps", "2", ml_ranks=0)
    check("it ran there", found["atmosphere"][:3] == [2, 203, 2] and "runs inline" in said, said)
    documented()


def documented():
    """The commands of docs/sizing.md, with fewer steps."""
    (work / "configs").symlink_to(pathlib.Path(source) / "configs")
    sizing = (work / "configs/sizing.yaml").read_text()
    (work / "inline.yaml").write_text(sizing.replace("    ranks: 1\n", "    placement: inline\n"))
    blocks = re.findall(r"^```sh\n(.*?)^```", (pathlib.Path(source) / "docs/sizing.md").read_text(), re.M | re.S)
    commands = [line for block in blocks for line in block.splitlines()]
    check("docs/sizing.md has commands", len(commands) == 2, commands)
    for command in commands:
        words = command.replace("--steps 200", "--steps 2").split()
        words = [{"mpirun": mpiexec, "ekman": ekman}.get(word, word) for word in words]
        done = subprocess.run([words[0], "--oversubscribe", *words[1:]], timeout=60, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, cwd=work)
        check(f"{command} runs", done.returncode == 0 and len(LINE.findall(done.stdout)) == 1, done.stdout)


def errors():
    several = work / "several.yaml"
    several.write_text(SEVERAL)
    one = plan("one")
    wrong = plan("wrong")
    wrong.write_text(wrong.read_text().replace("chunk: 32", "chonk: 32"))
    for name, path, ranks, words, ml_ranks, expected in (
            ("an unknown component", several, 2, ["--component", "atmosfere"], 4,
             '--component: the plan has no component "atmosfere"; did you mean "atmosphere"'),
            ("no component of several", several, 2, [], 4,
             "the plan has 2 components: atmosphere, ocean; say with --component which one to play, or with --ranks "
             "atmosphere=1,ocean=1 how many ranks play each"),
            ("both", several, 2, ["--component", "ocean", "--ranks", "ocean=2"], 4,
             "--component and --ranks say both whom the ranks play; give --component for one, --ranks for several"),
            ("ranks that do not add up", several, 3, ["--ranks", "atmosphere=1,ocean=1"], 4,
             "--ranks atmosphere=1,ocean=1 adds up to 2 ranks, but ekman mimic was started on 3; start as many as it takes, "
             "mpirun -n 2 ekman mimic, or change --ranks"),
            ("no points", several, 2, ["--component", "ocean"], 4,
             'nothing says how many points component "ocean" has; give --points 10000, or `points` in the plan'),
            ("a mistake in the plan", wrong, 2, [], 1, 'unknown key "chonk"'),
            ("no plan", work / "none.yaml", 2, [], 1, "none.yaml"),
            ("no ML ranks", one, 2, [], 0, "no ML rank in this job, but net of the plan")):
        done = job(path, ranks, *words, ml_ranks=ml_ranks)
        check(f"{name} is told", done.returncode != 0 and expected in done.stdout, done.stdout)


{"plays": plays, "errors": errors}[case]()
