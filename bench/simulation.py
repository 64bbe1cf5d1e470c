"""Real jobs of `ekman mimic` and `ekman serve` on this machine beside the same ones simulated, as a table; see
docs/simulation.md.

simulation.py EKMAN PING_PONG WORK_DIR [--hosts]
  PING_PONG  bench/ping_pong; its times for 8 bytes, of a stream and of copies are all that the simulator is told of this machine
  --hosts    below tests/mpi/hosts.py 2: the component on node1, ML ranks on node2, TCP between them
"""
import os
import pathlib
import re
import statistics
import subprocess
import sys

ekman, ping_pong, work = sys.argv[1:4]
hosts = "--hosts" in sys.argv
work = pathlib.Path(work).resolve()
work.mkdir(parents=True, exist_ok=True)
RUNS = 3
STEP = re.compile(r"steps? of ([\d.]+) ms: ([\d.]+) ms in physics, ([\d.]+) ms in Ekman")
PLAN = """
ekman: 1
components: {{atmosphere: {{points: 10240, fields: {{t: {{levels: {levels}}}, q: {{levels: {levels}}}}}}}}}
networks:
  net:
    component: atmosphere
    ranks: {ml}
    device: cpu
    network: {network}
    chunk: 1024
    tile: 1024
    transport: point_to_point
    inputs: [{{fields: [t]}}]
    outputs: [{{fields: [q]}}]
output: {{directory: {folder}}}
"""
SLEEP = "{builtin: sleep, seconds_per_forward: 2.0e-4, seconds_per_point: 1.0e-6}"
# Name, network, levels, physics.
CASES = [("sleep", SLEEP, 60, "8ms"), ("sleep, 1 level", SLEEP, 1, "8ms"), ("echo", "{echo: {}}", 60, "2ms"),
         ("echo, no physics", "{echo: {}}", 60, "0s")]


def run(*command):
    done = subprocess.run(list(map(str, command)), timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"{command}\n{done.stdout}")
    return done.stdout


def place(node):
    return ["--host", f"{node}:64"] if hosts else []


def step_of(text):
    return float(STEP.search(text)[1])


def machine():
    """What --cluster says of this machine; and the rate of one rank's copies is left out."""
    text = run("mpirun", "-np", 1, *place("node1"), ping_pong, ":", "-np", 1, *place("node2"), ping_pong)
    small = float(re.search(r"^8 bytes: ([\d.]+) us", text, re.M)[1])
    stream = re.search(r"^stream: ([\d.]+) GB/s", text, re.M)[1]
    latency, bandwidth = f"{small}us", f"{stream}GBps"
    copies = re.search(r"^copies: ([\d.]+) GB/s", text, re.M)[1]
    print(text)
    name = "" if hosts else "memory_"
    return f"cores=64,{name}latency={latency},{name}bandwidth={bandwidth}", copies


def main():
    cluster, copies = machine()
    print(f"--cluster {cluster} --copy-rate {copies}\n")
    print("| network | physics | component ranks | ML ranks | real (lowest to highest) | simulated | error |\n|---|---|---|---|---|---|---|")
    for name, network, levels, physics in CASES:
        for ranks, ml in ((1, 1), (2, 1), (4, 2), (6, 2)):
            plan = work / "plan.yaml"
            plan.write_text(PLAN.format(ml=ml, network=network, levels=levels, folder=work / "out"))
            words = ["--steps", 50, "--step-time", physics]
            real = sorted(step_of(run("mpirun", "--oversubscribe", "-np", ranks, *place("node1"), ekman, "mimic", plan, "--sleep",
                                      *words, ":", "-np", ml, *place("node2"), ekman, "serve", plan)) for _ in range(RUNS))
            own = ["--ml-per-node", 64] if hosts else []
            played = step_of(run(ekman, "simulate", plan, "--ranks", f"atmosphere={ranks}", "--cluster", cluster, "--copy-rate", copies, *own, *words))
            middle = statistics.median(real)
            print(f"| {name} | {physics} | {ranks} | {ml} | {middle:.2f} ms ({real[0]:.2f} to {real[-1]:.2f}) | {played:.2f} ms "
                  f"| {100 * (played / middle - 1):+.0f} % |", flush=True)


main()
