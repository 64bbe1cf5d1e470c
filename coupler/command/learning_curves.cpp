// Implements learning_curves.hpp. The log is RFC 4180, docs/training.md; its rows hold numbers, and a date without
// quotes.
#include "coupler/command/learning_curves.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <string_view>

#include "ekman/error.hpp"

namespace ekman {

namespace {

// Cells of a row without its end; quotes may hold commas, and two of them are one.
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

// NaN where there is none.
double number_of(const std::string& cell) {
  double value = 0.0;
  const auto read = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  return read.ec == std::errc() && read.ptr == cell.data() + cell.size() ? value
                                                                         : std::numeric_limits<double>::quiet_NaN();
}

// Means of `every` values, of those that are numbers.
std::vector<double> means_of(const std::vector<double>& values, std::size_t every) {
  std::vector<double> means;
  for (std::size_t first = 0; first < values.size(); first += every) {
    double sum = 0.0;
    int count = 0;
    for (std::size_t at = first; at < std::min(first + every, values.size()); ++at) {
      if (!std::isfinite(values[at])) continue;
      sum += values[at];
      ++count;
    }
    means.push_back(count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN());
  }
  return means;
}

}  // namespace

LearningCurves read_learning_curves(const std::string& path, const std::string& network, std::size_t most) {
  std::ifstream file(path, std::ios::binary);
  std::string row;
  const auto next = [&] {
    if (!std::getline(file, row) || file.eof() || row.empty() || row.back() != '\r') return false;
    row.pop_back();
    return true;
  };
  const auto fail = [&](const std::string& found) {
    throw Error(ErrorCode::plan, fmt::format("cannot read the log of network \"{}\", {}: {}; move it away for a report "
                                             "without its curves",
                                             network, path, found));
  };
  if (!file.is_open()) fail(std::strerror(errno));
  if (!next()) fail("it has no header");
  const std::vector<std::string> names = cells_of(row);
  if (names.front() != "step") fail("its first column is not \"step\"");
  std::vector<std::vector<double>> columns(names.size());
  while (next()) {
    const std::vector<std::string> cells = cells_of(row);
    if (cells.size() != names.size())
      fail(fmt::format("row {} has not as many cells as its header", columns[0].size() + 1));
    for (std::size_t c = 0; c < cells.size(); ++c) columns[c].push_back(number_of(cells[c]));
  }
  LearningCurves curves;
  curves.network = network;
  const std::size_t every = std::max<std::size_t>((columns[0].size() + most - 1) / most, 1);
  curves.every = static_cast<std::int64_t>(every);
  for (std::size_t at = 0; at < columns[0].size(); at += every)
    curves.step.push_back(columns[0][std::min(at + every, columns[0].size()) - 1]);
  for (std::size_t c = 1; c < names.size(); ++c)
    if (names[c] != "model_time") curves.columns.emplace_back(names[c], means_of(columns[c], every));
  return curves;
}

}  // namespace ekman
