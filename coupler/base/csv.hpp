// Tables of RFC 4180: logs of learning, results of studies.
#pragma once

#include <fstream>
#include <string>
#include <vector>

namespace ekman {

class CsvReader {
 public:
  explicit CsvReader(const std::string& path);
  bool is_open() const { return file_.is_open(); }
  // The cells of the next row; false behind the last. A row without its end, as a writer that was killed leaves it, is
  // none.
  bool next(std::vector<std::string>& cells);

 private:
  std::ifstream file_;
};

// With quotes where it needs them.
std::string csv_cell(const std::string& text);

// NaN if it is none.
double csv_number(const std::string& cell);

}  // namespace ekman
