// Implements run_record.hpp.
#include "coupler/command/run_record.hpp"

#define FMT_HEADER_ONLY 1  // dates need more of fmt than cmake/fmt.cpp has
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "adapters/hdf5/profile_file.hpp"
#include "coupler/base/version.hpp"
#include "coupler/comm/process.hpp"
#include "coupler/command/network_library.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

[[noreturn]] void fail(const Plan& plan, const std::string& what, const std::string& why) {
  throw Error(ErrorCode::plan,
              fmt::format("cannot {} the output directory {}: {}; give `output: {{directory: ...}}` a place that the "
                          "first rank, on {}, can write to",
                          what, std::filesystem::absolute(plan.output_directory).lexically_normal().string(), why,
                          node_name()));
}

std::string library_summary(const Plan& plan) {
  const bool needed = std::any_of(plan.networks.begin(), plan.networks.end(), &needs_library);
  return needed ? network_library().summary() : "not loaded";
}

}  // namespace

void prepare_output(const Plan& plan) {
  std::error_code problem;
  std::filesystem::create_directories(plan.output_directory, problem);
  if (problem) fail(plan, "make", problem.message());
  if (access(plan.output_directory.c_str(), W_OK | X_OK) != 0) fail(plan, "write to", std::strerror(errno));
}

void write_run_record(const Plan& plan, const std::vector<std::string>& nodes, const RunFact& runners) {
  const std::string yaml =
      plan_to_yaml(plan, {{"ekman", {build_version()}},
                          {"libtorch", {library_summary(plan)}},
                          {"mpi", {mpi_library()}},
                          {"started", {fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))}},
                          {"plan", {std::filesystem::absolute(plan.file).lexically_normal().string()}},
                          {"nodes", nodes},
                          runners});
  const std::filesystem::path path = std::filesystem::path(plan.output_directory) / "ekman-run.yaml";
  // Another job may write to the same directory at the same moment.
  const std::string unfinished = fmt::format("{}.{}.{}.part", path.string(), node_name(), getpid());
  std::ofstream file(unfinished);
  file << "# What Ekman ran, written at its start; a plan, which can be run again.\n" << yaml;
  file.close();
  if (!file) fail(plan, "write ekman-run.yaml to", std::strerror(errno));
  std::error_code problem;
  std::filesystem::rename(unfinished, path, problem);
  if (problem) fail(plan, "write ekman-run.yaml to", problem.message());
  // That of another run, which would be taken for this one's if it dies.
  if (plan.profile) std::filesystem::remove(std::filesystem::path(plan.output_directory) / k_profile_file, problem);
}

}  // namespace ekman
