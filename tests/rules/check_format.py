"""clang-format decides how C and C++ look. Versions differ, so that only the one of Debian 12 is asked; others skip the test.

check_format.py; all files at once: git ls-files '*.[ch]' '*.[ch]pp' | xargs clang-format -i
"""
import re
import shutil
import subprocess
import sys

from tree import ROOT, finish

VERSION = 14
FOLDERS = ("coupler", "adapters", "examples", "fortran", "tests", "cmake")
ENDINGS = (".cpp", ".hpp", ".h", ".c")

program = shutil.which("clang-format")
said = subprocess.run([program, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout if program else ""
found = re.search(r"version (\d+)", said)
if not found or int(found[1]) != VERSION:
    print(f"needs clang-format {VERSION}; found: {said.strip() or 'none'}")
    sys.exit(77)
files = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*")) if file.suffix in ENDINGS]
done = subprocess.run([program, "--dry-run", *files], check=True, stderr=subprocess.PIPE, text=True)
wrong = {line.split(":")[0] for line in done.stderr.splitlines() if "[-Wclang-format-violations]" in line}
finish("format", [f"{file} is not as clang-format would have it" for file in sorted(wrong)])
