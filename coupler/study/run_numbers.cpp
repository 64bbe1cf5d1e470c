// Implements run_numbers.hpp.
#include "coupler/study/run_numbers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "coupler/base/csv.hpp"
#include "coupler/profile/balance.hpp"

namespace ekman {

namespace {

constexpr double k_no_number = std::numeric_limits<double>::quiet_NaN();

constexpr Stage k_component_stages[] = {Stage::pack, Stage::wait, Stage::unpack, Stage::forward, Stage::physics};
constexpr Stage k_ml_stages[] = {Stage::wait,     Stage::assemble,       Stage::host_to_device,
                                 Stage::forward,  Stage::device_to_host, Stage::send,
                                 Stage::backward, Stage::reduce,         Stage::step};

int ranks_of(const std::vector<GroupBalance>& groups) {
  int ranks = 0;
  for (const GroupBalance& group : groups) ranks += group.ranks;
  return ranks;
}

// Mean over the ranks of all groups.
template <class Seconds>
double mean_over(const std::vector<GroupBalance>& groups, Seconds seconds) {
  double sum = 0.0;
  for (const GroupBalance& group : groups) sum += group.ranks * seconds(group);
  return sum / ranks_of(groups);
}

void add_stages(const std::vector<GroupBalance>& groups, const std::string& prefix, const Stage* begin,
                const Stage* end, RunNumbers& numbers) {
  for (const Stage* stage = begin; stage != end; ++stage)
    numbers.emplace_back(prefix + k_stage_names[place_of(*stage)],
                         mean_over(groups, [&](const GroupBalance& group) { return group.mean_of(*stage); }));
  numbers.emplace_back(prefix + "other", mean_over(groups, [](const GroupBalance& group) { return group.other.mean; }));
}

double wait_share(const GroupBalance& component) {
  const double step = component.step.mean;
  return step > 0.0 ? component.mean_of(Stage::wait) / step : k_no_number;
}

std::vector<double> those_that_are(std::vector<double> values) {
  values.erase(std::remove_if(values.begin(), values.end(), [](double value) { return std::isnan(value); }),
               values.end());
  return values;
}

}  // namespace

RunNumbers numbers_of(const RunProfile& run, const std::string& component) {
  const RunBalance balance = balance_of(run);
  RunNumbers numbers;
  const auto add = [&](const char* name, double value) { numbers.emplace_back(name, value); };
  add("component_ranks", ranks_of(balance.components));
  add("ml_ranks", ranks_of(balance.networks));
  double points = 0.0, rate = 0.0, devices = 0.0;
  for (const NetworkThroughput& network : balance.throughput) {
    points += static_cast<double>(run.networks[static_cast<std::size_t>(network.network)].points);
    rate += network.points_per_second;
    devices += static_cast<double>(network.devices.size());
  }
  add("points", points);
  add("devices", devices);
  const auto counted = std::find_if(balance.components.begin(), balance.components.end(),
                                    [&](const auto& group) { return component.empty() || group.name == component; });
  if (counted != balance.components.end()) {
    add(k_seconds_per_step, counted->step.mean);
    add("component_wait_share", wait_share(*counted));
    add_stages({*counted}, "component_", std::begin(k_component_stages), std::end(k_component_stages), numbers);
  }
  if (balance.components.size() > 1) {
    for (const GroupBalance& group : balance.components) {
      numbers.emplace_back("seconds_per_step_of_" + group.name, group.step.mean);
      numbers.emplace_back("wait_share_of_" + group.name, wait_share(group));
    }
  }
  if (!balance.networks.empty()) {
    const double whole = mean_over(balance.networks, [](const GroupBalance& group) { return group.step.mean; });
    const double busy = mean_over(balance.networks, [](const GroupBalance& group) { return group.busy.mean; });
    add("seconds_per_exchange", whole);
    add("ml_busy_share", whole > 0.0 ? busy / whole : k_no_number);
    add_stages(balance.networks, "ml_", std::begin(k_ml_stages), std::end(k_ml_stages), numbers);
  }
  add("points_per_second", rate);
  add("points_per_second_per_device", devices > 0.0 ? rate / devices : k_no_number);
  add("simulated", run.simulated ? 1.0 : 0.0);
  return numbers;
}

std::optional<LearningNumbers> read_learning(const std::string& csv) {
  CsvReader log(csv);
  std::vector<std::string> names, cells;
  if (!log.next(names)) return std::nullopt;
  const auto column = [&](const char* name) {
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
  };
  const std::size_t step = column("step"), loss = column("loss"), validation = column("validation_loss");
  LearningNumbers numbers{0, k_no_number, k_no_number, 0};
  bool any = false;
  while (log.next(cells)) {
    if (cells.size() != names.size() || step >= cells.size()) continue;
    any = true;
    numbers.steps = static_cast<std::int64_t>(csv_number(cells[step]));
    if (loss < cells.size()) numbers.last_loss = csv_number(cells[loss]);
    const double judged = validation < cells.size() ? csv_number(cells[validation]) : k_no_number;
    if (std::isnan(judged) || judged >= numbers.best_validation_loss) continue;
    numbers.best_validation_loss = judged;
    numbers.best_step = numbers.steps;
  }
  return any ? std::optional(numbers) : std::nullopt;
}

double median(std::vector<double> values) {
  values = those_that_are(std::move(values));
  if (values.empty()) return k_no_number;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

double mean(const std::vector<double>& values) {
  const std::vector<double> some = those_that_are(values);
  double sum = 0.0;
  for (const double value : some) sum += value;
  return some.empty() ? k_no_number : sum / static_cast<double>(some.size());
}

double deviation(const std::vector<double>& values) {
  const std::vector<double> some = those_that_are(values);
  if (some.size() < 2) return k_no_number;
  const double middle = mean(some);
  double sum = 0.0;
  for (const double value : some) sum += (value - middle) * (value - middle);
  return std::sqrt(sum / static_cast<double>(some.size() - 1));
}

}  // namespace ekman
