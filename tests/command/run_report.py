"""`ekman report` by what it writes and prints; the browser has a test of its own, run_report_browser.py.

run_report.py EKMAN WRITE_MADE_PROFILE WORK_DIR DOCS
"""
import json
import pathlib
import re
import shutil
import sys

from report_pages import Tests, read, run, write_log

ekman, write_made_profile, work = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
shutil.rmtree(work, ignore_errors=True)
tests = Tests()
expect = tests.expect


def made(kind, *arguments):
    run(write_made_profile, work / kind, kind)
    return run(ekman, "report", work / kind, *arguments)


# Text.
told = made("plain", "--text")
expect("the text begins with who waits for whom",
       told.stdout.startswith('atmosphere waits 5.00 ms of each 50.0 ms step (10 %) for network "heating"\n'), told)
expect("it is one screen", told.stdout.count("\n") <= 24 and max(map(len, told.stdout.split("\n"))) <= 100, told.stdout)
inspected = run(ekman, "inspect", work / "plain/profile.h5")
expect("inspect knows a profile", inspected.stdout.endswith(told.stdout) and "profile of a run of 6 ranks" in inspected.stdout, inspected)

shutil.copytree(work / "plain", work / "run")
program = re.search(r"```python\n(.*?)```", pathlib.Path(sys.argv[4], "profile.md").read_text(), re.S)[1]
printed = run(sys.executable, "-c", f"import os; os.chdir({str(work)!r})\n" + program)
expect("the program of docs/profile.md reads the file", re.fullmatch(r"components waited (4\.0|3\.9999)\d* s in all\n", printed.stdout), printed)

# The page.
done = made("plain")
page = read(work / "plain/report.html")
expect("the page is where it says", done.stdout.strip() == str(work / "plain/report.html"), done)
expect("the page fetches nothing", all(address.startswith("#") for address in page.addresses), page.addresses)
source = (work / "plain/report.html").read_text()
expect("it forbids itself to fetch", "default-src 'none'" in source, source[:600])
expect("its style fetches nothing", not re.search(r"@import|url\s*\(", source.split("</style>")[0]), source[:3000])
expect("it is no larger than its library and a bit", len(source) < 400_000, len(source))
expect("it says who waits without scripts", told.stdout.split("\n")[0] in page.text, page.text[:500])
component, ml = page.data["groups"]
wait = next(stage for stage in component["stages"] if stage["stage"] == "wait")
expect("means are those of the text", (wait["mean"], wait["least"], wait["most"], wait["mostRank"]) == (0.005, 0.0035, 0.0065, 0), wait)
expect("each rank is there", [rank["rank"] for rank in component["shown"]] == [0, 1, 2, 3], component["shown"])
expect("ranks have their devices", [rank["device"] for rank in ml["shown"]] == ["cuda:0", "cuda:1"], ml["shown"])
expect("the course has each step", len(component["course"]["stages"][0]) == 200, component["course"])

# Names are text, whatever they are.
made("hostile")
hostile = read(work / "hostile/report.html")
expect("names make no elements", hostile.tags.get("script") == 3 and not hostile.tags.keys() & {"b", "img"}, hostile.tags)
expect("names are whole", hostile.data["networks"][0]["name"] == "<img src=x onerror=alert(1)>\"&\\{{data}}", hostile.data["networks"])

# Many ranks.
made("large", "--output", work / "large.html")
large = read(work / "large.html")
shown = [rank["rank"] for rank in large.data["groups"][0]["shown"]]
expect("of many ranks some are drawn, the least and the most busy too", len(shown) == 64 and shown[0] == 0 and shown[-1] == 299, shown)
expect("lanes are fewer", len(large.data["timeline"]["lanes"]) <= 64 and large.data["timeline"]["leftOut"] == 268, large.data["timeline"]["leftOut"])
expect("simulated runs are marked", large.data["simulated"] and "simulated, not measured" in large.text, large.data["simulated"])

# Without a profile.
write_log(work / "learned", 2500)
done = run(ekman, "report", work / "learned")
learned = read(work / "learned/report.html").data
curves = learned["learning"][0]
expect("a log alone makes a page", done.returncode == 0 and "groups" not in learned, done)
expect("a long log is averaged", curves["every"] == 3 and len(curves["step"]) == 834 and curves["step"][-1] == 2500, curves["every"])
expect("each point is the mean of its steps", abs(curves["columns"]["loss"][0] - (1 + 1 / 2 + 1 / 3) / 3) < 1e-5, curves["columns"]["loss"][:2])
expect("columns with quotes keep their names", 'loss mse("a, b")' in curves["columns"], list(curves["columns"]))
expect("a value that some rows have is the mean of these", curves["columns"]["validation_loss"][:4] == [None, None, None, 0.2],
       curves["columns"]["validation_loss"][:4])
