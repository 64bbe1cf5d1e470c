"""`ekman check` by its streams and exit status, its outputs by what reads them: jsonschema, Graphviz, `ekman check` itself.

run_check.py EKMAN CONFIGS WORK_DIR
"""
import json
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree

import jsonschema
import torch
import yaml

ekman, configs, work = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
work.mkdir(parents=True, exist_ok=True)
wrong, answers = [], {}


def check(*arguments):
    """What was asked of the same plan before is not asked again."""
    texts = tuple(path.read_text() for path in arguments if isinstance(path, pathlib.Path) and path.is_file())
    if (arguments, texts) not in answers:
        answers[arguments, texts] = subprocess.run([ekman, "check", *map(str, arguments)], capture_output=True, text=True,
                                                   timeout=60)
    return answers[arguments, texts]


def expect(claim, holds, found):
    if not holds:
        wrong.append(f"{claim}\n--- found\n{found}")


class PlanLoader(yaml.SafeLoader):
    """YAML 1.2 scalars, as plans and editors have them: on, off and dates are texts."""


PlanLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}

# The schema.
schema_text = check("--schema").stdout
schema = json.loads(schema_text)
jsonschema.Draft202012Validator.check_schema(schema)
expect("configs/plan.schema.json is what `ekman check --schema` prints; write it anew",
       (configs / "plan.schema.json").read_text() == schema_text, "another text")
validator = jsonschema.Draft202012Validator(schema)
plans = sorted(configs.glob("*.yaml"))
for plan in plans:
    problems = [error.message for error in validator.iter_errors(yaml.load(plan.read_text(), PlanLoader))]
    expect(f"{plan.name} fits the schema", not problems, problems)
GOOD = """
ekman: 1
components:
  air: {timestep: PT10M, points: 5000, fields: {t: {levels: 8, units: K}, q: {levels: 8}, dt: {levels: 8}, old: {levels: 8}}}
networks:
  net:
    component: air
    ranks: 2
    network: {torchscript: net.pt}
    coupling_period: PT30M
    inputs: [{fields: [t, q]}]
    outputs: [{fields: [dt]}]
    guard: {dt: {min: -1.0, max: 1.0, on_violation: fallback, fallback: old}, nonfinite: fallback}
"""
expect("the schema takes the good plan", validator.is_valid(yaml.load(GOOD, PlanLoader)), "a problem")
for there, instead in [("ranks: 2", "rank: 2"), ("ranks: 2", "ranks: 0"), ("PT30M", "30 min"), ("ekman: 1", "ekman: 2"),
                       ("component: air", ""), ("[t, q]", "[]"), ("levels: 8", "levels: many"), ("fallback: old", "lag: 1")]:
    expect(f"the schema refuses {instead!r}", not validator.is_valid(yaml.load(GOOD.replace(there, instead), PlanLoader)),
           "no problem")

# What is recorded, and a network that runs nothing.
recorded = work / "recorded.yaml"
recorded.write_text(GOOD.replace("network: {torchscript: net.pt}", "network: none").replace("    outputs: [{fields: [dt]}]\n", "")
                    .partition("    guard:")[0] + "output: {directory: run, record: {every: 4, max_bytes: 1048576}}\n")
for words in ["runs nothing: what comes is recorded",
              "t, q every 4 exchanges to run/recording.h5; 312 KiB a record before it is compressed, up to 1.0 MiB of files an ML rank"]:
    expect(f"of a recorder it says: {words}", words in " ".join(check(recorded).stdout.split()), check(recorded))
# The list of built-in networks, from the table of keys.
listed = subprocess.run([ekman, "networks"], capture_output=True, text=True, timeout=60)
rows = subprocess.run([ekman, "keys"], capture_output=True, text=True, timeout=60).stdout
builtins = schema["properties"]["networks"]["additionalProperties"]["properties"]["network"]
builtins = next(part for part in builtins.get("anyOf", [builtins]) if "properties" in part)["properties"]["builtin"]["enum"]
expect("`ekman networks` ends well", listed.returncode == 0 and listed.stderr == "", listed)
expect("it lists the networks that a plan may name", re.findall(r"^(\w+): \w", listed.stdout, re.MULTILINE)[:5] == builtins,
       (builtins, listed.stdout))
