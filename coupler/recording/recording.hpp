// A recording: fields of a network's exchanges, as its ML ranks had them, and the port to the files that keep them:
// adapters/hdf5 has these. A file is of one ML rank. Everything here is local to one rank.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

struct RecordedField {
  std::string name;
  std::int64_t levels = 1;
  std::string units;
};

// What a file says of itself.
struct RecordingHeader {
  std::string component, network;
  StepClock clock;  // of the component
  Sample sample = Sample::point;
  std::int64_t grid_ny = 0, grid_nx = 0;  // grid only
  std::int64_t chunk = 0;                 // samples
  Real wire = Real::float32;              // kind of all values
  std::vector<RecordedField> fields;
  std::vector<std::int64_t> chunks;         // their numbers, ascending: those of this ML rank
  std::vector<std::int64_t> ids;            // global id of each point, chunk after chunk; no pads
  std::vector<double> longitude, latitude;  // of each point, degrees east and north; empty: not given

  std::int64_t rows_per_chunk() const { return chunk * (sample == Sample::grid ? grid_ny * grid_nx : 1); }
  // Of the chunk at `place` in `chunks`: all are full but the last one of the network.
  std::int64_t first_row(std::int64_t place) const { return place * rows_per_chunk(); }
  std::int64_t rows_of(std::int64_t place) const;
};

// One exchange.
struct Record {
  std::int64_t step = 0;      // of the component, from 1
  std::int64_t exchange = 0;  // from 0
};

class RecordingWriter {
 public:
  virtual ~RecordingWriter() = default;
  // Values of the chunk at `place` in the record that comes next, rows one after the other: [rows_of(place), levels].
  virtual void write(std::int64_t field, std::int64_t place, const std::byte* values) = 0;
  // All fields of all chunks are written: the record is in the file, and stays there though the process be killed.
  virtual void end_record(const Record& record) = 0;
  virtual std::int64_t bytes() const = 0;  // of the file so far
  // On return the file is whole, on the disk, and has its name.
  virtual void finish() = 0;
};

// A file that is finished, or that a killed run was writing.
class RecordingReader {
 public:
  virtual ~RecordingReader() = default;
  virtual const RecordingHeader& header() const = 0;
  // For messages.
  virtual const std::string& path() const = 0;
  virtual const std::vector<Record>& records() const = 0;
  // As RecordingWriter::write; `record` is a place in records().
  virtual void read(std::int64_t record, std::int64_t field, std::int64_t place, std::byte* values) const = 0;
};

// Both throw Error with path and cause, as all calls of what they make do.
class RecordingStore {
 public:
  virtual ~RecordingStore() = default;
  // Until it is finished the file's name has .part behind it. A file that is there already is refused.
  virtual std::unique_ptr<RecordingWriter> create(const std::string& path, const RecordingHeader& header) const = 0;
  virtual std::unique_ptr<RecordingReader> open(const std::string& path) const = 0;
};

}  // namespace ekman
