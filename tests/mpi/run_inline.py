"""Networks with `placement: inline`: the bits of dedicated ML ranks on every rank count, alone and beside networks that have
ML ranks; and what is said where the plan, the file of a network or the ML ranks are missing.

run_inline.py MPIEXEC EXCHANGE_MODEL CHAIN_MODEL EKMAN WORK_DIR bits|mixed|mistakes
"""
import os
import pathlib
import re
import struct
import subprocess
import sys

import torch

mpiexec, model, chain, ekman, work, case = sys.argv[1:7]
work = pathlib.Path(work)
work.mkdir(parents=True, exist_ok=True)
TOTAL, TILE = 203, 8   # points of exchange_model
PLAN = """
ekman: 1
output: {directory: %s}
components: {atmosphere: {}}
networks:
  net:
    component: atmosphere
    network: %%s
    chunk: 32
    tile: %d
    inputs: [{fields: [t]}, {fields: [s]}]
    outputs: [{fields: [dt]}, {fields: [ds]}]
""" % (work, TILE)
MLP = PLAN.replace("[{fields: [t]}, {fields: [s]}]", "[{fields: [t, s]}]") \
    .replace("[{fields: [dt]}, {fields: [ds]}]", "[{fields: [dt, ds]}]") % "{builtin: mlp, hidden: [33, 17], activation: tanh}" \
    + "    normalize: {t: {mean: 20000, std: 10000}, s: {mean: 20000, std: 10000}}\n"
INLINE, RANKS = "    placement: inline\n", "    ranks: 2\n"


