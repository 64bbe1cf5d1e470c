"""`output: {profile: on}`: what each rank tells of its stages comes together in one file, whoever serves whom: a network that
learns, two components whose networks have ML ranks or run inline, or both, and jobs without ML ranks. A profile that cannot
be written ends no run.

run_profile.py MPIEXEC LEARN_MODEL EKMAN LEARN_PLAN WORK_DIR CHAIN_MODEL
"""
import os
import subprocess
import sys

import h5py

chain = sys.argv.pop()
import training_jobs as jobs   # noqa: E402: reads the other arguments

check, work = jobs.check, jobs.work
PHYSICS, PACK, WAIT, UNPACK = "physics", "pack", "wait", "unpack"
CHAIN_STEPS = 5


class Profile:
    def __init__(self, folder):
        with h5py.File(folder / "profile.h5") as file:
            check("it is a profile", file.attrs["format"] == b"ekman profile" and file.attrs["format_version"] == 1)
            self.components, stages = list(file.attrs["components"]), list(file.attrs["stages"])
            self.networks = list(file["networks"].attrs["name"])
            self.points = dict(zip(self.networks, file["networks/points"][:].tolist()))
            self.ranks = [{name: file["ranks"][name][row].item() for name in file["ranks"]}
                          for row in range(len(file["ranks/rank"]))]
            sums, events, course = ({name: table[name][:].tolist() for name in table}
                                    for table in (file["sums"], file["events"], file["course"]))
        for rank in self.ranks:
            rank.update(sums={}, counts={}, course={}, events=[])
        for row, number in enumerate(sums["rank"]):
            rank, key = self.ranks[number], (sums["network"][row], stages[sums["stage"][row]])
            rank["sums"][key], rank["counts"][key] = sums["seconds"][row], sums["count"][row]
        for row, number in enumerate(course["rank"]):
            key = course["network"][row], stages[course["stage"][row]]
            self.ranks[number]["course"][key] = self.ranks[number]["course"].get(key, 0.0) + course["seconds"][row]
        for row, number in enumerate(events["rank"]):
            self.ranks[number]["events"].append((stages[events["stage"][row]], events["begin"][row],
                                                 events["begin"][row] + events["seconds"][row], events["step"][row]))

    def of_component(self, name):
        return [rank for rank in self.ranks if rank["component"] == self.components.index(name)]

    def of_network(self, name):
        return [rank for rank in self.ranks if rank["component"] < 0 and rank["network"] == self.networks.index(name)]


def stages_of(rank, network=None):
    return {stage for number, stage in rank["sums"] if network is None or number == network}


def check_times(profile, threads=1):
    """What holds of every rank. What several threads do at once is added up."""
    for rank in profile.ranks:
        whole, told = rank["seconds"], sum(rank["sums"].values())
        facts = {name: value for name, value in rank.items() if name != "events"}
        check("stages do not overlap, and nothing much is between them", 0.5 * whole <= told <= threads * whole * 1.001,
              str(facts))
        for key, seconds in rank["sums"].items():
            check("no stage is counted more often than there are steps", 0 < rank["counts"][key] <= rank["steps"], str(facts))
            check("the course has what the sum has", abs(rank["course"][key] - seconds) <= 1e-5 * seconds + 1e-7, str(facts))
        check("events lie within the run", all(0 <= begin <= end <= whole * 1.001 for _, begin, end, _ in rank["events"]),
              str(facts))