expect("versions and nodes are there", ["nodes", ["n1: 2 ranks", "n2: </script> & 1 rank"]] in learned["facts"], learned["facts"])
expect("the plan is there", learned["plan"].startswith("# What Ekman ran"), learned["plan"])

(work / "plain/ekman-run.yaml").write_text((work / "learned/ekman-run.yaml").read_text())
run(ekman, "report", work / "plain")
expect("a profile of an earlier run is told", "profile.h5 is of a run before" in read(work / "plain/report.html").data["warning"])

# What cannot be done.
(work / "empty").mkdir()
for claim, arguments, words in [
        ("a directory that is no run is refused", [work / "empty"], "empty has neither ekman-run.yaml nor profile.h5; name the output.directory"),
        ("what is no directory is refused", [work / "none"], "none is no directory; name the output.directory"),
        ("a text needs a profile", [work / "learned", "--text"], "there is no such file; run again with `output: {profile: on}`"),
        ("a trace needs a profile", [work / "learned", "--trace"], "there is no such file; run again with `output: {profile: on}`"),
        ("text and trace exclude each other", [work / "plain", "--text", "--trace"], "excludes"),
        ("a place that is not there is told", [work / "plain", "--output", work / "none/page.html"], "name another file with --output")]:
    refused = run(ekman, "report", *arguments)
    expect(claim, refused.returncode != 0 and words in refused.stderr + refused.stdout, refused)
    expect(claim + ", and leaves nothing", not list(work.rglob("*.part")), list(work.rglob("*.part")))
(work / "learned/logs/training.csv").write_text("other\r\n1\r\n")
refused = run(ekman, "report", work / "learned")
expect("a log that is none is named", refused.returncode != 0 and 'its first column is not "step"; move it away' in refused.stderr, refused)


# The trace, by the rules of the Trace Event Format.
def events_of(kind):
    done = made(kind, "--trace")
    path = work / kind / "trace.json"
    expect(f"the trace of {kind} is where it says", done.stdout.strip() == str(path), done)
    return json.loads(path.read_text())["traceEvents"]


def check_trace(kind, events):
    spans = {}
    for event in events:
        expect(f"{kind}: events have names and whole ids", isinstance(event["name"], str) and event["name"] and
               all(type(event[key]) is int for key in ("pid", "tid")), event)
        expect(f"{kind}: events are complete ones or metadata", event["ph"] in ("X", "M"), event)
        if event["ph"] == "M":
            key = "sort_index" if event["name"].endswith("sort_index") else "name"
            expect(f"{kind}: metadata is of the format's kinds",
                   re.fullmatch("(process|thread)_(name|sort_index)", event["name"]) and list(event["args"]) == [key], event)
        else:
            expect(f"{kind}: complete events have begin, length and step",
                   event["ts"] >= 0 and event["dur"] >= 0 and event["args"]["step"] >= 1, event)
            spans.setdefault((event["pid"], event["tid"]), []).append((event["ts"], event["ts"] + event["dur"]))
    for thread, list_of in spans.items():
        stack = []
        for begin, end in sorted(list_of, key=lambda span: (span[0], -span[1])):
            while stack and stack[-1] <= begin + 1e-6:
                stack.pop()
            expect(f"{kind}: events of thread {thread} are nested", not stack or end <= stack[-1] + 1e-6, (begin, end, stack))
            stack.append(end)


events = events_of("plain")
check_trace("plain", events)
names = {(event["pid"], event["args"]["name"]) for event in events if event["name"] == "process_name"}
expect("processes are components and networks", names == {(1, "atmosphere"), (2, "ML ranks of heating")}, names)
threads = sorted((event["pid"], event["tid"], event["args"]["name"]) for event in events if event["name"] == "thread_name")
expect("threads are ranks", threads[0] == (1, 0, "rank 0 on cpu1") and threads[-1] == (2, 1, "rank 1 on gpu1, cuda:1"), threads)
waits = [event for event in events if event["name"] == "wait" and (event["pid"], event["tid"]) == (1, 0)]
expect("events of the first and of the last steps are there", [event["args"]["step"] for event in waits] == [1, 2, 3, 4, 5, 196, 197, 198, 199, 200], waits)
expect("lengths are microseconds", abs(sum(event["dur"] for event in waits) - 10 * 6500) < 0.1, waits)
expect("events name their network", waits[0]["args"]["network"] == "heating", waits[0])
overlapping = events_of("overlapping")
check_trace("overlapping", overlapping)
mine = [(event["name"], round(event["ts"]), round(event["dur"])) for event in overlapping if event["ph"] == "X" and (event["pid"], event["tid"]) == (1, 0)]
expect("what overlaps begins where the other ends", ("wait", 5000, 2000) in mine and len(mine) == 4, mine)
check_trace("hostile", events_of("hostile"))
tests.finish()
