"""What run.py and make_data.py share: plans and namelists fitted to a size, jobs under mpirun, a progress bar."""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent


def namelist(path, **values):
    """darcy.nml with other values, written to `path`."""
    text = (HERE / "darcy.nml").read_text()
    for name, value in values.items():
        text, count = re.subn(rf"^(  {name} = )\S+", rf"\g<1>{value}", text, flags=re.MULTILINE)
        if count != 1:
            sys.exit(f"darcy.nml has no line for {name}")
    path.write_text(text)


def plan(name, path, **values):
    """A plan of this folder, written to `path`, with other values behind these keys."""
    text = (HERE / name).read_text()
    for key, value in values.items():
        text, count = re.subn(rf"(\b{key}: )(\[[^\]]*\]|[^\s,}}]+)", rf"\g<1>{value}", text)
        if count != 1:
            sys.exit(f"{name} has {count} keys {key}")
    path.write_text(text)


def modes_of(size, wanted):
    """As many waves as the fno takes: at most half the points, with the eighth that its zeros add."""
    return min(wanted, (size + (size + 7) // 8) // 2)


def program(path, what):
    """The absolute path of a program, or the end."""
    found = shutil.which(path)
    if found is None:
        sys.exit(f"no program {path}: {what}")
    return str(pathlib.Path(found).resolve())


def environment():
    env = dict(os.environ)
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        env.pop(name, None)
    if os.geteuid() == 0:   # in a container; Open MPI refuses root otherwise
        env.setdefault("OMPI_ALLOW_RUN_AS_ROOT", "1")
        env.setdefault("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
    env.setdefault("OMPI_MCA_rmaps_base_oversubscribe", "1")   # three processes may meet two cores
    env.setdefault("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe")
    env.setdefault("PMIX_MCA_pmdl", "^ompi")   # Debian's Open MPI 5 crashes at `mpirun a : b` without it
    return env


def couple(label, ranks, model, ekman, plan_path):
    """Runs the model on `ranks` ranks beside `ekman serve`, in the plan's folder; `progress FRACTION` of the model
    moves a bar on stderr, where that is a terminal. Returns the seconds it took; all other lines are in LABEL.log."""
    folder = plan_path.parent
    log_path = folder / f"{label}.log"
    command = [*shlex.split(os.environ.get("MPIRUN", "mpirun")), "-np", str(ranks), *map(str, model), ":", "-np", "1",
               ekman, "serve", plan_path.name]
    start = time.monotonic()
    with open(log_path, "w") as log:
        log.write("$ " + shlex.join(command) + "\n")
        log.flush()
        process = subprocess.Popen(command, env=environment(), cwd=folder, stdout=subprocess.PIPE, stderr=log,
                                   text=True)
        for line in process.stdout:
            words = line.split()
            if len(words) == 2 and words[0] == "progress":
                show(label, float(words[1]), time.monotonic() - start)
            else:
                log.write(line)
        status = process.wait()
    if status != 0:
        tail = "\n".join(log_path.read_text().splitlines()[-25:])
        sys.exit(f"\n{label}: exit status {status}; the end of {log_path}:\n{tail}")
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return time.monotonic() - start


def show(label, part, seconds):
    if sys.stderr.isatty():
        print(f"\r[{'#' * int(30 * part):<30}] {100 * part:3.0f} %  {seconds:4.0f} s  {label:<10}", end="",
              file=sys.stderr, flush=True)


def fresh(folder, *names):
    """The folder, without what an earlier run left there under these names, so that nothing stale is ever judged."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        for old in folder.glob(name):
            if old.is_dir():
                shutil.rmtree(old)
            else:
                old.unlink()
    return folder
