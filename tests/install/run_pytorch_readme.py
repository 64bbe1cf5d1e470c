"""adapters/pytorch/README.md as a user meets it: its files are written and its commands run as they stand, with the
installed ekman-export.

run_pytorch_readme.py CMAKE BUILD WORK
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

CMAKE, BUILD, WORK = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]).resolve()
README = pathlib.Path(__file__).resolve().parents[2] / "adapters/pytorch/README.md"
TEXT = README.read_text()
# What each --out has, and whether PyTorch 2 needs a package for a command, which need not be there.
LEARNED = {"checkpoint.safetensors", "infer.pt", "manifest.json", "optimizer.json", "train.pt"}
SERVED = {"checkpoint.safetensors", "infer.pt", "manifest.json"}


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def require(claim, holds):
    print(("ok: " if holds else "FAILED: ") + claim, flush=True)
    if not holds:
        sys.exit(1)


def has_onnx():
    words = "import torch, importlib.util as u; raise SystemExit(torch.__version__ >= '2' and not u.find_spec('onnx'))"
    return subprocess.run([sys.executable, "-c", words], timeout=60).returncode == 0


def main():
    shutil.rmtree(WORK, ignore_errors=True)
    folder = WORK / "here"
    folder.mkdir(parents=True)
    install = [CMAKE, "--install", BUILD, "--prefix", WORK / "prefix"]
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL, timeout=60)
    for text in blocks("python"):
        (folder / re.match(r"# (\w+\.py)", text)[1]).write_text(text)
    (WORK / "bin").mkdir()
    (WORK / "bin/python3").symlink_to(sys.executable)
    env = dict(os.environ, PATH=f"{WORK / 'prefix/bin'}:{WORK / 'bin'}:{os.environ['PATH']}"
                                "", EKMAN_PYTHON=sys.executable)
    script = re.sub(r"^#.*\n", "", "".join(blocks("sh")).replace("\\\n", ""), flags=re.MULTILINE)
    commands = [command for command in script.splitlines() if command]
    for command in commands:
        if "--onnx" in command and not has_onnx():
            command = re.sub(r"--onnx \S+", "", command)
        print("+", command, flush=True)
        subprocess.run(command, shell=True, check=True, cwd=folder, env=env, timeout=120)
    for command in commands:
        out = re.search(r"--out (\S+)", command)
        if out:
            found = {file.name for file in (folder / out[1]).iterdir()}
            expected = (LEARNED if "--loss" in command else SERVED) | ({"eval.pt"} if "--eval" in command else set())
            require(f"{out[1]} has {', '.join(sorted(expected))}", found == expected)
    require("nothing else was left", not list(folder.glob(".*")))
    optimizer = json.loads((folder / "goes-on/optimizer.json").read_text())
    require("the rate is that of the saved optimizer", optimizer["adamw"]["lr"] == 1e-3)
    require("one "
            "file each", (folder / "heating.pt").is_file() and ((folder / "heating.onnx").is_file() or not has_onnx()))
    for name in re.findall(r"\]\(([^)#]+)[^)]*\)", TEXT):
        require(f"{name} is there", (README.parent / name).exists())


main()
