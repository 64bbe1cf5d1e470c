"""Each header compiles alone: check_headers.py BUILD_DIR COMPILER. Flags are those of a .cpp of the same room."""
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys

from tree import ROOT, finish, sources

PLAIN = ["-std=c++17", "-DOMPI_SKIP_MPICXX", f"-I{ROOT}", f"-I{ROOT}/coupler/include"]


def room_flags(build):
    """{folder: -I, -isystem, -D and -std flags}, from compile_commands.json."""
    flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        words, kept = shlex.split(entry["command"]), []
        for word, following in zip(words, words[1:] + [""]):
            if word == "-isystem":
                kept += [word, following]
            elif word.startswith(("-I", "-D", "-std")):
                kept.append(word)
        flags[pathlib.Path(entry["file"]).parent] = kept
    return flags


def main():
    build, compiler = pathlib.Path(sys.argv[1]), sys.argv[2]
    flags = room_flags(build)

    def problem(header):
        language = "c" if header.suffix == ".h" else "c++"
        plain = [word for word in PLAIN if language == "c++" or not word.startswith("-std")]
        words = plain if language == "c" else flags.get(header.parent, PLAIN)
        command = [compiler, "-fsyntax-only", "-Wall", "-Wextra", *words,
                   "-x", language, str(header)]
        done = subprocess.run(command, cwd=build, capture_output=True, text=True)
        return None if done.returncode == 0 else f"{header.relative_to(ROOT)}: does not compile alone\n{done.stderr}"

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(problem, sources(".hpp", ".h")))
    finish("headers alone", [text for text in found if text])


main()
