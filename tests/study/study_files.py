"""Studies of the tests, and what `ekman sweep` makes of them."""
import csv
import os
import subprocess
import sys
import time

PLAN = """ekman: 1
components:
  atmosphere: {points: 1000}
networks:
  heating:
    component: atmosphere
    network: {echo: {}}
    inputs: [{fields: [t]}]
    outputs: [{fields: [q]}]
"""
ENVIRONMENT = {**os.environ, "EKMAN_PYTHON": sys.executable}


def write_study(folder, text, plan=PLAN):
    folder.mkdir(parents=True)
    (folder / "plan.yaml").write_text(plan)
    study = folder / "study.yaml"
    study.write_text(text)
    return study


def sweep(ekman, study, *options, env=ENVIRONMENT, status=0, timeout=60):
    done = subprocess.run([ekman, "sweep", *options, str(study)], env=env, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == status, f"status {done.returncode}, not {status}\n{done.stdout}\n{done.stderr}"
    return done


def rows_of(results, name="results.csv"):
    with open(results / name, newline="") as file:
        return list(csv.DictReader(file))


def assert_drawn(path):
    """A picture that is not of one colour."""
    import matplotlib.image
    image = matplotlib.image.imread(path)
    assert min(image.shape[:2]) > 200 and image.std() > 0.01, f"{path} is blank"


def run_all(*tests):
    """Says of each how long it took."""
    for test in tests:
        begin = time.monotonic()
        test()
        print(f"{test.__name__}: {time.monotonic() - begin:.1f} s")
