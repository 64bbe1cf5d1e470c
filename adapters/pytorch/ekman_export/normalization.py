"""--normalize: constants of fields as a plan has them, or a file of statistics by level that goes into the artifact."""
import json
import math
import os

from .refused import Refused, did_you_mean

STATISTICS = "statistics.h5"


def _of_json(text, where, fields, may_run):
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Refused(f"{where} is no JSON ({error}); write it as in '{{\"temperature\": {{\"mean\": 250, \"std\": "
                      f"30}}}}'") from None
    if not isinstance(found, dict):
        raise Refused(f"{where} is no JSON object; write fields by name, as in "
                      "'{\"temperature\": {\"mean\": 250}}'")
    levels = fields.levels()
    for name, value in found.items():
        if name not in levels:
            raise Refused(f'{where} names "{name}", which is no field' + did_you_mean(
                name, list(levels), f"; fields are {', '.join(levels)}"))
        if value == "running":
            if name in fields.output_levels() or not may_run:
                raise Refused(f'{where} has "{name}" running, and only inputs of a network that learns can be; give '
                              'mean and std')
            continue
        if not isinstance(value, dict) or not value or set(value) - {"mean", "std"}:
            raise Refused(f'{where} has no mean and std of "{name}"; write {{"mean": 250, "std": 30}}, or give a '
                          "file of statistics by level, FILE.h5")
        for key, number in value.items():
            if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number) \
                    or (key == "std" and number == 0):
                raise Refused(f'{where} has {key} {json.dumps(number)} of "{name}"; give a finite number'
                              + (" that is not 0" if key == "std" else ""))
    return found


def _of_statistics(path, fields):
    """{field: {"from": ...}} of all fields that the file has."""
    try:
        import h5py
    except ImportError:
        raise Refused(f"--normalize {path} needs h5py, which this Python has not; "
                      "install it (Debian: python3-h5py)") from None
    try:
        with h5py.File(path, "r") as file:
            found = {}
            for name, levels in fields.levels().items():
                sizes = [file[key].size for key in (f"{name}_mean", f"{name}_std") if key in file]
                if not sizes:
                    continue
                if sizes != [levels, levels]:
                    found_sizes = " and ".join(map(str, sizes))
                    raise Refused(f'{path} has {found_sizes} value(s) of mean and std of "{name}", and it has '
                                  f"{levels} level(s); take the statistics of this field")
                found[name] = {"from": STATISTICS}
    except OSError as error:
        raise Refused(f"{path} cannot be read as HDF5 ({error}); give a file that ekman train wrote") from None
    if not found:
        raise Refused(f"{path} has statistics of none of {', '.join(fields.levels())}; it needs NAME_mean and NAME_std "
                      "of a field")
    return found


def read(texts, fields, may_run):
    """({field: what stands in the plan}, path of the file of statistics or None)."""
    all_found, statistics = {}, None
    for text in texts:
        if text.endswith(".h5") or text.endswith(".nc"):
            if statistics:
                raise Refused(f"--normalize has two files of statistics, {statistics} and {text}; put all fields into "
                              "one")
            if not os.path.isfile(text):
                raise Refused(f"there is no file {text} for --normalize")
            statistics, found = text, _of_statistics(text, fields)
        elif text.lstrip().startswith("{"):
            found = _of_json(text, f"--normalize {text}", fields, may_run)
        else:
            if not os.path.isfile(text):
                raise Refused(f"there is no file {text} for --normalize; give JSON, FILE.json or FILE.h5")
            with open(text, encoding="utf-8") as file:
                found = _of_json(file.read(), text, fields, may_run)
        twice = [name for name in found if name in all_found]
        if twice:
            raise Refused(f'--normalize has "{twice[0]}" twice; give it once')
        all_found.update(found)
    return all_found, statistics
