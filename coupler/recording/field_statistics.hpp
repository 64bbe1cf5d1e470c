// Mean and standard deviation of a field, as `normalize: {from: FILE}` has them: adapters/hdf5 reads and writes the
// files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ekman {

struct FieldStatistics {
  std::string field, units;
  std::vector<double> mean, std;  // by level, in the field's unit
  std::int64_t points = 0;        // that they were taken over; 0: unknown
  std::string part;               // of which data, in words; empty: unknown
};

}  // namespace ekman
