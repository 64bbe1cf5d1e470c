// Implements recorded_data.hpp.
#include "coupler/command/recorded_data.hpp"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <sstream>

#include "adapters/hdf5/recording_store.hpp"
#include "coupler/base/joined.hpp"
#include "coupler/command/find_place.hpp"
#include "coupler/command/run_record.hpp"
#include "coupler/session/agree.hpp"

namespace ekman {

namespace {

namespace fs = std::filesystem;

// What `work` returns on the first rank, as bytes, on all.
template <class Work>
std::string from_first(const Communicator& ranks, ErrorCode code, Work work) {
  std::string bytes, problem;
  if (ranks.rank() == 0) {
    try {
      bytes = work();
    } catch (const std::exception& error) {
      problem = error.what();
    }
  }
  agree(ranks, code, problem);
  ranks.broadcast(bytes, 0);
  return bytes;
}

// The number that ends the file's name, before its ending; -1: none.
std::int64_t number_of(const std::string& path) {
  std::filesystem::path name = std::filesystem::path(path).filename();
  if (name.extension() == ".part") name = name.stem();
  const std::string stem = name.stem().string();
  const std::size_t digits = stem.size() - (stem.find_last_not_of("0123456789") + 1);
  return digits == 0 || digits > 18 ? -1 : std::stoll(stem.substr(stem.size() - digits));
}

std::vector<std::string> files_of(const std::vector<std::string>& names) {
  std::vector<std::string> files;
  for (const std::string& name : names) {
    glob_t found{};
    const bool any = glob(name.c_str(), 0, nullptr, &found) == 0;
    if (any) files.insert(files.end(), found.gl_pathv, found.gl_pathv + found.gl_pathc);
    globfree(&found);
    if (!any)
      throw Error(ErrorCode::usage,
                  fmt::format("there is no file {}; name recordings that `output.record` of a run wrote", name));
  }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return oldest_first(std::move(files));
}

}  // namespace

std::vector<std::string> oldest_first(std::vector<std::string> files) {
  std::stable_sort(files.begin(), files.end(),
                   [](const std::string& a, const std::string& b) { return number_of(a) < number_of(b); });
  return files;
}

Plan read_plan_on_first(const Communicator& ranks, const std::string& path, MissingStatistics missing) {
  return deserialise(from_first(ranks, ErrorCode::plan, [&] {
    PlanReading reading = examine_whole_plan(path, missing);
    reading.diagnostics.throw_if_errors();
    prepare_output(reading.plan);
    return serialise(reading.plan);
  }));
}

const NetworkSpec& learning_network(const Plan& plan, const std::string& name) {
  std::vector<std::string> names;
  const NetworkSpec* found = nullptr;
  for (const NetworkSpec& network : plan.networks) {
    if (!name.empty() && network.name != name) continue;
    if (name.empty() && (!network.training.given || network.tape > 0)) continue;
    names.push_back(network.name);
    found = &network;
  }
  if (names.size() > 1)
    throw Error(
        ErrorCode::usage,
        fmt::format("the plan has several networks that learn ({}); choose one with --network", joined(names, ", ")));
  if (found == nullptr || !found->training.given || found->tape > 0)
    throw Error(ErrorCode::usage, fmt::format("{} learns from targets; give it `training` with targets and a loss",
                                              name.empty() ? "no network of the plan"
                                                           : fmt::format("no network \"{}\" of the plan", name)));
  return *found;
}

Recordings open_recordings(const Communicator& ranks, const std::vector<std::string>& names, const Plan& plan,
                           const NetworkSpec& spec) {
  const std::string list = from_first(ranks, ErrorCode::usage, [&] { return joined(files_of(names), "\n"); });
  std::string problem;
  std::optional<Recordings> recordings;
  try {
    const std::unique_ptr<RecordingStore> store = make_hdf5_recording_store();
    std::vector<std::unique_ptr<RecordingReader>> files;
    std::istringstream lines(list);
    for (std::string file; std::getline(lines, file);) files.push_back(store->open(file));
    recordings.emplace(std::move(files), plan, spec);
  } catch (const std::exception& error) {
    problem = error.what();
  }
  agree(ranks, ErrorCode::plan, problem);
  return std::move(*recordings);
}

Placement find_place_everywhere(const Communicator& ranks, const NetworkSpec& spec) {
  NetworkSpec everywhere = spec;
  everywhere.placed = Placed::dedicated;
  everywhere.ranks = ranks.size();
  return find_place(ranks, {everywhere});
}

}  // namespace ekman
