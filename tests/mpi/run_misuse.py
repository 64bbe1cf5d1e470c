"""Runs misuse_model with each mistake: the job ends in time, with a non-zero status and the expected sentence.

run_misuse.py MPIEXEC MODEL EKMAN PLAN WORK_DIR
"""
import pathlib
import shutil
import subprocess
import sys

EXPECTED = {
    "component": 'component "atmosfere" is not in the plan',
    "put_early": "put was called before enddef",
    "twins": 'component "atmosphere", ranks 0-1: global id 1 is there more than once',
    "levels": 'component "atmosphere", rank 1: field "t" has 5 levels, on rank 0 it has 4',
    "missing_field": 'component "atmosphere", ranks 0-1: network "echo" wants field "s", which is not defined',
    "units": 'component "atmosphere", rank 1: field "ds" is in "m", on rank 0 in "kg"',
    "latitude": "is 91; give it in degrees, from -90 to 90",
    "longitudes": "longitude has 9 values, but its point set has 10 slots",
    "get_early": 'rank 1: get of "dt" in step 1 came before its input "s" was put (0 of 10 points)',
    "no_put": 'rank 1: advance of step 1: only 0 of 10 points of field "s" were put',
    "double_put": 'field "s" was put twice in step 1',
    "kind": "",
    "stop": "",           # the launcher says it
    "error_stop": "",
    "killed": "",
    "shape": "was defined with 5 levels, the array has 4",
    "name": 'there is no field "temperature"',
    "code": "gave up: component",
    "early_end": "are out of step",
    "put_late": "the coupler is not initialised",
    "killed_late": "",
    "no_finalize": "MPI_Finalize was called before finalize of the coupler",
    "thread_get": 'get of "dt" from a thread other than the one that called init',
}
# With `tape: 1`, but for no_tape and zero_no_tape.
ADJOINTS = {
    "full_tape": 'the tape of network "echo" is full in step 2 (tape: 1)',
    "empty_tape": 'put_adjoint of "dt": no exchange of network "echo" is on the tape',
    "no_tape": 'put_adjoint of "dt": it is no output of a network that keeps a tape',
    "adjoint_twice": 'put_adjoint of "dt" came twice for points among 3 to 4',
    "second_adjoint": 'put_adjoint of "dt": no exchange of network "echo" is on the tape',
    "get_adjoint_early": 'get_adjoint of "t" came before the adjoints of all outputs of network "echo" were put',
    "get_adjoint_alone": 'get_adjoint of "t" came before the adjoints of all outputs of network "echo" were put',
    "adjoint_shape": "was defined with 5 levels, the array has 4",
    "thread_adjoint": "put_adjoint was called from a thread other than the one that called init",
    "adjoint_name": 'there is no field "du"',
    "adjoint_of_input": 'put_adjoint of "t": it is no output of a network that keeps a tape',
    "adjoint_by_output": 'get_adjoint of "dt": it is no input of a network that keeps a tape',
    "adjoint_between": 'put_adjoint of "dt" in step 1 came between the puts of the inputs of network "echo"',
    "half_adjoint": 'put: adjoints of some outputs of network "echo" were put, and not of all',
    "half_adjoint_end": 'finalize: adjoints of some outputs of network "echo" were put, and not of all',
    "half_adjoint_zero": 'zero_grad: adjoints of some outputs of network "echo" were put, and not of all',
    "unlike_retain": 'put_adjoint of "ds" without retain, the others of this pass with',
    "zero_name": 'there is no network "ecco" of this component; did you mean "echo"',
    "zero_no_tape": 'zero_grad of network "echo", which keeps no tape',
    "unlike_turns": "do not take turns alike",
    "tape_restart": 'the tape of network "echo" is not empty (exchanges: 1)',
}

