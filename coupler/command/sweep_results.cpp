// Implements sweep_results.hpp.
#include "coupler/command/sweep_results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "adapters/hdf5/profile_file.hpp"
#include "adapters/hdf5/study_file.hpp"
#include "coupler/base/durable_file.hpp"
#include "coupler/base/log.hpp"
#include "coupler/command/python_figure.hpp"
#include "coupler/study/run_state.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

namespace fs = std::filesystem;

void add_run(const std::string& component, const SweepPoint& point, const SweepRun& run, PointResult& result) {
  const auto outcome = read_outcome(run.folder);
  if (!outcome) return;
  if (outcome->status != RunStatus::done) {
    result.status = word_of(outcome->status);
    result.said = outcome->exit_status != 0 && outcome->status == RunStatus::failed
                      ? fmt::format("exit status {}: {}", outcome->exit_status, outcome->said)
                      : outcome->said;
    return;
  }
  const fs::path folder = run.folder;
  RunNumbers numbers;
  try {
    if (fs::exists(folder / k_profile_file))
      numbers = numbers_of(read_profile((folder / k_profile_file).string()), component);
  } catch (const Error& error) {  // damaged since then
    result.status = word_of(RunStatus::failed);
    result.said = error.what();
    return;
  }
  result.runs.push_back(std::move(numbers));
  result.seconds.push_back(outcome->seconds);
  if (!result.learned.empty()) return;
  for (const NetworkSpec& network : point.plan.networks) {
    if (!network.training.given) continue;
    const std::string log = (folder / network.training.csv).string();
    if (const auto numbers = read_learning(log)) result.learned.push_back({network.name, log, *numbers});
  }
}

// What is printed of the results: few columns, so that they fit a screen.
std::vector<std::string> telling_columns(const Sweep& sweep, const std::vector<TableColumn>& table) {
  std::vector<std::string> names;
  for (const StudyValues& values : sweep.study.values) names.push_back(values.name);
  for (const char* name : {"status", k_seconds_per_step, "efficiency", "component_wait_share", "ml_busy_share",
                           "points_per_second_per_device"})
    names.emplace_back(name);
  const TableColumn* const simulated = find_column(table, "simulated");
  if (simulated != nullptr &&
      std::any_of(simulated->numbers.begin(), simulated->numbers.end(), [](double number) { return number > 0.0; }))
    names.emplace_back("simulated");
  return names;
}

bool has_numbers(const std::vector<TableColumn>& table, const std::string& name) {
  const TableColumn* const column = find_column(table, name);
  return column != nullptr &&
         std::any_of(column->numbers.begin(), column->numbers.end(), [](double number) { return number == number; });
}

void tell_figure(const std::string& problem) {
  if (!problem.empty()) log_line("warning: " + problem);
}

// The ranks, or else the first list of several numbers that are not of learning.
std::string axis_of(const Sweep& sweep, const std::vector<TableColumn>& table) {
  if (!sweep.study.ranks.empty()) return sweep.study.ranks;
  for (const StudyValues& values : sweep.study.values) {
    const TableColumn* const column = find_column(table, values.name);
    if (values.name.find(".training.") != std::string::npos) continue;
    if (values.texts.size() > 1 && column != nullptr && !column->is_text) return values.name;
  }
  return "";
}

}  // namespace

std::vector<PointResult> collect(const Sweep& sweep) {
  std::vector<PointResult> results;
  for (const SweepPoint& point : sweep.points)
    results.push_back({point.id, point.choice, point.problem.empty() ? "to do" : "invalid", point.problem, {}, {}, {}});
  for (const SweepRun& run : runs_of(sweep))
    add_run(sweep.study.component, sweep.points[run.point], run, results[run.point]);
  for (PointResult& result : results)
    if (result.status == "to do" && static_cast<std::int64_t>(result.runs.size()) == sweep.study.repeats)
      result.status = "done";
  return results;
}

void write_results(const Sweep& sweep, const std::vector<PointResult>& points, bool figure) {
  const auto path = [&](const char* name) { return (fs::path(sweep.folder) / name).string(); };
  const std::vector<TableColumn> results = result_table(sweep.study, points);
  const std::vector<TableColumn> learning = learning_table(sweep.study, points);
  const std::vector<TableColumn> curves = curve_table(sweep.study, points);
  std::vector<std::pair<std::string, std::vector<TableColumn>>> tables{{"points", results}};
  replace_durably(path("results.csv"), csv_of(results));
  std::fputs(markdown_of(results, telling_columns(sweep, results)).c_str(), stdout);
  std::string files = "results.csv, results.h5";
  if (!learning.empty()) {
    tables.emplace_back("learning", learning);
    tables.emplace_back("learned", curves);
    std::vector<std::string> names;
    for (const TableColumn& column : learning) names.push_back(column.name);
    const std::string table = markdown_of(learning, names);
    replace_durably(path("learning.md"), table);
    replace_durably(path("learned.csv"), csv_of(curves));
    std::printf("\n%s", table.c_str());
    files += ", learning.md, learned.csv";
  }
  const std::string uneven = uneven_work(sweep.study, results);
  if (!uneven.empty()) log_line("warning: " + uneven);
  std::fflush(stdout);
  write_study(path("results.h5"), tables);
  if (figure && has_numbers(results, k_seconds_per_step)) {
    tell_figure(draw_by_python("study_figure.py",
                               {path("results.csv"), sweep.folder, sweep.study.name, axis_of(sweep, results),
                                sweep.study.ranks.empty() ? "none"
                                : sweep.study.is_weak     ? "weak"
                                                          : "strong"},
                               path("results.csv")));
  }
  if (figure && !curves.empty())
    tell_figure(draw_by_python("learning_figure.py", {path("learned.csv"), path("learning.png"), sweep.study.name},
                               path("learned.csv")));
  for (const char* name : {"scaling.png", "stages.png", "learning.png"})
    if (fs::exists(path(name))) files += fmt::format(", {}", name);
  log_line(fmt::format("results are in {}: {}", sweep.folder, files));
}

}  // namespace ekman
