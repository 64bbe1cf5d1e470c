"""A recording opened with xarray, and by netCDF's own library. Usage: <recording_file_test> <folder>"""
import os
import pathlib
import subprocess
import sys

import numpy
import xarray


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    subprocess.run([program, "--gtest_filter=RecordingFileTest.KeepsEveryBitInEitherKind"], check=True,
                   stdout=subprocess.DEVNULL, env={**os.environ, "EKMAN_KEEP_RECORDINGS": str(folder)})

    for kind in ("float32", "float64"):
        path = folder / f"{kind}.h5"
        with xarray.open_dataset(path) as recording:
            assert dict(recording.sizes) == {"time": 3, "point": 5, "level_2": 2, "chunk": 2}, recording.sizes
            assert recording["t"].dims == ("time", "point", "level_2") and recording["ps"].dims == ("time", "point")
            assert recording["t"].dtype == kind and recording["t"].units == "K"
            assert "units" not in recording["tracer"].attrs
            assert set(recording["t"].coords) == {"time", "global_id", "longitude", "latitude"}, recording["t"].coords
            assert recording.longitude.units == "degrees_east" and recording.latitude.standard_name == "latitude"
            assert str(recording.time.values[2])[:19] == "2000-02-15T02:30:00", recording.time.values
            assert recording["step"].values.tolist() == [1, 3, 5] and recording["exchange"].values.tolist() == [0, 1, 2]
            assert recording["global_id"].values.tolist() == [10, 11, 5000000000, 5000000010, 5000000011]
            wanted = (1000 * numpy.array([1, 3, 5])[:, None, None] + 10 * numpy.arange(5)[:, None] + numpy.arange(2))
            assert (recording["t"].values == wanted.astype(kind) / numpy.dtype(kind).type(7)).all()
            assert recording.attrs["Conventions"] == "CF-1.10" and recording.attrs["fields"] == "t ps tracer"
        header = subprocess.run(["ncdump", "-h", path], check=True, capture_output=True, text=True).stdout
        for line in ("time = UNLIMITED ; // (3 currently)", "point = 5 ;",
                     f"{'float' if kind == 'float32' else 'double'} t(time, point, level_2) ;", 't:units = "K" ;',
                     'time:units = "seconds since 2000-02-15 00:00:00" ;', 'time:calendar = "proleptic_gregorian" ;'):
            assert line in header, (line, header)
        values = subprocess.run(["ncdump", "-v", "step", path], check=True, capture_output=True, text=True).stdout
        assert "step = 1, 3, 5 ;" in values, values
    print("2 recordings read with xarray and ncdump")


if __name__ == "__main__":
    main()