fno = listed.stdout[listed.stdout.index("\nfno: "):]
for key in ("width", "modes", "layers", "padding.y", "padding.x", "activation", "seed"):
    row = next(line for line in rows.splitlines() if line.startswith(f"| `networks.*.network.{key}` |"))
    _, _, values, default, meaning, _ = (part.strip() for part in row.split("|"))
    default = f"default {default.strip('`')}" if default else "must be given"
    expect(f"the fno takes {key}, as `ekman keys` has it",
           re.search(rf"^  {re.escape(key)} +{re.escape(values)}; {default}\n +{re.escape(meaning)}$", fno, re.MULTILINE), fno)

# A network that runs behind its component.
lagged = work / "lagged.yaml"
lagged.write_text(GOOD.replace("ranks: 2", "lag: 1\n    ranks: 2"))
for words in ["exchange every 3 steps (PT30M), the last inputs; get returns the exchange before",
              "each at most 576 KiB of chunk buffers (3 chunks, twice for the lag)"]:
    expect(f"with lag it says: {words}", words in " ".join(check("--no-load", lagged).stdout.split()), check("--no-load", lagged))

# Streams and status.
plan = work / "plan.yaml"
plan.write_text(GOOD)
torch.jit.script(torch.nn.Linear(16, 8)).save(str(work / "net.pt"))
done = check(plan)
expect("a good plan passes in silence", done.returncode == 0 and done.stderr == "", done)
for words in ["air, step PT10M, 5000 points", "TorchScript net.pt, 136 parameters, opened and tried",
              "air: t(8), q(8) -> dt(8)", "exchange every 3 steps (PT30M), the last inputs",
              "5 chunks of 1024 points, the last has 904; tiles of 256 on a CPU",
              "312 KiB in, 156 KiB out an exchange, float32", "0 to 1; device auto, 1 thread each",
              "each at most 288 KiB of chunk buffers (3 chunks) and 544 B of weights", "dt in [-1, 1], else fall back (from old)",
              "2 ML ranks in all", "0 errors, 0 warnings, 0 hints"]:
    expect(f"the summary says: {words}", words in done.stdout, done.stdout)
expect("the summary is one page", len(done.stdout.splitlines()) < 50 and max(len(line.replace(str(work), "")) for line in done.stdout.splitlines()) <= 110,
       done.stdout)

bad = work / "bad.yaml"
bad.write_text(GOOD.replace("ranks: 2", "ranks: many").replace("[t, q]", "[t, t]"))
done = check(bad)
expect("all problems, then the count; status 1",
       done.returncode == 1 and done.stdout == "" and len(done.stderr.splitlines()) == 3 and
       re.search(r"bad.yaml:8:12: error: .*\n.*bad.yaml:11:27: error: .*\n.*2 errors", done.stderr), done)

bad.write_text(GOOD.replace("points: 5000", "points: 900").replace("ranks: 2", "ranks: 2\n    x-note: none"))
done = check(bad)
expect("a hint leaves the status", done.returncode == 0 and ":8:12: hint: 1 of 2 ML ranks are idle" in done.stderr, done)
expect("a hint leaves it with --strict too", check("--strict", bad).returncode == 0, "1")
bad.write_text(GOOD.replace("components:", "components:\n  sea: {}"))
expect("a warning leaves the status", check(bad).returncode == 0, check(bad))
expect("a warning fails with --strict", check("--strict", bad).returncode == 1, check(bad))

bad.write_text(GOOD.replace("net.pt", "none.pt"))
done = check(bad)
expect("a missing network is an error at its line",
       done.returncode == 1 and re.search(r"bad.yaml:9:14: error: network .net.: .*none.pt", done.stderr), done)
