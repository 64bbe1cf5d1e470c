// Implements profile_record.hpp.
#include "coupler/command/profile_record.hpp"

#include <fmt/format.h>

#include <exception>
#include <filesystem>

#include "adapters/hdf5/profile_file.hpp"
#include "coupler/base/log.hpp"
#include "coupler/base/simulation.hpp"
#include "coupler/profile/profile_text.hpp"
#include "coupler/session/profile_merge.hpp"

namespace ekman {

void record_profile(const Plan& plan, const std::vector<std::string>& ranks) {
  RunProfile run = join_profiles(plan, ranks);
  run.simulated = k_simulated;
  const std::string path = (std::filesystem::path(plan.output_directory) / k_profile_file).string();
  try {
    write_profile(path, run);
    std::string text = profile_text(run);
    text.pop_back();  // log_line() ends the last line
    log_line(fmt::format("the profile of {} ranks is in {}; in short:\n{}", run.ranks.size(), path, text));
  } catch (const std::exception& error) {
    log_line(
        fmt::format("warning: there is no profile of this run ({}); make room in the output directory, and run again",
                    error.what()));
  }
}

}  // namespace ekman
