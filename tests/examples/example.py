"""What the tests of the examples share: an installed Ekman and a folder that looks like the top of the repository."""
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def prepare(cmake, build, work, old):
    """Installs Ekman to work/prefix and removes what an earlier run left in `old`; returns the prefix."""
    work.mkdir(parents=True, exist_ok=True)
    for name in ("prefix", *old):
        shutil.rmtree(work / name, ignore_errors=True)
    if not (work / "examples").exists():
        (work / "examples").symlink_to(ROOT / "examples")
    subprocess.run([cmake, "--install", build, "--prefix", work / "prefix"], check=True, stdout=subprocess.DEVNULL)
    return work / "prefix"
