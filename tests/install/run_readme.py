"""README as a new user meets it: its blocks are written to files and its commands run as they stand.

run_readme.py README WORK WERROR

WERROR, the EKMAN_WERROR of the build that tests, is added to the build by hand: with the same flags the compiler's cache has all of
it, where a header that changed would cost CI another eight minutes.
`make demo` and `make test` are looked up only, and `ctest` by hand is left out: it is what runs this script. The model's CMake
project is the two lines of README behind the usual head.
"""
import os
import pathlib
import re
import subprocess
import sys

README, WORK, WERROR = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve(), sys.argv[3]
SOURCE, HOME = README.parent, WORK / "home"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)


def blocks(language):
    return [text for found, text in BLOCKS if found == language]


def run(command, folder, **env):
    print("+", command, flush=True)
    subprocess.run(command, shell=True, check=True, cwd=folder, timeout=600, env=dict(os.environ, **env))


def the_one(language, word):
    found = [text for text in blocks(language) if word in text]
    if len(found) != 1:
        sys.exit(f"{README}: expected one {language} block with {word!r}, found {len(found)}")
    return found[0]


def build_by_hand():
    for line in the_one("sh", "cmake -S . -B").splitlines():
        if line.startswith("ctest "):
            continue
        cache = os.environ.get("CCACHE_DIR", str(pathlib.Path.home() / ".cache/ccache"))
        run(line, SOURCE, HOME=str(HOME), CCACHE_DIR=cache)
        if line.startswith("cmake -S "):
            run(f"cmake -DEKMAN_WERROR={WERROR} {line.split(' -B ')[1].split()[0]}", SOURCE)


def couple():
    folder = WORK / "model"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.f90").write_text(the_one("fortran", "program model"))
    (folder / "plan.yaml").write_text(the_one("yaml", "networks:"))
    (folder / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.22)\nproject(model LANGUAGES C Fortran)\n"
                                           "add_executable(model model.f90)\n" + the_one("cmake", "find_package"))
    prefix = HOME / "ekman"
    run(f"cmake -S . -B . -DCMAKE_PREFIX_PATH={prefix} && cmake --build .", folder)
    path = f"{prefix / 'bin'}:{os.environ['PATH']}"
    for line in the_one("sh", "mpirun").splitlines():
        run(line, folder, PATH=path, OMPI_MCA_rmaps_base_oversubscribe="1",
            PRTE_MCA_rmaps_default_mapping_policy=":oversubscribe")
    for line in the_one("sh", "ekman check --svg").splitlines():
        run(line, folder, PATH=path)


for line in the_one("sh", "make demo").splitlines():
    run(line.replace("make", "make -n", 1) + " > /dev/null", SOURCE)
for name in re.findall(r"\]\(([^)#]+)\)", README.read_text()):
    if "://" not in name and not (SOURCE / name).exists():
        sys.exit(f"{README} points to {name}, which is not there")
build_by_hand()
couple()
