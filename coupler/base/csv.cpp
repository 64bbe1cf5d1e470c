// Implements csv.hpp.
#include "coupler/base/csv.hpp"

#include <charconv>
#include <limits>
#include <string_view>
#include <system_error>

namespace ekman {

namespace {

// Of a row without its end; quotes may hold commas, and two of them are one.
std::vector<std::string> cells_of(std::string_view row) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (std::size_t at = 0; at < row.size(); ++at) {
    if (row[at] == '"') {
      if (quoted && at + 1 < row.size() && row[at + 1] == '"') {
        cells.back() += row[at++];
      } else {
        quoted = !quoted;
      }
    } else if (row[at] == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back() += row[at];
    }
  }
  return cells;
}

}  // namespace

CsvReader::CsvReader(const std::string& path) : file_(path, std::ios::binary) {}

bool CsvReader::next(std::vector<std::string>& cells) {
  std::string row;
  if (!std::getline(file_, row) || file_.eof() || row.empty() || row.back() != '\r') return false;
  row.pop_back();
  cells = cells_of(row);
  return true;
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of("\",\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

double csv_number(const std::string& cell) {
  double value = 0.0;
  const auto read = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  const bool is_whole = read.ec == std::errc() && read.ptr == cell.data() + cell.size();
  return is_whole ? value : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace ekman
