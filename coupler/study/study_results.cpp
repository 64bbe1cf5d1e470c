// Implements study_results.hpp.
#include "coupler/study/study_results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <utility>

#include "coupler/base/csv.hpp"

namespace ekman {

namespace {

constexpr double k_no_number = std::numeric_limits<double>::quiet_NaN();
constexpr const char* k_rate = "points_per_second_per_device";

TableColumn& add_text(std::vector<TableColumn>& table, const std::string& name) {
  table.push_back({name, true, {}, {}});
  return table.back();
}

TableColumn& add_number(std::vector<TableColumn>& table, const std::string& name) {
  table.push_back({name, false, {}, {}});
  return table.back();
}

// All of them, or nothing.
bool to_numbers(const std::vector<std::string>& texts, std::vector<double>& numbers) {
  for (const std::string& text : texts) {
    char* end = nullptr;
    numbers.push_back(std::strtod(text.c_str(), &end));
    if (text.empty() || *end != '\0') return false;
  }
  return true;
}

// Names in the order of their first run.
std::vector<std::string> names_in(const std::vector<PointResult>& points) {
  std::vector<std::string> names;
  for (const PointResult& point : points)
    for (const RunNumbers& run : point.runs)
      for (const auto& number : run)
        if (std::find(names.begin(), names.end(), number.first) == names.end()) names.push_back(number.first);
  return names;
}

std::vector<double> all_of(const PointResult& point, const std::string& name) {
  std::vector<double> values;
  for (const RunNumbers& run : point.runs)
    for (const auto& [other, value] : run)
      if (other == name) values.push_back(value);
  return values;
}

void add_values(const Study& study, const std::vector<PointResult>& points, std::vector<TableColumn>& table) {
  for (std::size_t place = 0; place < study.values.size(); ++place) {
    TableColumn& column = add_text(table, study.values[place].name);
    for (const PointResult& point : points) column.texts.push_back(study.values[place].texts[point.choice[place]]);
    if (to_numbers(column.texts, column.numbers)) {
      column.is_text = false;
      column.texts.clear();
    } else {
      column.numbers.clear();
    }
  }
}

void add_scaling(const Study& study, const std::vector<PointResult>& points, std::vector<TableColumn>& table) {
  const auto place = place_of(study, study.ranks);
  std::vector<double> ranks, seconds;
  for (const PointResult& point : points) {
    ranks.push_back(place ? std::stod(study.values[*place].texts[point.choice[*place]])
                          : median(all_of(point, study.ranks)));
    seconds.push_back(median(all_of(point, k_seconds_per_step)));
  }
  const auto number = [&](std::size_t i, const char* name) { return median(all_of(points[i], name)); };
  // What was simulated is not compared with what was measured.
  const auto base_of = [&](std::size_t i) {
    return std::pair(line_of(study, points[i].choice), number(i, "simulated") == 1.0);
  };
  std::map<std::pair<std::string, bool>, std::size_t> first;  // of each line, the point with fewest ranks
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (std::isnan(seconds[i]) || std::isnan(ranks[i])) continue;
    const auto [found, is_new] = first.emplace(base_of(i), i);
    if (!is_new && ranks[i] < ranks[found->second]) found->second = i;
  }
  std::vector<double> ideal(points.size(), k_no_number), efficiency(points.size(), k_no_number);
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (std::isnan(seconds[i]) || std::isnan(ranks[i])) continue;
    const auto found = first.find(base_of(i));
    const std::size_t from = found->second;
    ideal[i] = study.is_weak ? seconds[from] : seconds[from] * ranks[from] / ranks[i];
    efficiency[i] = ideal[i] / seconds[i];
  }
  // As many points in the ideal time, on the devices that there are.
  std::vector<double> rate(points.size(), k_no_number);
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (std::isnan(ideal[i])) continue;
    const std::size_t from = first.find(base_of(i))->second;
    rate[i] = number(from, k_rate) * seconds[from] / ideal[i] * number(i, "points") / number(from, "points") *
              number(from, "devices") / number(i, "devices");
  }
  add_number(table, "scaling_ranks").numbers = ranks;
  add_number(table, "ideal_points_per_second_per_device").numbers = rate;
  add_number(table, "ideal_seconds_per_step").numbers = ideal;
  add_number(table, "efficiency").numbers = efficiency;
}

