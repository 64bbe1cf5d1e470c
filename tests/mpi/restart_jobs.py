"""What the tests of restart sets share: jobs of restart_model, and the values that they wrote."""
import pathlib
import shutil
import subprocess

STEPS = 10


class Jobs:
    def __init__(self, mpiexec, model, ekman, template, work):
        self.mpiexec, self.model, self.ekman = mpiexec, model, ekman
        self.template = pathlib.Path(template).read_text()
        self.networks = "all"
        self.components = ["atmosphere"]
        self.work = pathlib.Path(work)
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)

    def run(self, name, **how):
        """Returns (exit status, what was printed). how: see command."""
        try:
            done = subprocess.run(self.command(name, **how), timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True)
        except subprocess.TimeoutExpired as late:
            return None, f"still running after 120 s\n{late.stdout}"
        return done.returncode, done.stdout

    def command(self, name, what="none", resume=None, ranks=2, ml_ranks=(2, 1), turn=0, sets="sets", steps=STEPS,
                change=lambda plan: plan):
        """Writes the plan and returns the command line. ml_ranks: of the network with @ranks@, and of those with @other_ranks@.
        turn: odd or even, which networks have which transport."""
        text = self.template.replace("@directory@", str(self.work / sets))
        text = text.replace(f"@turn{turn % 2}@", "auto").replace(f"@turn{1 - turn % 2}@", "point_to_point")
        text = text.replace("@resume@", f"resume: {resume}" if resume else "")
        text = text.replace("@ranks@", str(ml_ranks[0])).replace("@other_ranks@", str(ml_ranks[1]))
        for old in self.work.glob(f"{name}.[0-9]*"):
            old.unlink()
        plan = self.work / f"{name}.yaml"
        plan.write_text(change(text))
        job = [self.mpiexec, "--oversubscribe"]
        for component in self.components:
            file = self.work / (name if component == "atmosphere" else f"{component}_{name}")
            job += ["-np", str(ranks), self.model, str(steps), str(file), what, self.networks, component, ":"]
        return job + ["-np", str(self.ml_ranks(ml_ranks)), self.ekman, "serve", str(plan)]

    def keep_three_networks(self):
        """For jobs that need no more: fewer ranks."""
        self.template = self.template.partition("  minimum:")[0]
        self.networks = "3"

    def add_lag(self):
        """All networks have one, and one of them has an exchange in every step."""
        self.template = self.template.replace("x-all: &all\n", "x-all: &all\n  lag: 1\n")
        self.template = self.template.replace("  none:\n    <<: *third\n", "  none:\n    <<: *third\n    coupling_period: PT10M\n")

    def add_ocean(self):
        """A second component with the same three networks."""
        self.keep_three_networks()
        self.components.append("ocean")
        head, networks, text = self.template.partition("networks:\n")
        text += "".join(line if not line.startswith("  ") or line[2] == " " else f"  ocean_{line[2:]}    component: ocean\n"
                        for line in text.splitlines(keepends=True))
        head = head.replace("  atmosphere: {timestep: PT10M}", "  atmosphere: {timestep: PT10M}\n  ocean: {timestep: PT10M}")
        self.template = head + networks + text

    def ml_ranks(self, ml_ranks):
        if self.networks == "all":
            return ml_ranks[0] + 2 * ml_ranks[1] + 3
        return len(self.components) * (sum(ml_ranks) + 1)

    def values(self, name, first=1):
        """The lines of all ranks for steps from `first` on: they name step, field and global id."""
        lines = {line for file in self.work.glob(f"{name}.[0-9]*") for line in file.read_text().splitlines()}
        return sorted(line for line in lines if int(line.split()[0]) >= first)