class Columns(torch.nn.Module):
    """Its outputs depend on the place in the tile too, and on the number of rows that the tile has."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.first, self.second = torch.nn.Linear(6, 37), torch.nn.Linear(37, 6)

    def forward(self, t, s):
        y = self.second(torch.tanh(self.first(torch.cat([t, s], 1) * 1e-4)))
        y = y + torch.arange(t.shape[0], device=t.device).unsqueeze(1) * 0.25 + t.shape[0]
        return y[:, :5], y[:, 5:]


class Count(torch.nn.Module):
    """The number of rows that are not zero."""

    def forward(self, t, s):
        rows = torch.count_nonzero(t.abs().sum(1)).to(t.dtype)
        return rows.expand(t.shape[0], 5), rows.expand(t.shape[0], 1)


class OneOutput(torch.nn.Module):
    def forward(self, t, s):
        return t


for network in (Columns, Count, OneOutput):
    torch.jit.script(network()).save(str(work / f"{network.__name__}.pt"))


def write(name, text):
    plan = work / f"{name}.yaml"
    plan.write_text(text)
    return plan


def run(groups, ml_ranks=0, plan=None, env_plan=None):
    """groups: one for each component, its ranks and command line. Returns (status, what was printed)."""
    job = [mpiexec, "--oversubscribe"]
    for ranks, *command in groups:
        job += ["-np", str(ranks), *map(str, command), ":"]
    job = job[:-1] + ([":", "-np", str(ml_ranks), ekman, "serve", str(plan)] if ml_ranks else [])
    env = {name: value for name, value in os.environ.items() if name != "EKMAN_PLAN"}
    if env_plan is not None:
        env["EKMAN_PLAN"] = str(env_plan)
    try:
        done = subprocess.run(job, timeout=90, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
    except subprocess.TimeoutExpired as late:
        return None, f"still running after 90 s: {job}\n{late.stdout}"
    return done.returncode, done.stdout


def check(what, holds, printed=""):
    print(("ok: " if holds else "FAILED: ") + what, flush=True)
    if not holds:
        sys.exit(printed)


def outputs(what, ranks, ids, **how):
    out = work / "out.txt"
    out.unlink(missing_ok=True)
    status, said = run([(ranks, model, ids, 3, out)], **how)
    check(f"{what} on {ranks} ranks, {ids}", status == 0 and out.exists(), said)
    return out.read_text(), said


def bits():
    for name, text in (("mlp", MLP), ("torchscript", PLAN % "{torchscript: Columns.pt}"),
                       ("threads", PLAN % "{torchscript: Columns.pt}" + "    wire: float64\n    threads: 2\n"),
                       ("inference", PLAN % "{torchscript: Columns.pt}" + "    optimize: inference\n    compute: bfloat16\n")):
        reference, _ = outputs(f"{name}, dedicated", 2, "blocks", ml_ranks=2, plan=write(name, text + RANKS))
        check(f"the outputs of {name} vary", len(set(reference.split())) > (100 if name == "inference" else 500), reference)
        inline = write(f"{name}_inline", text + INLINE)
        for ranks in (1, 2, 3, 4) if name in ("mlp", "torchscript") else (3,):
            ids = ("blocks", "cyclic")[(ranks + (name == "mlp")) % 2]
            found, said = outputs(f"{name}, inline", ranks, ids, env_plan=inline)
            check("its bits are those of dedicated ML ranks", found == reference, f"{inline}\n{said}")
            check("enddef says what runs", f'network "net" runs inline on {ranks} of {ranks} ranks, cpu' in said, said)
    tiles = (TOTAL + TILE - 1) // TILE
    check("enddef counts tiles that are run", f"{tiles} tiles of {TILE}, of which {4 * tiles - 1} are run" in
          outputs("mlp, inline", 4, "cyclic", env_plan=work / "mlp_inline.yaml")[1])
    record = (work / "ekman-run.yaml").read_text()
    check("ekman-run.yaml is of this run", "4 ranks of component atmosphere" in record and "runs inline on 4 of 4" in record
          and "placement: inline" in record, record)


def zeros():
    """On 4 ranks with ids dealt in turn, a tile of 8 holds 2 rows of each rank, the last one, of 3, one or none."""
    plan = write("count_inline", PLAN % "{torchscript: Count.pt}" + INLINE)
    rows, said = outputs("count of rows, inline", 4, "cyclic", env_plan=plan)
    expected = [2.0] * (TOTAL // TILE * TILE) + [1.0] * (TOTAL % TILE)
    found = [struct.unpack(">d", bytes.fromhex(line.split()[1].zfill(16)))[0] for line in rows.splitlines()]
    check("rows of other ranks are zero", found == expected, f"{found}\n{said}")


def mixed():
    """Two networks of two components each: first on ML ranks and then inline, or the other way round."""
    def network(component, number, source, target, more):
        return (f"  {component}_{number}:\n    component: {component}\n    chunk: 16\n    tile: 4\n"
                f"    network: {{builtin: mlp, hidden: [19], activation: tanh, seed: {number}}}\n"
                f"    inputs: [{{fields: [{source}]}}]\n    outputs: [{{fields: [{target}]}}]\n" + more)

    reference = None
    for name, more in {"dedicated": ("", ""), "inline second": ("", INLINE), "inline first": (INLINE, ""),
                       "inline both": (INLINE, INLINE)}.items():
        plan = write(name.replace(" ", "_"), "ekman: 1\ncomponents: {atmosphere: {}, ocean: {}}\nnetworks:\n" + "".join(
            network(component, 1, "a", "b", more[0]) + network(component, 2, "b", "d", more[1])
            for component in ("atmosphere", "ocean")))
        for ranks in (1, 2):
            files = [work / f"{component}.txt" for component in ("atmosphere", "ocean")]
            ml_ranks = 2 * more.count("")
            status, said = run([(ranks, chain, "atmosphere", files[0]), (3 - ranks, chain, "ocean", files[1])], ml_ranks, plan,
                               None if ml_ranks else plan)
            check(f"{name} on {ranks} and {3 - ranks} ranks", status == 0, said)
            for file in files:
                reference = reference or file.read_bytes()
                check(f"the bits of {file.name} are those of ML ranks", file.read_bytes() == reference)
    check("the outputs vary", len(set(reference.split())) >= 200)


def mistakes():
    inline, dedicated = write("inline", MLP + INLINE), write("dedicated", MLP)
    missing = write("missing", PLAN % "{torchscript: nowhere.pt}" + INLINE)
    other = write("other", PLAN % "{torchscript: OneOutput.pt}" + INLINE)
    bad = write("bad", MLP + INLINE + "    chnk: 7\n")
    here = (3, model, "cyclic", 2, work / "out.txt")
    for what, words, how in (
            ("no ML rank and no EKMAN_PLAN", ["no ML rank in this job", "EKMAN_PLAN"], {}),
            ("EKMAN_PLAN is empty", ["no ML rank in this job"], {"env_plan": ""}),
            ("no file", ["nowhere.yaml", "cannot be read"], {"env_plan": "/nowhere.yaml"}),
            ("a bad plan", ["bad.yaml:", 'unknown key "chnk"'], {"env_plan": bad}),
            ("a network that wants ML ranks", ["no ML rank in this job, but net of the plan", "-np 1 ekman serve"],
             {"env_plan": dedicated}),
            ("no file of the network", ['network "net"', "nowhere.pt"], {"env_plan": missing}),
            ("a network of another shape", ['network "net"'], {"env_plan": other}),
            ("ML ranks that no network wants", ["all have placement: inline", "EKMAN_PLAN="], {"ml_ranks": 1, "plan": inline})):
        status, said = run([here], **how)
        errors = re.findall(r"ekman: error: .*", said)
        lines = [line for line in said.splitlines() if "error" in line and "nowhere.pt" not in line]
        told = " ".join(errors) + " ".join(lines)
        check(f"{what}: {len(errors)} line", status not in (0, None) and len(errors) == 1 and all(word in told for word in words),
              said)
    status, said = run([here], 1, dedicated, inline)
    check("another plan in EKMAN_PLAN is told, and that of the ML ranks counts",
          status == 0 and said.count("which counts") == 1 and "inline.yaml" in said and "runs inline" not in said, said)
    status, said = run([here], 1, dedicated, dedicated)
    check("the same plan is none", status == 0 and "which counts" not in said, said)


{"bits": lambda: (bits(), zeros()), "mixed": mixed, "mistakes": mistakes}[case]()
