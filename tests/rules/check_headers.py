"""Each header compiles alone: check_headers.py BUILD_DIR COMPILER. Flags are those of a .cpp of the same room, or of the one
above it; rooms that the build leaves out are left out. A header that its own .cpp includes first has been compiled alone by the
build, and is not again; where there is a precompiled header, that holds for those that include what is in it."""
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys

from tree import ROOT, finish, includes, sources

PRECOMPILED = "torch/script.h"
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


def is_left_out(header, flags):
    """In a room with sources, none of which the build compiles."""
    room = next((folder for folder in header.parents if any(folder.glob("*.cpp"))), None)
    return room is not None and room not in flags


def all_included(header):
    """What a header includes, and what those of ours among them include."""
    names = set()
    for _, name, _ in includes(header):
        names.add(name)
        if (ROOT / name).exists():
            names |= all_included(ROOT / name)
    return names


def built_alone(build):
    """The headers that the build compiled before anything else."""
    found = set()
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"])
        header = source.with_suffix(".hpp")
        if not header.exists() or next((name for _, name, _ in includes(source)), "") != str(header.relative_to(ROOT)):
            continue
        if "cmake_pch" not in entry["command"] or PRECOMPILED in all_included(header):
            found.add(header)
    return found


def main():
    build, compiler = pathlib.Path(sys.argv[1]), sys.argv[2]
    flags = room_flags(build)

    def problem(header):
        language = "c" if header.suffix == ".h" else "c++"
        plain = [word for word in PLAIN if language == "c++" or not word.startswith("-std")]
        words = plain if language == "c" else next((flags[folder] for folder in header.parents if folder in flags), PLAIN)
        command = [compiler, "-fsyntax-only", "-Wall", "-Wextra", *words,
                   "-x", language, str(header)]
        done = subprocess.run(command, cwd=build, capture_output=True, text=True)
        return None if done.returncode == 0 else f"{header.relative_to(ROOT)}: does not compile alone\n{done.stderr}"

    built = built_alone(build)
    headers = [header for header in sources(".hpp", ".h") if header not in built and not is_left_out(header, flags)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(problem, headers))
    finish("headers alone", [text for text in found if text])


main()