mpiexec, model, ekman, plan, work = sys.argv[1:6]
pathlib.Path(work).mkdir(parents=True, exist_ok=True)
other = shutil.copy(model, f"{work}/other_model")
# Jobs that are put together wrongly.
COMPONENT, SERVE = ["-np", "2", model, "none"], ["-np", "1", ekman, "serve"]
JOBS = {
    "two plans": ([*COMPONENT, ":", *SERVE, plan, ":", *SERVE, plan + ".other"], "a job has one plan"),
    "two programs": ([*COMPONENT, ":", "-np", "1", other, "none", ":", *SERVE, plan],
                     'and both call themselves "atmosphere"'),
    "no such plan": ([*COMPONENT, ":", *SERVE, plan + ".other"], "the file cannot be read"),
    "no component": ([*SERVE, plan], 'component "atmosphere": no rank of this job is it'),
    "no ML rank": (COMPONENT, "no ML rank in this job"),
    "too many ML ranks": ([*COMPONENT, ":", "-np", "3", ekman, "serve", plan], "the plan asks for 1 ML rank"),
}
no_output = pathlib.Path(work) / "no_output.yaml"
no_output.write_text(pathlib.Path(plan).read_text() + "output: {directory: /dev/null/run}\n")
JOBS["output"] = ([*COMPONENT, ":", *SERVE, str(no_output)], "cannot make the output directory /dev/null/run: Not a directory")
for mistake, sentence in EXPECTED.items():
    JOBS[mistake] = (["-np", "2", model, mistake, ":", *SERVE, plan], sentence)
tape = pathlib.Path(work) / "tape.yaml"
tape.write_text(pathlib.Path(plan).read_text().replace("chunk: 16", "chunk: 16\n    tape: 1"))
for mistake, sentence in ADJOINTS.items():
    JOBS[mistake] = (["-np", "2", model, mistake, ":", *SERVE, plan if "no_tape" in mistake else str(tape)], sentence)
learns = pathlib.Path(work) / "learns.yaml"
learns.write_text(tape.read_text().replace("{echo: {}}", "{builtin: mlp, hidden: [4]}") + "    training: {optimizer: {sgd: {lr: 0.1}}}\n")
JOBS["loss_of_adjoints"] = (["-np", "2", model, "loss_of_adjoints", ":", *SERVE, str(learns)],
                            'network "echo" learns from adjoints, so that its loss is in the component')
long_tape = pathlib.Path(work) / "long_tape.yaml"
long_tape.write_text(tape.read_text().replace("tape: 1", "tape: 3"))
subprocess.run([mpiexec, "--oversubscribe", "-np", "2", model, "no_mistake", ":", *SERVE, str(long_tape)], check=True, timeout=30)
JOBS["scalar"] = (["-np", "2", model, "scalar", ":", *SERVE, str(learns)],
                  'there is no scalar "los" of a network; did you mean "loss"?')
JOBS["scalar_without_training"] = (
    ["-np", "2", model, "scalar_without_training", ":", *SERVE, plan],
    'get_scalar of "echo/los": it is of no network of this component that learns (those are: none)')
wrong = []
PROGRAMS = {str(pathlib.Path(program).resolve()) for program in (model, ekman, other)}


def ranks_run():
    for link in pathlib.Path("/proc").glob("[0-9]*/exe"):
        try:
            if str(link.readlink()) in PROGRAMS:
                return True
        except OSError:   # it has ended, or is not ours
            pass
    return False


for mistake, (job, sentence) in JOBS.items():
    with open(f"{work}/output.txt", "w+") as output:
        launcher = subprocess.Popen([mpiexec, "--oversubscribe", *job], stdout=output, stderr=subprocess.STDOUT)
        try:
            status = launcher.wait(timeout=30)
        except subprocess.TimeoutExpired:
            status = "none, ranks are still running after 30 s" if ranks_run() else "none, the launcher hangs"
            launcher.kill()
        output.seek(0)
        said = output.read()
    if not isinstance(status, int) or status <= 0 or sentence not in said:   # below: a crash of the launcher
        wrong.append(f"{mistake}: status {status}, expected: {sentence}\n{said}")
print("\n".join(wrong) or f"{len(JOBS)} mistakes, each named")
sys.exit(bool(wrong))
