"""Writes recordings with h5py, as docs/recording.md has them: for tests of what reads them."""
import h5py
import numpy


def write(path, fields, ids, steps, chunk, chunks=None, units=None, wire="float64", network="mlp", grid=None):
    """`fields`: name -> array (time, point) or (time, point, level), points in the order of `ids`, sorted; `grid`: (ny, nx)."""
    with h5py.File(path, "w", libver="v110") as file:
        def text(to, name, value):
            to.attrs[name] = numpy.bytes_(value)

        text(file, "Conventions", "CF-1.10")
        text(file, "format", "ekman recording")
        file.attrs["format_version"] = numpy.int64(1)
        text(file, "component", "atmosphere")
        text(file, "network", network)
        text(file, "sample", "grid" if grid else "point")
        if grid:
            file.attrs["grid_shape"] = numpy.array(grid, dtype=numpy.int64)
        file.attrs["chunk_samples"] = numpy.int64(chunk)
        text(file, "fields", " ".join(fields))
        rows = chunk * (grid[0] * grid[1] if grid else 1)
        count = (len(ids) + rows - 1) // rows
        file["chunk_number"] = numpy.arange(count) if chunks is None else numpy.array(chunks)
        file["global_id"] = numpy.array(ids, dtype=numpy.int64)
        file["time"] = numpy.array(steps, dtype=numpy.float64)
        file["step"] = numpy.array(steps, dtype=numpy.int64)
        file["exchange"] = numpy.arange(len(steps))
        for name, values in fields.items():
            file[name] = values.astype(wire)
            text(file[name], "long_name", name)
            if units and name in units:
                text(file[name], "units", units[name])
