"""Restart sets of networks with `placement: inline`: cut before any step, on other numbers of ranks, without ML ranks or beside
them, and with networks that change their placement between the runs.

run_inline_restart.py MPIEXEC MODEL EKMAN TEMPLATE WORK_DIR
"""
import os
import re
import subprocess
import sys

from restart_jobs import Jobs

jobs = Jobs(*sys.argv[1:6])
NETWORKS = ["none", "accumulate", "average", "minimum", "maximum", "guarded"]


def placed(names):
    """Changes a plan: these networks run inline."""
    def change(plan):
        for name in names:
            head, body = plan.split(f"\n  {name}:\n")
            block, rest = re.match(r"((?:    [^\n]*\n?)*)(.*)", body, re.S).groups()
            block = re.sub(r"    ranks: .*\n", "", block)
            plan = f"{head}\n  {name}:\n    placement: inline\n{block}{rest}"
        return plan
    return change


def run(name, inline, **how):
    command = jobs.command(name, change=placed(inline), **how)
    at = command.index("serve")
    ml_ranks = 0
    for network in NETWORKS:
        ranks = how.get("ml_ranks", (2, 1))
        ml_ranks += 0 if network in inline else ranks[0] if network == "accumulate" else \
            ranks[1] if network in ("average", "guarded") else 1
    env = dict(os.environ)
    if ml_ranks > 0:
        command[at - 2] = str(ml_ranks)
    else:
        env["EKMAN_PLAN"] = command[at + 1]
        command = command[:at - 4]
    try:
        done = subprocess.run(command, timeout=90, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
    except subprocess.TimeoutExpired as late:
        sys.exit(f"FAILED: {name} still runs after 90 s\n{late.stdout}")
    return done.returncode, done.stdout


def go(claim, name, inline, first=1, **how):
    status, said = run(name, inline, **how)
    if status != 0:
        sys.exit(f"FAILED: {claim} ended with {status}\n{said}")
    expected, found = jobs.values("dedicated", first), jobs.values(name, first)
    different = sorted(set(expected) ^ set(found))
    if not expected or different:
        sys.exit(f"FAILED: {claim}: {len(different)} of {len(expected)} lines differ:\n" + "\n".join(different[:20]))
    print(f"ok: {claim}, {len(expected)} lines equal", flush=True)


def refuse(claim, words, **how):
    status, said = run("wrong", NETWORKS, **how)
    errors = [line for line in said.splitlines() if "ekman: error:" in line]
    if status == 0 or len(errors) != 1 or any(word not in errors[0] for word in words):
        sys.exit(f"FAILED: {claim}: {status}\n{said}")
    print(f"ok: {claim}: {errors[0]}", flush=True)


go("a run on ML ranks", "dedicated", [], sets="dedicated", what="cuts")
go("the same inline, which writes sets", "inline", NETWORKS, what="cuts")
for step in range(2, 8):
    go(f"cut before step {step}", "resumed", NETWORKS, step, resume=f"before-{step}", ranks=(2, 3, 1, 4)[step % 4])
some = ["accumulate", "guarded", "maximum"]
go("some inline, cut in step 5 and written anew", "mixed", some, 5, resume="before-5", what="cuts", ranks=3)
go("the others, from that set", "others", [name for name in NETWORKS if name not in some], 6, resume="before-6")
go("all on ML ranks, from a set of inline networks", "back", [], 7, resume="before-7", sets="sets")
go("all inline, from a set of ML ranks", "inline_again", NETWORKS, 6, resume="before-6", sets="dedicated", ranks=4)
refuse("a set that is not there", ["nowhere", "there is no restart set"], resume="nowhere")
text = jobs.template
jobs.template = text.replace("x-third: &third\n", "x-third: &third\n  wire: float64\n")
refuse("a set of another plan", ["does not fit this job", "wire"], resume="before-5")
jobs.template = text
os.chmod(jobs.work, 0o755)
(jobs.work / "file").write_text("in the way")
refuse("a set that cannot be written", ["file"], what="cuts", sets="file")
