// What the plan says of recordings: which fields of the exchanges ML ranks keep in files, and how large these become.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ekman {

struct RecordSpec {
  bool given = false;
  std::vector<std::string> fields;    // empty: all of every route
  std::int64_t every = 1;             // exchanges from one record to the next
  std::string file = "recording.h5";  // below output.directory; ML ranks put their names and numbers into it
  std::int64_t max_bytes = 0;         // of all files of an ML rank; 0: no bound
  std::int64_t records_per_file = 0;  // 0: one file
};

}  // namespace ekman
