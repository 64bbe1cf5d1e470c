"""Every file lies in a room of coupler/FLOORS; rooms include strictly lower floors, third parties only where named."""
import re

from tree import ROOT, finish, includes, rooms, sources

THIRD_PARTY = re.compile(r"^((mpi|hdf5)\.h$|[\w-]+/)")   # <sys/mman.h> and the like are the system's
ANYWHERE = ("fmt/", "sys/", "linux/")


def room_of(path, table):
    folder = path.rpartition("/")[0]
    return folder if folder in table else None


def quoted_problem(room, name, table):
    path = f"coupler/include/{name}" if name.startswith("ekman/") else name
    if not (ROOT / path).is_file():
        return f'"{name}" is not a path from the repository root (or ekman/...)'
    target = room_of(path, table)
    if target is None:
        return f'"{name}" lies in no room of coupler/FLOORS'
    if target != room and table[target].floor >= table[room].floor:
        return f"{room} (floor {table[room].floor}) includes {target} (floor {table[target].floor})"
    return None


def angled_problem(room, name, table):
    if not THIRD_PARTY.match(name) or name.startswith((*ANYWHERE, *table[room].third_parties)):
        return None
    return f"coupler/FLOORS does not let {room} include <{name}>"


def main():
    table, problems = rooms(), []
    for file in sources(".hpp", ".cpp", ".h"):
        path = file.relative_to(ROOT).as_posix()
        room = room_of(path, table)
        if room is None:
            problems.append(f"{path}: lies in no room of coupler/FLOORS")
            continue
        for number, name, quoted in includes(file):
            problem = (quoted_problem if quoted else angled_problem)(room, name, table)
            if problem:
                problems.append(f"{path}:{number}: {problem}")
    finish("floors", problems)


main()
