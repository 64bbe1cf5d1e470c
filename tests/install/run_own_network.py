"""A network of one's own against the installed package: examples/own_network built as its README says, learned with, served
from its checkpoint, and each way in which it can be wrong: run_own_network.py CMAKE BUILD WORK MODEL MPIRUN FLAGS..."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CMAKE, BUILD, WORK, MODEL, MPIRUN = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), sys.argv[4], sys.argv[5:]
PREFIX, FOLDER = WORK / "prefix", WORK / "own_network"
EKMAN = PREFIX / "bin/ekman"
STRANGE = """#include <ekman/network.hpp>
const ekman::NetworkTable* ekman_networks() {
  static ekman::NetworkTable table{};
  %s;
  return &table;
}
"""


def run(*command, **options):
    print("+", *command, flush=True)
    return subprocess.run(list(map(str, command)), check=True, timeout=240, **options)


def check(claim, holds, found):
    print(("ok: " if holds else "FAILED: ") + claim, flush=True)
    if not holds:
        sys.exit(str(found))


def checked(plan):
    return subprocess.run([EKMAN, "check", plan], capture_output=True, text=True, timeout=60)


def build_example():
    """And beside it libraries with another interface and another LibTorch, as far as they say so."""
    project = FOLDER / "CMakeLists.txt"
    for name, statement in (("version", "table.version = 999"), ("libtorch", 'table.libtorch = "0.4.1"')):
        (FOLDER / f"{name}.cpp").write_text(STRANGE % statement)
        project.write_text(project.read_text() + f"add_library({name} MODULE {name}.cpp)\n"
                           f"target_link_libraries({name} PRIVATE ekman::network ${{TORCH_LIBRARIES}})\n")
    script = re.search(r"```sh\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)[1]
    run("bash", "-euo", "pipefail", "-c", script, cwd=FOLDER, env=dict(os.environ, PREFIX=str(PREFIX)))


def couple(plan):
    fields = "temperature=12 humidity=12 heating_true=12 -> heating=12".split()
    run(*MPIRUN, "-np", 2, MODEL, "atmosphere", 3000, *fields, ":", "-np", 1, EKMAN, "serve", plan, cwd=FOLDER)


def is_served_from_its_checkpoint():
    plan = FOLDER / "served.yaml"
    text = (FOLDER / "plan.yaml").read_text()
    begin, end, training = text.index("    network:\n"), text.index("    inputs:"), text.index("    training:")
    checkpoint = next((FOLDER / "checkpoints").glob("mixing-*.safetensors")).name
    network = f"    network: {{checkpoint: checkpoints/{checkpoint}}}\n"
    plan.write_text(text[:begin] + network + text[end:training])
    done = checked(plan)
    check("a checkpoint makes the network again", done.returncode == 0 and "opened and tried" in done.stdout, done)
    (FOLDER / "build-own/libvertical.so").rename(FOLDER / "moved.so")
    done = checked(plan)
    check("its library must be where it was", "libvertical.so is not there" in done.stderr, done)
    plan.write_text(plan.read_text().replace("safetensors}", "safetensors, library: moved.so}"))
    done = checked(plan)
    check("or where the plan says that it is now", done.returncode == 0, done)
    (FOLDER / "moved.so").rename(FOLDER / "build-own/libvertical.so")


def is_refused(what, words, **changes):
    plan, text = FOLDER / "wrong.yaml", (FOLDER / "plan.yaml").read_text()
    for there, instead in changes.values():
        text = text.replace(there, instead)
    plan.write_text(text)
    done = checked(plan)
    check(what, done.returncode == 1 and words in done.stderr, done)


def main():
    shutil.rmtree(WORK, ignore_errors=True)
    run(CMAKE, "--install", BUILD, "--prefix", PREFIX, stdout=subprocess.DEVNULL)
    shutil.copytree(ROOT / "examples/own_network", FOLDER)
    build_example()
    couple(FOLDER / "plan.yaml")
    is_served_from_its_checkpoint()
    is_refused("a missing library", "nowhere.so is not there; build it", library=("build-own/libvertical", "nowhere"))
    is_refused("another name", 'has no network "vertica"; did you mean "vertical"?', name=("own: vertical", "own: vertica"))
    is_refused("a missing argument", 'argument "channels" is not given', arguments=("channels: 16, ", ""))
    is_refused("a wrong argument", 'argument "channels" is many, which is no number', arguments=("channels: 16", "channels: many"))
    is_refused("what the network itself refuses", "fields of 7 levels are needed", arguments=("levels: 12, c", "levels: 7, c"))
    library = next(PREFIX.glob("**/libekman.so"))
    is_refused("another library", "has no function ekman_networks", library=("build-own/libvertical.so", str(library)))
    (FOLDER / "text.so").write_text("no library")
    is_refused("no library at all", "cannot be loaded", library=("build-own/libvertical.so", "text.so"))
    is_refused("another interface", "another <ekman/network.hpp> (version 999, and this Ekman has 1); build it anew",
               library=("libvertical", "libversion"))
    is_refused("another LibTorch", "was built with LibTorch 0.4.1, and Ekman with", library=("libvertical", "liblibtorch"))


main()
