"""Two ML ranks of one network with other kernels under LibTorch each: the first one warns, naming both.

run_unlike.py MPIEXEC MODEL EKMAN PLAN_TEMPLATE WORK_DIR
"""
import os
import pathlib
import subprocess
import sys

if " avx2 " not in pathlib.Path("/proc/cpuinfo").read_text():
    sys.exit(77)   # one kind of kernels only: ctest calls it skipped
mpiexec, model, ekman, template, work = sys.argv[1:6]
work = pathlib.Path(work)
work.mkdir(parents=True, exist_ok=True)
plan = work / "plan.yaml"
plan.write_text(pathlib.Path(template).read_text().replace("@RANKS@", "2").replace("@TRANSPORT@", "auto"))


def warnings(*capabilities):
    """Of a job whose ML ranks have these ATEN_CPU_CAPABILITY."""
    job = [mpiexec, "--oversubscribe", "-np", "2", model, "blocks", "1", str(work / "out.txt")]
    for capability in capabilities:
        job += [":", "-np", "1", "env", f"ATEN_CPU_CAPABILITY={capability}", ekman, "serve", str(plan)]
    done = subprocess.run(job, check=True, timeout=60, stderr=subprocess.PIPE, text=True)
    return [line for line in done.stderr.splitlines() if "do not compute alike" in line]


alike, unlike = warnings("default", "default"), warnings("default", "avx2")
if alike or len(unlike) != 1 or "ML rank 0 on" not in unlike[0] or "ML rank 1 on" not in unlike[0]:
    sys.exit(f"alike: {alike}\nunlike: {unlike}")