expect("it is not looked for with --no-load", check("--no-load", bad).returncode == 0, check("--no-load", bad))
bad.write_text(GOOD.replace("q: {levels: 8}", "q: {levels: 9}"))
done = check(bad)
expect("forward is tried", done.returncode == 1 and "shape [256, 17]" in done.stderr, done)
bad.write_text(GOOD.replace("q: {levels: 8}, ", "").replace("net.pt", "none.pt"))
done = check(bad)
expect("a file is opened although levels are missing",
       done.returncode == 1 and re.search("hint: without the levels of q .*\n.*error: network .net.: .*none.pt", done.stderr), done)
bad.write_text(GOOD.replace("q: {levels: 8}, ", ""))
expect("without levels a file is opened only", ", opened\n" in check(bad).stdout, check(bad))
expect("a missing plan is named", "none.yaml:1:1: error: the file cannot be read" in check(work / "none.yaml").stderr, "")
expect("a plan is asked for", check().returncode == 1 and "needs a plan" in check().stderr, check())

# Learning: what it is from, and what travels for it.
learning = work / "learning.yaml"
LEARNING = """
ekman: 1
components:
  air: {timestep: PT10M, points: 5000,
        fields: {t: {levels: 8}, q: {levels: 8}, dt: {levels: 8}, dt_true: {levels: 8}, area: {levels: 1}}}
networks:
  net:
    component: air
    ranks: 2
    network: {builtin: mlp, hidden: [16]}
    inputs: [{fields: [t, q]}]
    outputs: [{fields: [dt]}]
    training:
      targets: {dt: dt_true}
      weights: area
      loss: [{huber: {fields: [dt], delta: 0.1}, weight: 0.4}]
      optimizer: {adamw: {lr: 1.0e-3, betas: [0.9, 0.99]}}
      schedule: {cosine: {steps: 1000, warmup: 10}}
      delay: 2
      accumulate: 8
      validation: {fraction: 0.1, block: 64}
      checkpoint: {directory: saved, every: 50}
"""
learning.write_text(LEARNING)
done = check("--no-load", learning)
expect("a plan that learns passes in silence", done.returncode == 0 and done.stderr == "", done)
for words in ["312 KiB in and 176 KiB of truth, 156 KiB out an exchange, less outputs that the", "(3 chunks)",
              "dt from dt_true, put 2 exchanges later",
              "0.4 huber of dt, weighted by area",
              "adamw, lr 0.001, cosine over 1000 steps after 10 of warm-up; a step in 8 exchanges",
              "10 % of the points validate; checkpoint every 50 steps"]:
    expect(f"the summary says: {words}", words in done.stdout, done.stdout)
expect("the schema takes it", validator.is_valid(yaml.load(LEARNING, PlanLoader)), "a problem")
for there, instead in [("betas: [0.9, 0.99]", "betas: 0.9"), ("delta: 0.1", "beta: 0.1"), ("lr: 1.0e-3, ", ""),
                       ("fraction: 0.1, ", "")]:
    expect(f"the schema refuses {instead!r} in a training section",
           not validator.is_valid(yaml.load(LEARNING.replace(there, instead), PlanLoader)), "no problem")
for there, instead, words in [
        ("      checkpoint: {directory: saved, every: 50}\n", "", "warning: what network \"net\" learns is lost at the end"),
        (", block: 64", "", "hint: neighbouring points are alike"),
        ("    training:", "    x-training:", "warning: no network uses field \"area\""),
        ("q: {levels: 8}", "q: {}", "hint: without the levels of q neither")]:
    learning.write_text(LEARNING.replace(there, instead))
    expect(f"it is told: {words}", words in check("--no-load", learning).stderr, check("--no-load", learning))
learning.write_text(LEARNING.replace("dt: {levels: 8}, ", ""))
done = check("--no-load", learning)
expect("an output has the levels of its target",
       done.stderr == "" and "air: t(8), q(8) -> dt(8)" in done.stdout and "156 KiB out" in done.stdout, done)
learning.write_text(LEARNING)

