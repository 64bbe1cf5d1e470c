"""A component that trains and does not define outputs: the same bits are learned as by one that gets them, what it does not
define does not travel, and what it does define comes as always.

run_pure_training.py MPIEXEC MODEL EKMAN PLAN_TEMPLATE WORK_DIR RESTART_TEMPLATE
"""
import pathlib
import subprocess
import sys

from training_jobs import TOTAL, check, ekman, model, mpiexec, template, work

restart_template = sys.argv[6]
STEPS = 11


def run(name, mode, transport="auto", ranks=2, ml_ranks=2, ids="cyclic", steps=STEPS, plan=template, cut=(), resume="", sets="",
        more=""):
    """Exit status, what was said, the lines of the model's file; `more`: lines more of the network's plan."""
    text = pathlib.Path(plan).read_text().replace("    training:\n", more + "    training:\n")
    for word, value in {"RANKS": ml_ranks, "TRANSPORT": transport, "NETWORK": work / "net.pt", "REPRODUCIBLE": "outputs",
                        "ACCUMULATE": 1, "OUTPUT": work / (sets or name), "RESUME": resume}.items():
        text = text.replace(f"@{word}@", str(value))
    if plan == template:
        text = text.replace("clip_norm: 0.5\n", "clip_norm: 0.5\n      checkpoint: {directory: kept, every: 10}\n")
    (work / f"{name}.yaml").write_text(text)
    out = work / f"{name}.txt"
    done = subprocess.run([mpiexec, "--oversubscribe", "-np", str(ranks), model, ids, str(steps), str(out), mode, *cut, ":",
                           "-np", str(ml_ranks), ekman, "serve", str(work / f"{name}.yaml")],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    lines = out.read_text().splitlines() if out.exists() else []
    return done.returncode, done.stdout, [line.split() for line in lines]


# Parameters, the optimizer's state and counters are in the file of the last step.
for ranks, ml_ranks, ids in ((2, 2, "cyclic"), (3, 1, "sparse")):
    bits, lines = {}, {}
    for transport in ("auto", "point_to_point"):
        for mode in ("get", "none", "ds"):
            name = f"{mode}_{ranks}x{ml_ranks}_{transport}"
            status, said, lines[mode] = run(name, mode, transport, ranks, ml_ranks, ids)
            check(f"{name}: it ends well", status == 0, said)
            bits[mode] = [file.read_bytes() for file in sorted((work / name / "kept").glob("mlp-*.safetensors"))]
            told = [line for line in said.splitlines() if "nobody gets" in line]
            nobody = {"get": [], "none": ["nobody gets dt, ds, which"], "ds": ["nobody gets dt, which"]}[mode]
            check(f"{name}: who gets nothing is told once",
                  len(told) == len(nobody) and all(words in line for words, line in zip(nobody, told)), said)
        check(f"the same is learned without outputs ({ranks}x{ml_ranks}, {transport})",
              len(bits["get"]) > 1 and bits["none"] == bits["get"] == bits["ds"], str(bits.keys()))
        check("one output of two comes as always", [row[-1] for row in lines["ds"][:TOTAL]] == [row[-1] for row in lines["get"][:TOTAL]])
        check("scalars come without outputs", lines["none"][TOTAL:] == lines["get"][TOTAL:] and len(lines["none"]) == TOTAL + STEPS)

status, said, _ = run("ask", "ask")
check("a get of what was not defined is an error", status != 0 and 'there is no field "dt" (defined: ' in said, said)
status, said, _ = run("typo", "typo")
check("a misspelt output is told",
      status == 0 and 'defines field "td", which no network of the plan uses' in said and 'did you mean "dt"?' in said and
      "nobody gets dt, ds" in said, said)

status, said, _ = run("guarded", "none", more="    guard: {nonfinite: abort}\n")
check("a guard looks at outputs that nobody gets",   # the model's masked points are no numbers
      status != 0 and 'guard of network "mlp": field "dt" is' in said and "the plan says abort" in said, said)

# A set that was written between two couplings has all outputs, whoever gets them.
status, said, whole = run("whole", "get", steps=15, plan=restart_template)
check("a run with a coupling period ends well", status == 0, said)
status, said, _ = run("cut", "none", steps=15, plan=restart_template, cut=("15", "ends"))
check("a set is written without outputs", status == 0, said)
for mode in ("get", "ds"):
    status, said, lines = run("resumed_" + mode, mode, steps=15, plan=restart_template, resume="resume: cut", sets="cut")
    columns = slice(1, None) if mode == "get" else slice(-1, None)
    check(f"it is gone on from with outputs ({mode})",
          status == 0 and [row[columns] for row in lines[:TOTAL]] == [row[columns] for row in whole[:TOTAL]] and
          any(int(row[-1], 16) for row in lines[:TOTAL]), said)
