"""Runs one model on many rank counts and compares its outputs bit for bit.

run_bits.py MPIEXEC MODEL EKMAN PLAN_TEMPLATE WORK_DIR NUMBERING...
"""
import pathlib
import subprocess
import sys

mpiexec, model, ekman, template, work = sys.argv[1:6]
work = pathlib.Path(work)
work.mkdir(parents=True, exist_ok=True)
reference, compared = None, 0
for ml_ranks in (1, 2, 3):
    for transport in ("auto", "point_to_point"):
        plan = work / f"plan_{ml_ranks}_{transport}.yaml"
        text = pathlib.Path(template).read_text()
        plan.write_text(text.replace("@RANKS@", str(ml_ranks)).replace("@TRANSPORT@", transport))
        for ranks in (1, 2, 3, 4):
            # Each pair of rank counts sees both orders of ids, one on each transport.
            ids = ("blocks", "cyclic")[(ranks + ml_ranks + (transport == "auto")) % 2]
            out = work / f"out_{ranks}_{ml_ranks}_{transport}_{ids}.txt"
            command = [mpiexec, "--oversubscribe", "-np", str(ranks), model, ids, "3",
                       str(out), ":", "-np", str(ml_ranks), ekman, "serve", str(plan)]
            subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL)
            bits = out.read_bytes()
            if reference is None:
                reference = bits
                if len(set(bits.split())) < 500:
                    sys.exit("the outputs hardly vary: nothing would be proved")
            elif bits != reference:
                sys.exit(f"{out} differs from the first run: {' '.join(command)}")
            compared += 1
print(f"{compared} runs, equal bits")
