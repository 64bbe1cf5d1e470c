"""Fuzzes each target for some seconds, one after the other: run.py BUILD SECONDS. Fails if any input breaks a promise.

New inputs gather in BUILD/corpus; findings in BUILD/findings, to go into tests/fuzz/corpus with their fix.
"""
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
build, seconds = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
programs = build / "tests/fuzz"
SEEDS = {
    "plan_parser": [ROOT / "configs", ROOT / "tests/plans_bad"],
    "plan_bytes": [programs / "seeds/plan_bytes"],
    "wire": [programs / "seeds/wire"],
}
failed = []
for target, seeds in SEEDS.items():
    corpus, findings = build / "corpus" / target, build / "findings" / target
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    print(f"{target}: {seconds} s", flush=True)
    done = subprocess.run(
        [programs / f"fuzz_{target}", f"-max_total_time={seconds}", "-max_len=8192", "-timeout=5", "-rss_limit_mb=1024",
         "-print_final_stats=1", f"-artifact_prefix={findings}/", corpus, HERE / "corpus" / target, *seeds],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        env={**os.environ, "UBSAN_OPTIONS": "print_stacktrace=1"})
    coverage = re.findall(r"cov: (\d+)", done.stdout) or ["0"]
    runs = re.findall(r"number_of_executed_units: (\d+)", done.stdout) or ["0"]
    print(f"{target}: {runs[-1]} runs, {coverage[-1]} edges covered, status {done.returncode}", flush=True)
    if done.returncode != 0 or runs[-1] == "0":
        failed.append(target)
        print(done.stdout[-6000:])
if failed:
    print(f"findings of {', '.join(failed)}: {build / 'findings'}")
sys.exit(bool(failed))
