// Implements learning_curves.hpp. The log is that of docs/training.md; its rows hold numbers, and a date without
// quotes.
#include "coupler/command/learning_curves.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>

#include "coupler/base/csv.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

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
  CsvReader log(path);
  std::vector<std::string> names, cells;
  const auto fail = [&](const std::string& found) {
    throw Error(ErrorCode::plan, fmt::format("cannot read the log of network \"{}\", {}: {}; move it away for a report "
                                             "without its curves",
                                             network, path, found));
  };
  if (!log.is_open()) fail(std::strerror(errno));
  if (!log.next(names)) fail("it has no header");
  if (names.front() != "step") fail("its first column is not \"step\"");
  std::vector<std::vector<double>> columns(names.size());
  while (log.next(cells)) {
    if (cells.size() != names.size())
      fail(fmt::format("row {} has not as many cells as its header", columns[0].size() + 1));
    for (std::size_t c = 0; c < cells.size(); ++c) columns[c].push_back(csv_number(cells[c]));
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
