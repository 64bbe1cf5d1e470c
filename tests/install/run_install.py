"""Installs Ekman, builds each consumer against the package and runs it: run_install.py CMAKE BUILD WORK MPIRUN FLAGS..."""
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CMAKE, BUILD, WORK, MPIRUN = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), sys.argv[4:]
PREFIX = WORK / "prefix"


def run(*command, **options):
    print("+", *command, flush=True)
    return subprocess.run(list(map(str, command)), check=True, timeout=240, **options)


def build_with_cmake(language):
    build = WORK / language
    run(CMAKE, "-S", HERE / language, "-B", build, f"-DCMAKE_PREFIX_PATH={PREFIX}")
    run(CMAKE, "--build", build)
    return build / "consumer"


def build_with_pkg_config():
    env = dict(os.environ, PKG_CONFIG_PATH=str(next(PREFIX.glob("**/pkgconfig"))))
    flags = run("pkg-config", "--cflags", "--libs", "ekman", env=env, capture_output=True, text=True).stdout
    library_folder = next(PREFIX.glob("**/libekman.so")).parent
    program = WORK / "consumer_pkg_config"
    run("mpicc", HERE / "c/consumer.c", "-o", program, *shlex.split(flags), f"-Wl,-rpath,{library_folder}")
    return program


def couple(program, serves=False):
    """Beside `ekman serve`, or with one of its own ranks that serves."""
    plan = HERE / "plan.yaml"
    job = [*MPIRUN, "-np", 3, program, plan] if serves else \
        [*MPIRUN, "-np", 2, program, ":", "-np", 1, PREFIX / "bin/ekman", "serve", plan]
    done = run(*job, stdout=subprocess.PIPE, text=True)
    if done.stdout.count("echo is right") != 2:
        sys.exit(f"{program}: expected 'echo is right' of both ranks, found: {done.stdout!r}")


def write_inline_plan():
    """The same network in the component's processes."""
    plan = WORK / "inline.yaml"
    text = (HERE / "plan.yaml").read_text().replace("    component: ocean\n", "    component: ocean\n    placement: inline\n")
    plan.write_text(f"output: {{directory: {WORK}}}\n{text}")
    return plan


def couple_inline(program):
    done = run(*MPIRUN, "-np", 2, program, stdout=subprocess.PIPE, text=True,
               env=dict(os.environ, EKMAN_PLAN=str(write_inline_plan())))
    if done.stdout.count("echo is right") != 2:
        sys.exit(f"{program}, inline: expected 'echo is right' of both ranks, found: {done.stdout!r}")


def differentiate():
    """With the installed module, and with its source."""
    program = build_with_cmake("tensor")
    sources = [PREFIX / "share/ekman" / name for name in ("ekman.f90", "ekman_tensor.f90")]
    library = next(PREFIX.glob("**/libekman_tensor.so"))
    own = WORK / "tensor/from_source"
    run("mpifort", *sources, HERE / "tensor/consumer.f90", "-o", own, library, library.with_name("libekman.so"),
        f"-Wl,-rpath,{library.parent}", cwd=WORK / "tensor")
    for each in (program, own):
        said = run(each, stdout=subprocess.PIPE, text=True).stdout
        if said != "gradient is right\n":
            sys.exit(f"{each}: expected 'gradient is right', found: {said!r}")


def without_libtorch(program):
    library = next(PREFIX.glob("**/libekman_torch.so.[0-9]"))
    library.rename(library.with_suffix(".away"))
    couple(program)
    couple_inline(program)
    plan = WORK / "mlp.yaml"
    plan.write_text((HERE / "plan.yaml").read_text().replace("{echo: {}}", "{builtin: mlp, hidden: [4]}"))
    done = subprocess.run([PREFIX / "bin/ekman", "check", plan], timeout=60, stderr=subprocess.PIPE, text=True)
    library.with_suffix(".away").rename(library)
    if done.returncode == 0 or "the library that runs networks cannot be loaded" not in done.stderr:
        sys.exit(f"without libekman_torch ekman check ended with {done.returncode}: {done.stderr}")
    run(PREFIX / "bin/ekman", "check", plan)


def without_the_ml_library(program):
    library = next(PREFIX.glob("**/libekman_ml.so.[0-9]"))
    library.rename(library.with_suffix(".away"))
    serving = [*MPIRUN, "-np", 3, program, HERE / "plan.yaml"]
    inline = [*MPIRUN, "-np", 2, program]
    dones = [subprocess.run([str(word) for word in job], timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, env=dict(os.environ, **env))
             for job, env in ((serving, {}), (inline, {"EKMAN_PLAN": str(write_inline_plan())}))]
    library.with_suffix(".away").rename(library)
    for done in dones:
        if done.returncode == 0 or "the ML library that serves networks cannot be loaded" not in done.stdout:
            sys.exit(f"without the ML library {program} ended with {done.returncode}: {done.stdout}")


def import_nothing():
    """The installed command finds its modules, in any directory."""
    done = subprocess.run([PREFIX / "bin/ekman-import", "none.safetensors", "--out", "none.pt"], cwd="/", timeout=60,
                          stderr=subprocess.PIPE, text=True, env=dict(os.environ, EKMAN_PYTHON=sys.executable))
    if done.returncode != 1 or "checkpoint none.safetensors cannot be read: it does not exist" not in done.stderr:
        sys.exit(f"ekman-import of no file ended with {done.returncode}: {done.stderr}")


def main():
    for old in WORK.glob("*"):
        if old.name in ("prefix", "c", "cpp", "fortran", "tensor"):
            shutil.rmtree(old)
    run(CMAKE, "--install", BUILD, "--prefix", PREFIX, stdout=subprocess.DEVNULL)
    run(PREFIX / "bin/ekman", "check", HERE / "plan.yaml")
    import_nothing()
    for language in ("c", "cpp", "fortran"):
        program = build_with_cmake(language)
        couple(program)
        couple_inline(program)
    couple(program, serves=True)
    if list(PREFIX.glob("**/libekman_tensor.so")):
        differentiate()
    without_libtorch(program)
    without_the_ml_library(program)
    couple(build_with_pkg_config())


main()
