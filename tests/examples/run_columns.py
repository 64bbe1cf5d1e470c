"""Runs the commands of examples/columns/README.md, shortened, then the coupled model on other rank counts: equal bits.

run_columns.py CMAKE BUILD WORK MPIRUN FLAGS...
"""
import os
import pathlib
import re
import shlex
import subprocess
import sys

from example import ROOT, prepare

CMAKE, BUILD, WORK, MPIRUN = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), shlex.join(sys.argv[4:])
SOURCE = ROOT / "examples/columns"
PREFIX = WORK / "prefix"


def shell(script):
    print(script, flush=True)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=WORK, stdout=subprocess.PIPE, text=True,
                          env=dict(os.environ, PREFIX=str(PREFIX), OMP_WAIT_POLICY="passive"), timeout=200)
    print(done.stdout, flush=True)
    if done.returncode != 0:
        sys.exit(f"exit status {done.returncode}")
    return done.stdout


def block_of(readme, language):
    return re.search(rf"```{language}\n(.*?)```", readme, re.DOTALL)[1]


def check(claim, holds):
    print(("ok: " if holds else "FAILED: ") + claim)
    if not holds:
        sys.exit(1)


def number(report, line, column=0):
    return float(re.search(rf"^{line} +(.*)$", report, re.MULTILINE)[1].split()[column])


def couple(ranks, threads, ml_ranks, transport, nproma):
    """The report of one coupled run."""
    plan = (WORK / "run/columns/plan.yaml").read_text()
    plan = plan.replace("    chunk:", f"    ranks: {ml_ranks}\n    transport: {transport}\n    chunk:")
    (WORK / "run/columns/other.yaml").write_text(plan)
    (WORK / "other.nml").write_text((WORK / "short.nml").read_text().replace("nproma = 50", f"nproma = {nproma}"))
    return shell(f"export OMP_NUM_THREADS={threads}\n"
                 f"{MPIRUN} -np {ranks} build-columns/columns_coupled other.nml 3"
                 f" : -np {2 * ml_ranks} $PREFIX/bin/ekman serve run/columns/other.yaml")


def bits_of(report):
    return re.findall(r"\b[0-9A-F]{16}\b", report)


def main():
    readme = (SOURCE / "README.md").read_text()
    diff = subprocess.run(["diff", "-U1", "--label", "columns.f90", "--label", "columns_coupled.f90", "columns.f90",
                           "columns_coupled.f90"], cwd=SOURCE, stdout=subprocess.PIPE, text=True).stdout
    check("the README shows the difference of the two programs", block_of(readme, "diff") == diff)

    prepare(CMAKE, BUILD, WORK, ("build-columns", "run"))
    setting = (SOURCE / "columns.nml").read_text()
    (WORK / "short.nml").write_text(setting.replace("days = 10.0", "days = 1.0").replace("10800.0", "3600.0"))
    commands = block_of(readme, "sh").replace("examples/columns/columns.nml", "short.nml")
    commands = commands.replace("mpirun", MPIRUN).replace("physics.pt", "physics.pt --epochs 8")
    printed = shell(commands)
    _, uncoupled, coupled = re.findall(r"^day 1\.0.*?^bits of heating[^\n]*\n", printed, re.DOTALL | re.MULTILINE)

    drift = number(coupled, "mean temperature") - number(uncoupled, "mean temperature")
    check(f"the mean temperature differs by {drift:.4f} K, less than 0.2 K", abs(drift) < 0.2)
    for field in ("heating", "moistening"):
        error = number(coupled, field, 1) / number(coupled, field)
        check(f"the error of the network's {field} is {error:.3f} of its root mean square, less than 0.4", error < 0.4)
    check("the built-in network answered", number(coupled, "latent heat", 1) > 1.0)
    check("five fields have checksums", len(set(bits_of(coupled))) == 5)
    for ranks, threads, ml_ranks, transport, nproma in ((1, 1, 1, "auto", 50), (3, 2, 2, "auto", 7),
                                                        (4, 2, 2, "point_to_point", 1000)):
        report = couple(ranks, threads, ml_ranks, transport, nproma)
        check(f"equal bits on {ranks} x {threads} threads and 2 x {ml_ranks} ML ranks, {transport}",
              bits_of(report) == bits_of(coupled))


main()
