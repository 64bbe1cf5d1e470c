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


def couple(program):
    job = [*MPIRUN, "-np", 2, program, ":", "-np", 1, PREFIX / "bin/ekman", "serve", HERE / "plan.yaml"]
    done = run(*job, stdout=subprocess.PIPE, text=True)
    if done.stdout.count("echo is right") != 2:
        sys.exit(f"{program}: expected 'echo is right' of both ranks, found: {done.stdout!r}")


def main():
    for old in WORK.glob("*"):
        if old.name in ("prefix", "c", "cpp", "fortran"):
            shutil.rmtree(old)
    run(CMAKE, "--install", BUILD, "--prefix", PREFIX, stdout=subprocess.DEVNULL)
    run(PREFIX / "bin/ekman", "check", HERE / "plan.yaml")
    for language in ("c", "cpp", "fortran"):
        couple(build_with_cmake(language))
    couple(build_with_pkg_config())


main()
