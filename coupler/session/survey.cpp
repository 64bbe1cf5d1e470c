// Implements survey.hpp.
#include "coupler/session/survey.hpp"

#include <fmt/format.h>

#include <map>

#include "coupler/comm/process.hpp"

namespace ekman {

std::vector<std::string> survey_nodes(const Job& job, const std::string& group, bool records) {
  const Communicator node = job.all.split_node();
  std::map<std::string, int> ranks;
  for (const std::string& theirs : node.all_gather(group)) ++ranks[theirs];
  std::string line;
  for (const auto& [name, count] : ranks)
    line +=
        fmt::format("{} {} rank{} of {}", line.empty() ? node_name() + ":" : ",", count, count == 1 ? "" : "s", name);
  const bool is_reader = records && job.local.rank() == 0, speaks = node.rank() == 0;
  const Communicator speakers = job.all.split(is_reader || speaks ? 0 : -1, job.all.rank());
  std::vector<std::string> lines;
  if (!speakers) return lines;
  for (const std::string& told : speakers.all_gather(speaks ? line : ""))
    if (is_reader && !told.empty()) lines.push_back(told);
  return lines;
}

}  // namespace ekman
