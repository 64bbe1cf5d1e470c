"""What the rules share: the rooms of coupler/FLOORS and the includes of a file."""
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')

Room = collections.namedtuple("Room", "floor third_parties")


def rooms():
    """{folder: Room} as coupler/FLOORS says."""
    table = {}
    for line in (ROOT / "coupler/FLOORS").read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            table[words[1]] = Room(int(words[0]), words[2:])
    return table


def sources(*endings):
    """The files of the rooms with one of the endings, sorted."""
    files = [file for top in ("coupler", "adapters") for file in (ROOT / top).rglob("*")]
    return sorted(file for file in files if file.suffix in endings)


def includes(file):
    """(line number, name, is_quoted) of each include of a file."""
    for number, line in enumerate(file.read_text().splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found[2], found[1] == '"'


def finish(what, problems):
    """Prints the problems, one a line, and ends the test."""
    for problem in problems:
        print(problem)
    print(f"{what}: {len(problems)} problem(s)")
    sys.exit(1 if problems else 0)
