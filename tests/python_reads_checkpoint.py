"""A checkpoint read with numpy alone: every array, the texts and the checksum. Usage: <checkpoint_file_test> <folder>"""
import hashlib
import json
import os
import pathlib
import subprocess
import sys

import numpy


def read(path):
    """{name: array} and the texts of a file in the layout of safetensors."""
    raw = pathlib.Path(path).read_bytes()
    begin = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:begin])
    texts = header.pop("__metadata__")
    if hashlib.sha256(raw.replace(texts["sha256"].encode(), b"0" * 64)).hexdigest() != texts["sha256"]:
        raise ValueError(f"{path}: bytes are not those that were written")
    kinds = {"F32": "<f4", "F64": "<f8", "I64": "<i8"}
    return {name: numpy.frombuffer(raw[begin + entry["data_offsets"][0]:begin + entry["data_offsets"][1]],
                                   kinds[entry["dtype"]]).reshape(entry["shape"]) for name, entry in header.items()}, texts


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "for_python.safetensors"
    path.unlink(missing_ok=True)
    subprocess.run([program, "--gtest_filter=CheckpointFile.IsWrittenForPython"], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "EKMAN_CHECKPOINT_FOR_PYTHON": str(path)})
    arrays, texts = read(path)
    assert set(arrays) == {"step", "layer.weight", "layer.bias", "nothing"}, arrays.keys()
    assert arrays["step"].dtype == numpy.int64 and arrays["step"].shape == () and arrays["step"] == 41
    assert arrays["layer.weight"].dtype == numpy.float64 and (arrays["layer.weight"] == [41.0] * 5).all()
    assert arrays["layer.bias"].dtype == numpy.float32 and (arrays["layer.bias"] == [[41.0]] * 3).all()
    assert arrays["nothing"].shape == (0, 3)
    assert texts["format"] == "ekman checkpoint 1" and texts["step"] == "41"
    assert json.loads(texts["network"])["builtin"] == "mlp"
    print("4 arrays and their texts read")


if __name__ == "__main__":
    main()
