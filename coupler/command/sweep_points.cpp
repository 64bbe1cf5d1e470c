// Implements sweep_points.hpp.
#include "coupler/command/sweep_points.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <system_error>

#include "adapters/yaml/check_keys.hpp"
#include "adapters/yaml/plan_to_yaml.hpp"
#include "coupler/base/durable_file.hpp"
#include "coupler/base/joined.hpp"
#include "coupler/base/sha256.hpp"
#include "coupler/command/plan_statistics.hpp"
#include "coupler/study/placeholders.hpp"
#include "coupler/study/run_state.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_digits = 12;  // of an id
constexpr const char* k_plan_file = "plan.yaml";

std::string program() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).string();
}

// `plan`, `output` and `ekman` as they are in commands of one run.
struct Places {
  std::string plan = "{plan}", output = "{output}", ekman = "{ekman}";
};

std::map<std::string, std::string> values_of(const Sweep& sweep, const SweepPoint& point, const Places& places) {
  std::map<std::string, std::string> values{{"plan", places.plan},
                                            {"output", places.output},
                                            {"ekman", places.ekman},
                                            {"ml_ranks", std::to_string(ml_ranks_of(point.plan))}};
  for (std::size_t place = 0; place < point.choice.size(); ++place)
    values[sweep.study.values[place].name] = sweep.study.values[place].texts[point.choice[place]];
  return values;
}

std::vector<std::string> all_filled(std::vector<std::string> texts, const std::map<std::string, std::string>& values) {
  for (std::string& text : texts) text = filled(text, values);
  return texts;
}

SlurmJob job_of(const Sweep& sweep, const SweepPoint& point, const Places& places) {
  const SlurmLauncher& slurm = *sweep.study.slurm;
  const auto values = values_of(sweep, point, places);
  SlurmJob job;
  job.folder = sweep.study_folder;
  job.timeout = static_cast<double>(sweep.study.timeout) / static_cast<double>(k_microseconds_per_second);
  const std::string ranks = filled(slurm.component_ranks, values);
  job.components = {parse_integer(ranks).value_or(0), filled(slurm.component_command, values),
                    all_filled(slurm.component_options, values)};
  job.ml = {ml_ranks_of(point.plan), filled(slurm.ml_command, values), all_filled(slurm.ml_options, values)};
  job.srun_options = all_filled(slurm.srun_options, values);
  job.before = filled(slurm.before, values);
  if (job.components.ranks < 1)
    throw Error(ErrorCode::plan, fmt::format("\"{}\" is no number of ranks; give launcher.slurm.components.ranks whole "
                                             "numbers of at least 1",
                                             ranks));
  return job;
}

std::string digits_of(const std::string& text) {
  Sha256 sum;
  sum.add(text.data(), text.size());
  return sum.digits().substr(0, k_digits);
}

// What is run, without where. Files that the plan names are in it by name, not by content.
std::string id_of(const Sweep& sweep, const SweepPoint& point) {
  Plan plan = point.plan;
  plan.output_directory = ".";
  SlurmJob job;
  if (sweep.study.slurm) {
    job = job_of(sweep, point, {});
    job.timeout = 0.0;
  }
  return digits_of(plan_to_yaml(plan) +
                   (sweep.study.slurm ? slurm_script(job) : filled(sweep.study.local, values_of(sweep, point, {}))));
}

Places places_of(const std::string& folder) {
  return {shell_word((fs::path(folder) / k_plan_file).string()), shell_word(folder), shell_word(program())};
}

// Learning leaves what its curves are drawn from.
void complete(Plan& plan) {
  plan.profile = true;
  for (NetworkSpec& network : plan.networks)
    if (network.training.given && network.training.csv.empty()) network.training.csv = network.name + ".csv";
}

SweepPoint make_point(const StudyReading& reading, const Sweep& sweep, const Choice& choice,
                      std::vector<std::string>& problems) {
  SweepPoint point;
  point.choice = choice;
  point.words = words_of(sweep.study, choice);
  PlanReading plan = examine_whole_point(reading, choice);
  problems = plan.diagnostics.lines(Severity::error);
  if (problems.empty()) {
    point.plan = std::move(plan.plan);
    complete(point.plan);
    try {
      point.id = id_of(sweep, point);
    } catch (const Error& error) {
      problems = {error.what()};
    }
  }
  if (!problems.empty()) point.problem = problems.front();
  return point;
}

}  // namespace

Sweep make_sweep(const StudyReading& reading, const std::string& output) {
  Sweep sweep;
  sweep.study = reading.study;
  const fs::path folder = fs::absolute(sweep.study.file).parent_path();
  sweep.study_folder = folder.lexically_normal().string();
  sweep.folder =
      fs::absolute(output.empty() ? folder / sweep.study.name : fs::path(output)).lexically_normal().string();
  std::vector<std::string> first_problems;
  std::map<std::string, std::string> words_by_id;
  bool any = false;
  for (const Choice& choice : points_of(sweep.study)) {
    std::vector<std::string> problems;
    SweepPoint point = make_point(reading, sweep, choice, problems);
    if (first_problems.empty()) first_problems = problems;
    if (problems.empty()) {
      any = true;
      const auto [found, is_new] = words_by_id.emplace(point.id, point.words);
      if (!is_new)
        throw Error(ErrorCode::plan, fmt::format("{}: error: the points ({}) and ({}) have one plan and one command; "
                                                 "take one of them out",
                                                 sweep.study.file, found->second, point.words));
    }
    sweep.points.push_back(std::move(point));
  }
  if (!any)
    throw Error(ErrorCode::plan,
                fmt::format("{}\n{}: error: no point of the study has a plan that can be run, the "
                            "first one ({}) for the reason above; correct plan or values",
                            joined(first_problems, "\n"), sweep.study.file, sweep.points.front().words));
  return sweep;
}

std::vector<SweepRun> runs_of(const Sweep& sweep) {
  std::vector<SweepRun> runs;
  for (std::int64_t repeat = 1; repeat <= sweep.study.repeats; ++repeat)
    for (std::size_t point = 0; point < sweep.points.size(); ++point)
      if (sweep.points[point].problem.empty())
        runs.push_back(
            {point, repeat,
             (fs::path(sweep.folder) / "points" / sweep.points[point].id / std::to_string(repeat)).string()});
  return runs;
}

std::string local_command(const Sweep& sweep, const SweepRun& run) {
  return filled(sweep.study.local, values_of(sweep, sweep.points[run.point], places_of(run.folder)));
}

SlurmJob slurm_job(const Sweep& sweep, const SweepRun& run) {
  const SweepPoint& point = sweep.points[run.point];
  SlurmJob job = job_of(sweep, point, places_of(run.folder));
  job.name = fmt::format("ekman-{}", digits_of(run.folder));
  job.log = (fs::path(run.folder) / k_log_file).string();
  job.exit_file = (fs::path(run.folder) / k_exit_file).string();
  return job;
}

void prepare_run(const Sweep& sweep, const SweepRun& run) {
  std::error_code problem;
  fs::remove_all(run.folder, problem);
  fs::create_directories(run.folder, problem);
  if (problem)
    throw Error(ErrorCode::internal,
                fmt::format("cannot make {}: {}; name another place with --output", run.folder, problem.message()));
  Plan plan = sweep.points[run.point].plan;
  plan.output_directory = run.folder;
  const std::string words =
      fmt::format("# {} of the study {}, repeat {}\n", sweep.points[run.point].words, sweep.study.file, run.repeat);
  replace_durably((fs::path(run.folder) / k_plan_file).string(), words + plan_to_yaml(plan));
}

}  // namespace ekman