# What learning takes, by hand: rows of 64 B of inputs (of 3 exchanges) and 36 B of truth, 3 chunks of 1024 on the rank that owns most,
# 16 * 16 + 16 + 16 * 8 + 8 = 408 parameters in float32. Replay: 1000 * 3072 / 5000 + 3 = 617 samples and a tile of 256,
# each with an id of 8 B.
learning.write_text(LEARNING.replace("      accumulate: 8", "      replay: {capacity: 1000}"))
done = check(learning)
words = " ".join(done.stdout.split())
expect("the summary says what learning takes",
       "to learn each at most 684 KiB of copies to learn from, 92 KiB of replay, 1.6 KiB of gradients, 3.2 KiB of optimizer state, "
       "1.6 KiB of best weights" in words, done)
# 4 exchanges of 3072 rows of 16 inputs, 16 activations and 8 outputs; nothing is known of 408 parameters unless loaded.
learning.write_text(re.sub(r"    training:.*", "    tape: 4\n    training: {optimizer: {sgd: {lr: 0.1}}}\n", LEARNING, flags=re.S))
words = " ".join(check("--no-load", learning).stdout.split())
expect("the summary says what a tape takes",
       "to learn each at most 1.9 MiB of tape; not known without points, levels or the network: gradients, optimizer state" in words,
       words)

# What it learns by is tried too: all mistakes, each at its key, with the levels of fields or without.
WRONG = LEARNING.replace("builtin: mlp, hidden: [16]", "torchscript: net.pt").replace(
    "[{huber: {fields: [dt], delta: 0.1}, weight: 0.4}]", "[{torchscript: nothere.pt}, {method: lossy}]").replace(
    "      accumulate: 8", "      frozen: [weigth, 'encoder.*']\n      resume: nothere.safetensors\n      accumulate: 8")
for plan_text in [WRONG, WRONG.replace("q: {levels: 8}, ", "")]:
    learning.write_text(plan_text)
    done = check(learning)
    for words in ["16:28: error: network .net.: the loss .*nothere.pt does not exist; check `torchscript` under `loss`",
                  "16:50: error: network .net.: the loss lossy.. of .*net.pt does not exist",
                  "20:16: error: network .net.: .weigth. under `frozen` is no parameter; did you mean .weight.",
                  "20:24: error: network .net.: .encoder... under `frozen` is no parameter; .*.its parameters are: weight, bias",
                  "21:15: error: checkpoint .*nothere.safetensors cannot be read", "5 errors"]:
        expect(f"it finds: {words}", done.returncode == 1 and re.search(words, done.stderr), done)
learning.write_text(LEARNING.replace("saved, every: 50}", "saved, every: 50}\n      resume: best"))
expect("the best weights that it resumes from must be there",
       re.search("23:15: error: checkpoint .*saved/net-best.safetensors cannot be read", check(learning).stderr), check(learning))
learning.write_text(LEARNING)

# The resolved plan is a plan, and resolves to itself; drawings can be drawn.
for path in [*plans, plan, learning]:
    resolved = work / "resolved.yaml"
    resolved.write_text(check("--no-load", "--resolved", path).stdout)
    again = check("--no-load", "--resolved", resolved)
    expect(f"{path.name} resolved is a plan that resolves to itself", again.stdout == resolved.read_text(), again)
    names = set(re.findall(r"^  (\w+):$", path.read_text(), re.MULTILINE))
    drawing = check("--no-load", "--svg", path).stdout
    texts = " ".join(xml.etree.ElementTree.fromstring(drawing).itertext())
    missing = [name for name in names if not re.search(rf"\b{name}\b", texts)]
    expect(f"the drawing of {path.name} has all components and networks", names and not missing, missing)
dot = check("--no-load", "--dot", plan).stdout
expect("--dot has fields, ranks and the fallback",
       all(words in dot for words in ['"field air.t" -> "network net"', '"network net" -> "field air.dt"', "falls back",
                                      "ML rank 1"]), dot)
dot = check("--no-load", "--dot", learning).stdout
expect("--dot has the truth and the loss",
       all(words in dot for words in ['"field air.dt_true" -> "network net"', '"field air.area" -> "network net"', "0.4 huber of dt"]),
       dot)
expect("--dot and --svg exclude each other", check("--dot", "--svg", plan).returncode != 0, "0")

print("\n\n".join(wrong) or "all claims hold")
sys.exit(bool(wrong))