def learning():
    plan = jobs.plan("learning")
    plan.write_text(plan.read_text().replace("output: {", "output: {profile: on, "))
    (work / "learning").mkdir()
    (work / "learning" / "profile.h5").write_text("of a run before")
    status, said = jobs.run(plan, mode="ask")
    check("a run that dies leaves no profile of another", status != 0 and not (work / "learning" / "profile.h5").exists(), said)
    status, said = jobs.run(plan)
    check("a network learns", status == 0 and "the profile of 4 ranks is in" in said, said)
    check("one screen says who waits for whom", '2 ML ranks of "mlp" wait' in said and "physics" in said, said)
    profile = Profile(work / "learning")
    check_times(profile)
    component, ml = profile.of_component("atmosphere"), profile.of_network("mlp")
    check("all ranks are there", [rank["rank"] for rank in component] == [rank["rank"] for rank in ml] == [0, 1])
    check("points are told of all", sum(rank["points"] for rank in component) == sum(rank["points"] for rank in ml)
          == profile.points["mlp"] == jobs.TOTAL)
    check("steps are those of the model", all(rank["steps"] == jobs.STEPS for rank in profile.ranks))
    # Who finds all there does not wait, as on a busy machine one rank may; somebody does.
    check("somebody waits", any(WAIT in stages_of(rank) for rank in profile.ranks))
    check("components tell their stages", all(stages_of(rank) | {WAIT} == {PHYSICS, PACK, WAIT, UNPACK} for rank in component),
          str([stages_of(rank) for rank in component]))
    check("what is of no network is physics", all(stages_of(rank, -1) == {PHYSICS} for rank in component))
    expected = {WAIT, "assemble", "forward", "send", "backward", "reduce", "step"}
    check("ML ranks tell theirs", all(stages_of(rank) | {WAIT} == expected for rank in ml), str([stages_of(rank) for rank in ml]))
    check("each exchange is learned from once", all(rank["counts"][0, "step"] == jobs.STEPS for rank in ml))
    steps = {step for _, _, _, step in ml[0]["events"]}
    check("events know their steps", steps == set(range(1, jobs.STEPS + 1)), str(steps))


def chains():
    """Two components of two networks each, which are on ML ranks or inline."""
    dedicated, inline = "    transport: auto\n", "    placement: inline\n"

    def network(component, number, source, target, more):
        return (f"  {component}_{number}:\n    component: {component}\n    chunk: 16\n    tile: 4\n    network: {{echo: {{}}}}\n"
                f"    inputs: [{{fields: [{source}]}}]\n    outputs: [{{fields: [{target}]}}]\n" + more)

    for name, placed in {"dedicated": (dedicated,) * 4, "inline": (inline,) * 4, "inline_first": (inline, dedicated) * 2,
                         "one_inline": (inline, inline, dedicated, dedicated)}.items():
        run = work / name
        text = f"ekman: 1\noutput: {{directory: {run}, profile: on}}\ncomponents: {{atmosphere: {{}}, ocean: {{}}}}\nnetworks:\n"
        for place, (component, number) in enumerate((c, n) for c in ("atmosphere", "ocean") for n in (1, 2)):
            text += network(component, number, *(("a", "b") if number == 1 else ("b", "d")), placed[place])
        plan = work / f"{name}.yaml"
        plan.write_text(text)
        ml_ranks = placed.count(dedicated)
        command = [jobs.mpiexec, "--oversubscribe", "-np", "2", chain, "atmosphere", str(work / "a.txt"), ":", "-np", "1", chain,
                   "ocean", str(work / "o.txt")] + ([":", "-np", str(ml_ranks), jobs.ekman, "serve", str(plan)] if ml_ranks else [])
        env = dict(os.environ, OMP_NUM_THREADS="2", **({} if ml_ranks else {"EKMAN_PLAN": str(plan)}))
        done = subprocess.run(command, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
        check(f"{name}: {3 + ml_ranks} ranks", done.returncode == 0 and f"the profile of {3 + ml_ranks} ranks is in" in done.stdout,
              done.stdout)
        profile = Profile(run)
        check_times(profile, threads=2)
        check("all networks are told with their points", set(profile.points.values()) == {150}, str(profile.points))
        for component, ranks in (("atmosphere", 2), ("ocean", 1)):
            mine = profile.of_component(component)
            check(f"{component} has all its ranks", [rank["rank"] for rank in mine] == list(range(ranks)))
            for number in (1, 2):
                of = profile.networks.index(f"{component}_{number}")
                is_inline = placed[2 * ("atmosphere", "ocean").index(component) + number - 1] == inline
                check("ML ranks are of dedicated networks", len(profile.of_network(f"{component}_{number}")) == (not is_inline))
                for rank in mine:
                    check("a network is run where it is placed", ("forward" in stages_of(rank, of)) == is_inline
                          and PACK in stages_of(rank, of), str(stages_of(rank, of)))


def disk():
    """A folder lies where the file would be."""
    plan = jobs.plan("disk")
    (work / "disk" / "profile.h5" / "full").mkdir(parents=True)
    plan.write_text(plan.read_text().replace("output: {", "output: {profile: on, "))
    status, said = jobs.run(plan)
    check("a profile that cannot be written ends no run", status == 0 and "warning: there is no profile of this run (" in said
          and "profile.h5" in said, said)


learning()
chains()
disk()