// Points that differ in seeds alone are of one.
std::string group_of(const Study& study, const Choice& choice) {
  std::vector<bool> wanted(study.values.size());
  bool any = false;
  for (std::size_t place = 0; place < wanted.size(); ++place) any = (wanted[place] = !is_seed(study, place)) || any;
  const std::string words = any ? words_of(study, choice, wanted) : "";
  return words.empty() ? study.name : words;
}

std::size_t rows_of(const std::vector<TableColumn>& table) {
  return table.empty() ? 0 : table.front().is_text ? table.front().texts.size() : table.front().numbers.size();
}

}  // namespace

std::vector<TableColumn> result_table(const Study& study, const std::vector<PointResult>& points) {
  std::vector<TableColumn> table;
  table.reserve(k_most_points);  // columns are filled by reference
  TableColumn &id = add_text(table, "point"), &status = add_text(table, "status");
  TableColumn& repeats = add_number(table, "repeats");
  for (const PointResult& point : points) {
    id.texts.push_back(point.id);
    status.texts.push_back(point.status);
    repeats.numbers.push_back(static_cast<double>(point.runs.size()));
  }
  add_values(study, points, table);
  TableColumn& line = add_text(table, "line");
  for (const PointResult& point : points) line.texts.push_back(line_of(study, point.choice));
  const auto add = [&](const std::string& name, auto number) {
    TableColumn& column = add_number(table, name);
    for (const PointResult& point : points) column.numbers.push_back(number(point));
  };
  for (const std::string& name : names_in(points)) {
    // A placeholder that is called like a number of the profile, which it is then.
    if (find_column(table, name) != nullptr) continue;
    add(name, [&](const PointResult& point) { return median(all_of(point, name)); });
    if (name != k_seconds_per_step) continue;
    add(name + "_least", [&](const PointResult& point) {
      const std::vector<double> all = all_of(point, name);
      return all.empty() ? k_no_number : *std::min_element(all.begin(), all.end());
    });
    add(name + "_most", [&](const PointResult& point) {
      const std::vector<double> all = all_of(point, name);
      return all.empty() ? k_no_number : *std::max_element(all.begin(), all.end());
    });
  }
  if (!study.ranks.empty()) add_scaling(study, points, table);
  add("run_seconds", [](const PointResult& point) { return median(point.seconds); });
  TableColumn& said = add_text(table, "said");
  for (const PointResult& point : points) said.texts.push_back(point.said);
  return table;
}

std::string uneven_work(const Study& study, const std::vector<TableColumn>& results) {
  constexpr double k_even = 1.05;  // points seldom divide by all numbers of ranks
  if (!study.is_weak) return "";
  const TableColumn* const points = find_column(results, "points");
  if (points == nullptr || points->is_text) return "";
  const std::vector<double>& ranks = find_column(results, "scaling_ranks")->numbers;
  const std::vector<std::string>& lines = find_column(results, "line")->texts;
  std::map<std::string, std::pair<double, double>> each;  // of each line: least and most points of a rank
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const double here = points->numbers[i] / ranks[i];
    if (std::isnan(here)) continue;
    auto& [least, most] = each.emplace(lines[i], std::pair(here, here)).first->second;
    least = std::min(least, here);
    most = std::max(most, here);
    if (most > k_even * least)
      return fmt::format(
          "weak scaling keeps the points of a rank, but here a rank has {:.4g} to {:.4g} of them; let a list "
          "of points vary `together` with {}, or take kind: strong",
          least, most, study.ranks);
  }
  return "";
}

std::vector<TableColumn> curve_table(const Study& study, const std::vector<PointResult>& points) {
  std::vector<TableColumn> table;
  table.reserve(16);
  TableColumn &network = add_text(table, "network"), &group = add_text(table, "group");
  TableColumn &id = add_text(table, "point"), &words = add_text(table, "values");
  TableColumn &steps = add_number(table, "steps"), &best = add_number(table, "best_validation_loss");
  TableColumn &at = add_number(table, "best_step"), &last = add_number(table, "last_loss");
  TableColumn &seconds = add_number(table, "run_seconds"), &log = add_text(table, "log");
  for (const PointResult& point : points) {
    for (const LearnedNetwork& learned : point.learned) {
      network.texts.push_back(learned.network);
      group.texts.push_back(group_of(study, point.choice));
      id.texts.push_back(point.id);
      words.texts.push_back(words_of(study, point.choice));
      steps.numbers.push_back(static_cast<double>(learned.numbers.steps));
      best.numbers.push_back(learned.numbers.best_validation_loss);
      at.numbers.push_back(static_cast<double>(learned.numbers.best_step));
      last.numbers.push_back(learned.numbers.last_loss);
      seconds.numbers.push_back(median(point.seconds));
      log.texts.push_back(learned.log);
    }
  }
  return network.texts.empty() ? std::vector<TableColumn>() : table;
}

