"""The processes of a running job."""
from pathlib import Path


def processes_of(job, program):
    """Of those that mpirun started, in their order."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat, command = (folder / "stat").read_text(), (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == job.pid and command[0].decode() == program:
            found.append(int(folder.name))
    return sorted(found)
