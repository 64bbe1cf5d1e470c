"""Jobs whose ranks are on several hosts, which hosts.py makes: nodes are told apart, every value comes back, the bits are those
of one host, also of a network that learns, a mistake on one host ends the job on all, and a run goes on from a restart set on
other hosts.

hosts.py 3 python3 run_hosts.py MPIEXEC ECHO_MODEL EXCHANGE_MODEL LEARN_MODEL MISUSE_MODEL RESTART_MODEL EKMAN TEMPLATES WORK_DIR
"""
import subprocess
import sys
from pathlib import Path

import yaml

from restart_jobs import Jobs

mpiexec, echo_model, exchange_model, learn_model, misuse_model, restart_model, ekman = sys.argv[1:8]
templates, work = Path(sys.argv[8]), Path(sys.argv[9])
work.mkdir(parents=True, exist_ok=True)


def plan(name, template, changes):
    text = (templates / template).read_text()
    for old, new in changes.items():
        if old not in text:
            sys.exit(f"FAILED: {template} has no {old}")
        text = text.replace(old, new)
    path = work / f"{name}.yaml"
    path.write_text(text + f"output: {{directory: {work / name}}}\n")
    return path


def launch(path, component, component_ranks, ml_ranks):
    """Ranks by host: [1, 2] is one on node1 and two on node2. Returns (status, what was said)."""
    job = []
    for program, ranks in ((component, component_ranks), ([ekman, "serve", str(path)], ml_ranks)):
        for host, num in enumerate(ranks, start=1):
            if num > 0:
                job += [":", "--host", f"node{host}:{num}", "-np", str(num), *program]
    done = subprocess.run([mpiexec, *job[1:]], timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def run(*job):
    status, said = launch(*job)
    if status != 0:
        sys.exit(f"FAILED: {job} ended with {status}\n{said}")


def bytes_sent():
    """By node1 so far."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == "eth0":
            return int(numbers.split()[8])
    sys.exit("FAILED: there is no eth0")


def ranks_left():
    """Process 1 of these hosts sees them all."""
    programs = {str(Path(program).resolve()) for program in (misuse_model, ekman)}
    for link in Path("/proc").glob("[0-9]*/exe"):
        try:
            if str(link.readlink()) in programs:
                return True
        except OSError:   # it has ended
            pass
    return False


def nodes(groups):
    """As the record of a run has them."""
    lines = {}
    for group, ranks in groups.items():
        for host, num in enumerate(ranks, start=1):
            if num > 0:
                lines.setdefault(f"node{host}", []).append(f"{num} rank{'s' * (num > 1)} of {group}")
    return [f"{host}: {', '.join(told)}" for host, told in sorted(lines.items())]


def echo(name, ids, points, component_ranks, ml_ranks):
    """Values come back whole, and node1 sends what it has to: to others if it must, else nothing to speak of."""
    many = ["many"] if points != 203 else []
    path = plan(name, "echo.yaml.in", {"@RANKS@": str(sum(ml_ranks)), "@TRANSPORT@": "auto", "@WIRE@": "float32",
                                       "points: 203": f"points: {points}", "chunk: 16": f"chunk: {16 * points // 203}"})
    before = bytes_sent()
    run(path, [echo_model, ids, "float32", "3", *many], component_ranks, ml_ranks)
    sent = bytes_sent() - before
    payload = 3 * points * 44 * 4 * component_ranks[0] // sum(component_ranks)   # steps, values of a point, bytes
    if many and (sent > payload / 4) != (sum(component_ranks + ml_ranks) > component_ranks[0] + ml_ranks[0]):
        sys.exit(f"FAILED: {name}: node1 sent {sent} bytes, and has {payload} bytes of rows")
    found = yaml.safe_load((work / name / "ekman-run.yaml").read_text())["x-run"]["nodes"]
    groups = {"component atmosphere": component_ranks, "ekman serve": ml_ranks}
    found = sorted([found] if isinstance(found, str) else found)
    if found != nodes(groups):
        sys.exit(f"FAILED: {name}: the nodes are {nodes(groups)}, Ekman found {found}")
    print(f"ok: {name}, {sent} bytes sent by node1")


def bits(name, ids, component_ranks, ml_ranks):
    path = plan(name, "mlp.yaml.in", {"@RANKS@": str(sum(ml_ranks)), "@TRANSPORT@": "auto"})
    out = work / f"{name}.txt"
    run(path, [exchange_model, ids, "3", str(out)], component_ranks, ml_ranks)
    return out.read_bytes()


def learned(name, component_ranks, ml_ranks):
    """The last outputs, and loss, step and learning rate in every step. Gradients of two ranks: one sum has one order."""
    path = plan(name, "learn.yaml.in", {"@RANKS@": "2", "{torchscript: @NETWORK@}": "{builtin: mlp, hidden: [8], seed: 3}",
                                        "@TRANSPORT@": "auto", "@REPRODUCIBLE@": "outputs", "@ACCUMULATE@": "1",
                                        "output: {directory: @OUTPUT@}": ""})
    out = work / f"{name}.txt"
    run(path, [learn_model, "blocks", "6", str(out), "get"], component_ranks, ml_ranks)
    return out.read_text()


def end(mistake, sentence):
    status, said = launch(plan(mistake, "misuse.yaml", {"transport: point_to_point": "transport: auto"}),
                          [misuse_model, mistake], [1, 1], [0, 0, 1])
    if status == 0 or sentence not in said or ranks_left():
        sys.exit(f"FAILED: {mistake}: status {status}, ranks left: {ranks_left()}, expected: {sentence}\n{said}")
    print(f"ok: {mistake} ends the job on all hosts")


class SpreadJobs(Jobs):
    """Ranks go to the hosts in turn."""
    hosts = "node1:9"

    def command(self, name, **how):
        words = [["--host", self.hosts, word] if word == "-np" else [word] for word in super().command(name, **how)]
        return [words[0][0], "--map-by", "node", *[word for some in words[1:] for word in some]]


def restart():
    jobs = SpreadJobs(mpiexec, restart_model, ekman, templates / "restart.yaml.in", work / "restart")
    jobs.keep_three_networks()
    for name, how in {"cuts": {"what": "cuts"}, "resumed": {"resume": "before-5", "turn": 1, "ranks": 3}}.items():
        status, said = jobs.run(name, **how)
        if status != 0:
            sys.exit(f"FAILED: {name} ended with {status}\n{said}")
        jobs.hosts = "node1:9,node2:9,node3:9"
    if not jobs.values("cuts", 5) or jobs.values("cuts", 5) != jobs.values("resumed", 5):
        sys.exit("FAILED: the run that was resumed on other hosts has other values")
    print("ok: resumed on three hosts with the bits of one")


echo("one_host", "blocks", 20300, [2], [1])
echo("small", "sparse", 203, [1, 2], [0, 1, 1])
echo("large", "blocks", 20300, [1, 1], [0, 1, 1])
echo("scattered", "cyclic", 20300, [1, 1], [0, 0, 1])
reference = bits("mlp_on_one_host", "blocks", [1], [1])
if len(set(reference.split())) < 500:
    sys.exit("FAILED: the outputs hardly vary: nothing would be proved")
for name, job in {"mlp_apart": ("blocks", [2], [0, 1, 1]), "mlp_mixed": ("cyclic", [1, 1, 1], [0, 1, 1])}.items():
    if bits(name, *job) != reference:
        sys.exit(f"FAILED: {name} has other bits than one host")
    print(f"ok: {name} has the bits of one host")
reference = learned("learned_on_one_host", [2], [2])
if len(set(reference.split())) < 500:
    sys.exit("FAILED: what was learned hardly varies: nothing would be proved")
if learned("learned_apart", [2], [0, 1, 1]) != reference:
    sys.exit("FAILED: learned_apart has other bits than one host")
print("ok: learned_apart has the bits of one host")
end("double_put", 'field "s" was put twice in step 1')
end("killed", "")
restart()