std::vector<TableColumn> learning_table(const Study& study, const std::vector<PointResult>& points) {
  struct Group {
    std::vector<double> best, last, seconds;
  };
  std::vector<std::pair<std::string, std::string>> order;
  std::map<std::pair<std::string, std::string>, Group> groups;
  for (const PointResult& point : points) {
    for (const LearnedNetwork& learned : point.learned) {
      const auto key = std::pair(learned.network, group_of(study, point.choice));
      if (groups.count(key) == 0) order.push_back(key);
      Group& group = groups[key];
      group.best.push_back(learned.numbers.best_validation_loss);
      group.last.push_back(learned.numbers.last_loss);
      group.seconds.push_back(median(point.seconds));
    }
  }
  std::vector<TableColumn> table;
  if (order.empty()) return table;
  table.reserve(16);
  TableColumn &network = add_text(table, "network"), &name = add_text(table, "group");
  TableColumn& seeds = add_number(table, "seeds");
  for (const auto& key : order) {
    network.texts.push_back(key.first);
    name.texts.push_back(key.second);
    seeds.numbers.push_back(static_cast<double>(groups[key].best.size()));
  }
  const auto add = [&](const std::string& title, std::vector<double> Group::*values) {
    TableColumn &middle = add_number(table, title), &spread = add_number(table, title + "_deviation");
    for (const auto& key : order) {
      middle.numbers.push_back(mean(groups[key].*values));
      spread.numbers.push_back(deviation(groups[key].*values));
    }
  };
  add("best_validation_loss", &Group::best);
  add("last_loss", &Group::last);
  add("run_seconds", &Group::seconds);
  return table;
}

std::string csv_of(const std::vector<TableColumn>& table) {
  std::string text;
  for (const TableColumn& column : table) text += (text.empty() ? "" : ",") + csv_cell(column.name);
  text += "\r\n";
  for (std::size_t row = 0; row < rows_of(table); ++row) {
    bool is_first = true;
    for (const TableColumn& column : table) {
      if (!std::exchange(is_first, false)) text += ',';
      if (column.is_text) {
        text += csv_cell(column.texts[row]);
      } else if (!std::isnan(column.numbers[row])) {
        text += fmt::format("{}", column.numbers[row]);
      }
    }
    text += "\r\n";
  }
  return text;
}

std::string markdown_of(const std::vector<TableColumn>& table, const std::vector<std::string>& names) {
  std::vector<const TableColumn*> shown;
  for (const std::string& name : names)
    if (const TableColumn* column = find_column(table, name)) shown.push_back(column);
  std::vector<std::vector<std::string>> cells(shown.size());
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < shown.size(); ++c) {
    const auto cell_of = [&](std::size_t row) {
      if (shown[c]->is_text) return shown[c]->texts[row];
      return std::isnan(shown[c]->numbers[row]) ? std::string() : fmt::format("{:.4g}", shown[c]->numbers[row]);
    };
    cells[c].push_back(shown[c]->name);
    for (std::size_t row = 0; row < rows_of(table); ++row) cells[c].push_back(cell_of(row));
    std::size_t width = 3;
    for (const std::string& cell : cells[c]) width = std::max(width, cell.size());
    widths.push_back(width);
  }
  std::string text;
  for (std::size_t row = 0; row <= rows_of(table); ++row) {
    text += '|';
    for (std::size_t c = 0; c < shown.size(); ++c)
      text += shown[c]->is_text ? fmt::format(" {:<{}} |", cells[c][row], widths[c])
                                : fmt::format(" {:>{}} |", cells[c][row], widths[c]);
    text += '\n';
    if (row > 0) continue;
    text += '|';
    for (std::size_t c = 0; c < shown.size(); ++c)
      text += fmt::format("{}{}|", std::string(widths[c] + 1, '-'), shown[c]->is_text ? '-' : ':');
    text += '\n';
  }
  return text;
}

const TableColumn* find_column(const std::vector<TableColumn>& table, const std::string& name) {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const TableColumn& column) { return column.name == name; });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace ekman
