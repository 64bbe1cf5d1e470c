"""libekman exports names that start with ekman only, and needs MPI and the compiler's own libraries only.

    check_library.py symbols|needed LIBEKMAN
"""
import re
import subprocess
import sys

from tree import finish

# C names; and C++ names in namespace ekman: functions, members, and the type data of classes.
EXPORTED = re.compile(r"^(ekman_\w+|_Z(N|NK|TIN|TSN|TVN)5ekman\w+)$")
NEEDED = re.compile(r"^(libmpi(_\w+)?|libc|libm|libstdc\+\+|libgcc_s|libpthread|libdl|ld-linux-[\w-]+)\.so\.\d+$")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    rule, library = sys.argv[1:]
    if rule == "symbols":
        names = [line.split()[-1].split("@")[0] for line in output("nm", "-D", "--defined-only", library).splitlines()]
        wrong = [f"exported: {name}" for name in names if not EXPORTED.match(name)]
    else:
        names = re.findall(r"\(NEEDED\).*\[(.+)\]", output("readelf", "-d", library))
        wrong = [f"needed: {name}" for name in names if not NEEDED.match(name)]
    finish(f"{rule} of libekman, {len(names)} seen", wrong if names else ["nothing seen"])


main()
