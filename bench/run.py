"""Runs the benches, says on what, and prints all their lines `ratio ...` together at the end.

run.py BUILD WORK [--core CORE] [--rate RATE] [--brief] [NAME ...]
  BUILD   of `cmake -DEKMAN_BENCH=ON`; WORK: a folder for plans, networks and what was printed
  CORE    OPENBLAS_CORETYPE for all programs, Ekman and references; without it OpenBLAS chooses
  RATE    of the wire between two nodes that are none, as tc has it: 10gbit; as fast as it goes by default
  brief   sees that each bench still ends well and prints figures, in few pairs and short blocks: they say nothing
  NAME    only these; a new bench is a function in jobs.py and a line in its BENCHES
Ends with 1 if one of them failed; what cannot run here (77) is skipped, and said.
"""
import argparse
import os
import pathlib
import platform
import subprocess
import sys
import time

import jobs

SKIPPED = 77
MOST = 60    # seconds of a command in a brief run, so that one that hangs is told, and the others are run
BUSY = 0.2   # cores that others may keep busy on a quiet machine


def ticks():
    """(busy, all) of all cores since the start."""
    values = [int(word) for word in pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return sum(values) - values[3] - values[4], sum(values)


def cores_busy(seconds=1.0):
    """Cores that others keep busy now."""
    busy, total = ticks()
    time.sleep(seconds)
    now_busy, now_total = ticks()
    return os.cpu_count() * (now_busy - busy) / max(1, now_total - total)


def first_line(command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout.split("\n")[0]


def value_of(path, key):
    for line in pathlib.Path(path).read_text().split("\n"):
        if line.startswith(key):
            return line.split(":")[-1].split("=")[-1].strip(' "')
    return "unknown"


def openblas_core():
    """What OpenBLAS takes in a process of its own with this environment."""
    code = ("import ctypes, torch\n"
            "paths = {line.split()[-1] for line in open('/proc/self/maps') if 'openblas' in line}\n"
            "for path in sorted(path for path in paths if '/libopenblas' in path)[:1]:\n"
            "    name = ctypes.CDLL(path).openblas_get_corename; name.restype = ctypes.c_char_p\n"
            "    print('OpenBLAS', name().decode())")
    return first_line([sys.executable, "-c", code]) or "not OpenBLAS"


def describe():
    import torch
    core = openblas_core()
    print(f"# {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores of {value_of('/proc/cpuinfo', 'model name')}, "
          f"{value_of('/etc/os-release', 'PRETTY_NAME')}, Linux {platform.release()}")
    print(f"# LibTorch {torch.__version__}, {core} ({asked_core()}), {first_line(['mpirun', '--version'])}")
    print(f"# load average {' '.join(f'{load:.2f}' for load in os.getloadavg())}, vector instructions of LibTorch's own "
          f"kernels: {torch.backends.cpu.get_cpu_capability() if hasattr(torch.backends, 'cpu') else 'unknown'}", flush=True)


def asked_core():
    core = os.environ.get("OPENBLAS_CORETYPE")
    return f"OPENBLAS_CORETYPE={core}" if core else "OPENBLAS_CORETYPE not set"


def quiet():
    busy = cores_busy()
    if busy > BUSY:
        print(f"# WARNING: others keep {busy:.1f} cores busy: the figures below are not to be trusted", flush=True)
    return busy <= BUSY


def run(command, log, brief):
    """Prints what the command prints, as it comes; its lines that begin with `ratio`, and what went wrong."""
    # mpirun takes its ranks along when it is interrupted, not when it is terminated.
    words = [str(word) for word in (*(["timeout", "-s", "INT", "-k", 10, MOST] if brief else []), *command)]
    lines, figures, told = [], False, " ".join(words)
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            log.write(line)
            figures = figures or not line.startswith("#")
            if line.startswith(("ratio", "#", "skipped")):
                print(line, end="", flush=True)
            if line.startswith("ratio"):
                lines.append(line)
    if process.returncode == SKIPPED:
        lines.append(f"SKIPPED {told}\n")
    elif process.returncode != 0 or not figures:
        print(f"# FAILED with {process.returncode}{'' if figures else ', no figures'}: {told}", flush=True)
        lines.append(f"FAILED {told}\n")
    return lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--core")
    parser.add_argument("--rate")
    parser.add_argument("--brief", action="store_true")
    parser.add_argument("names", nargs="*")
    asked = parser.parse_intermixed_args()
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "EKMAN_BENCH_BRIEF", "EKMAN_BENCH_RATE"):
        os.environ.pop(name, None)
    if asked.core:
        os.environ["OPENBLAS_CORETYPE"] = asked.core
    if asked.rate:
        os.environ["EKMAN_BENCH_RATE"] = asked.rate
    if asked.brief:
        os.environ["EKMAN_BENCH_BRIEF"] = "1"
    asked.build, asked.work = asked.build.resolve(), asked.work.resolve()   # plans name files from their own folder
    unknown = set(asked.names) - jobs.BENCHES.keys()
    if unknown:
        sys.exit(f"there is no bench {sorted(unknown)}; there are {', '.join(jobs.BENCHES)}")
    asked.work.mkdir(parents=True, exist_ok=True)
    if not asked.brief:
        describe()
    lines, all_quiet, begin = [], True, time.monotonic()
    with open(asked.work / "bench.log", "w", encoding="utf8") as log:
        for name in asked.names or jobs.BENCHES:
            print(f"# {name}", flush=True)
            all_quiet = asked.brief or (quiet() and all_quiet)
            for command in jobs.BENCHES[name](asked.build, asked.work):
                lines += run(command, log, asked.brief)
    state = "brief: these figures say nothing" if asked.brief else "quiet" if all_quiet else "NOT QUIET"
    print(f"\n# all, after {time.monotonic() - begin:.0f} s, {state}, {asked_core()}")
    print("".join(lines), end="", flush=True)
    sys.exit(any(line.startswith("FAILED") for line in lines))


main()
