"""Runs two components, two networks each, on several rank counts; outputs must be equal bit for bit.

run_chain.py MPIEXEC MODEL EKMAN WORK_DIR
"""
import pathlib
import subprocess
import sys

mpiexec, model, ekman, work = sys.argv[1:5]
work = pathlib.Path(work)
work.mkdir(parents=True, exist_ok=True)


def network(component, name, source, target, chunk, transport):
    return f"""
  {component}_{name}:
    component: {component}
    network: {{builtin: mlp, hidden: [19], activation: tanh, seed: {chunk}}}
    chunk: {chunk}
    tile: 4
    transport: {transport}
    inputs: [{{fields: [{source}]}}]
    outputs: [{{fields: [{target}]}}]
"""


reference = None
for transport in ("auto", "point_to_point"):
    plan = work / f"{transport}.yaml"
    plan.write_text("ekman: 1\ncomponents: {atmosphere: {}, ocean: {}}\nnetworks:" + "".join(
        network(component, "first", "a", "b", 16, transport) + network(component, "second", "b", "d", 20, transport)
        for component in ("atmosphere", "ocean")))
    for ranks in (1, 2, 3):
        outputs = [work / f"{component}_{transport}_{ranks}.txt" for component in ("atmosphere", "ocean")]
        subprocess.run([mpiexec, "--oversubscribe", "-np", str(ranks), model, "atmosphere", str(outputs[0]),
                        ":", "-np", "1", model, "ocean", str(outputs[1]), ":", "-np", "4", ekman, "serve", str(plan)],
                       check=True, timeout=100)
        for output in outputs:
            bits = output.read_bytes()
            reference = reference or bits
            if bits != reference:
                sys.exit(f"{output} differs from the first one")
if len(set(reference.split())) < 200:
    sys.exit("the outputs hardly vary: nothing would be proved")
print("equal bits")
