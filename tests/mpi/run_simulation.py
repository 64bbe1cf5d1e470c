"""`ekman simulate` runs the messages and layouts of real jobs: same bits, times that follow from arithmetic, on many ranks.

run_simulation.py MPIEXEC EKMAN WORK_DIR bits|times|many|errors
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import h5py

mpiexec, ekman, work, case = sys.argv[1:5]
work = pathlib.Path(work).resolve()
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
LINE = re.compile(r'^component "(\w+)" on (\d+) ranks?, (\d+) points: (\d+) steps? of ([\d.]+) ms: ([\d.]+) ms in physics', re.M)
ECHO = "{echo: {}}"
PLAN = """
ekman: 1
components: {{atmosphere: {{points: {points}, fields: {{t: {{levels: {levels}}}, dt: {{levels: {levels}}}}}}}}}
networks:
  net:
    component: atmosphere
    ranks: {ml_ranks}
    device: cpu
    network: {network}
    chunk: {chunk}
    tile: {chunk}
    inputs: [{{fields: [t]}}]
    outputs: [{{fields: [dt]}}]
{more}output: {{directory: {folder}{output}}}
"""


def check(what, holds, found=""):
    if not holds:
        sys.exit(f"FAILED: {what}\n{found}")
    print(f"ok: {what}", flush=True)


def plan(name, points=203, levels=3, ml_ranks=1, network=ECHO, chunk=32, more="", output=""):
    path = work / f"{name}.yaml"
    path.write_text(PLAN.format(points=points, levels=levels, ml_ranks=ml_ranks, network=network, chunk=chunk, more=more,
                                folder=work / name, output=output))
    return path


def run(command):
    env = {name: value for name, value in os.environ.items() if name != "EKMAN_PLAN"}
    return subprocess.run(list(map(str, command)), timeout=100, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          cwd=work, env=env)


def simulated(path, ranks, *words):
    done = run([ekman, "simulate", path, "--ranks", f"atmosphere={ranks}", *words])
    check(f"{path.stem} on {ranks} ranks is simulated", done.returncode == 0, done.stdout)
    return done.stdout


def milliseconds(text):
    """Of a step, and of physics in it."""
    found = LINE.search(text)
    check("it says how long a step took", found, text)
    return float(found[5]), float(found[6])


def recorded(path):
    merged = path.with_suffix(".h5")
    files = sorted((work / path.stem).glob("recording*.h5"))
    subprocess.run([ekman, "inspect", "--merge", merged, *files], check=True, timeout=60, stdout=subprocess.DEVNULL)
    with h5py.File(merged) as file:
        return {field: file[field][...] for field in ("t", "dt")}


def bits():
    for lag in (0, 1):
        how = {"ml_ranks": 2, "more": f"    lag: {lag}\n", "output": ", record: {}"}
        real, other = plan(f"real_{lag}", **how), plan(f"simulated_{lag}", **how)
        done = run([mpiexec, "--oversubscribe", "-np", 3, ekman, "mimic", real, "--steps", 3, "--sleep", ":", "-np", 2, ekman,
                    "serve", real])
        check("the real job runs", done.returncode == 0, done.stdout)
        simulated(other, 5, "--steps", 3)
        one, two = recorded(real), recorded(other)
        for field in one:
            check(f"{field} has the bits of the real job, lag {lag}", one[field].tobytes() == two[field].tobytes(), (one, two))
        check("an echo returns what was put", one["t"].tobytes() == one["dt"].tobytes(), one)


def times():
    # A node for each rank. 1000 points of 25 levels in float32: 100000 bytes there, 100000 back.
    sleep = "{builtin: sleep, seconds_per_forward: 2.0e-3, seconds_per_point: 1.0e-6}"
    path = plan("times", points=1000, levels=25, network=sleep, chunk=1000)
    words = ("--steps", 20, "--step-time", "5ms", "--cluster", "cores=1,bandwidth=1GBps,latency=100us")
    first = simulated(path, 1, *words)
    step, physics = milliseconds(first)
    check("physics takes its time", abs(physics - 5.0) <= 0.001, first)
    # 5 ms, 2 ms and 1000 us, twice 100 us and twice 100 us for the bytes; headers of messages are 0.1 % of them.
    check("a step takes the time of its parts", abs(step - (5.0 + 3.0 + 2 * 0.1 + 2 * 0.1)) <= 0.005, first)
    second = simulated(path, 1, *words)
    check("a simulation has the same times again", milliseconds(second) == (step, physics), (first, second))
    late = plan("late", points=1000, levels=25, network=sleep, chunk=1000, more="    lag: 1\n")
    step, _ = milliseconds(simulated(late, 1, *words))
    check("with lag the network runs behind the physics", abs(step - 5.0) <= 0.25, step)
    slow = milliseconds(simulated(path, 1, *words, "--copy-rate", "1"))[0]
    check("copies take time where a rate is given", abs(slow - 8.4 - 2 * 0.1) <= 0.005, slow)


def many():
    path = plan("many", points=256 * 64, ml_ranks=16, chunk=256, network="{builtin: sleep, seconds_per_forward: 1.0e-3}",
                output=", profile: on")
    said = simulated(path, 256, "--steps", 5, "--step-time", "5ms", "--ml-per-node", 4)
    step, _ = milliseconds(said)
    # All wait for the last rank to begin a step, 9 ms after the one before; after the last step a quarter of the ranks has
    # its chunks at each of 1, 2, 3 and 4 ms: 1.5 ms less on average.
    check("256 ranks and 16 ML ranks, each with 4 forwards of 1 ms", abs(step - (9.0 - 1.5 / 5)) <= 0.05, said)
    with h5py.File(work / "many/profile.h5") as file:
        check("the profile says that it is simulated", file.attrs["simulated"] == 1, dict(file.attrs))


def errors():
    def refused(what, sentence, *command):
        done = run([ekman, "simulate", *command])
        check(what, done.returncode != 0 and sentence in done.stdout, done.stdout)
    good = plan("good")
    refused("no ranks", "nothing says how many ranks the components have; say --ranks atmosphere=64", good)
    refused("an unknown component", 'the plan has no component "ocean"', good, "--ranks", "ocean=2")
    refused("a network of LibTorch", "say `network: {builtin: sleep, ...}`", plan("mlp", network="{builtin: mlp, hidden: [4]}"),
            "--ranks", "atmosphere=2")
    refused("a network in its component", "say `placement: dedicated`", inline(), "--ranks", "atmosphere=2")
    refused("an unknown word of the cluster", 'there is no "core"; it takes nodes, cores', good, "--ranks", "atmosphere=2",
            "--cluster", "core=2")
    refused("a bandwidth that is none", "bandwidth must be a number with its unit", good, "--ranks", "atmosphere=2", "--cluster",
            "bandwidth=fast")
    refused("too few nodes", "3 ranks take 3 nodes of 1 cores, but the machine has 2", good, "--ranks", "atmosphere=2",
            "--cluster", "nodes=2,cores=1")
    refused("no platform file", "there is no file nowhere.xml", good, "--ranks", "atmosphere=2", "--platform", "nowhere.xml")


    refused("a setting that is none", '--cfg smpi/oss:1: SimGrid has no setting "smpi/oss"', good, "--ranks", "atmosphere=2",
            "--cfg", "smpi/oss:1")
    waves = "  waves: {component: ocean, network: {echo: {}}, inputs: [{fields: [a]}], outputs: [{fields: [b]}]}\n"
    two = plan("two", more=waves)
    two.write_text(two.read_text().replace("components: {", "components: {ocean: {points: 10}, "))
    said = run([ekman, "simulate", two, "--ranks", "atmosphere=2"]).stdout
    check("a component that no rank is, once", said.count('"ocean": no rank of this job is it') == 1, said)


def inline():
    path = plan("inline")
    path.write_text(path.read_text().replace("    ranks: 1\n", "    placement: inline\n"))
    return path


{"bits": bits, "times": times, "many": many, "errors": errors}[case]()
