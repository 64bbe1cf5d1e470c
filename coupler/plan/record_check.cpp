// Implements record_check.hpp.
#include "coupler/plan/record_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "coupler/plan/did_you_mean.hpp"

namespace ekman {
namespace {

using Problems = std::vector<Problem>;

constexpr const char* k_path = "output.record";

void check_file(const RecordSpec& record, Problems& problems) {
  const std::filesystem::path path(record.file);
  if (path.filename().empty() || path.stem().string().front() == '.')
    problems.push_back({fmt::format("{}.file", k_path),
                        fmt::format("\"{}\" is no name of a file; write one such as recording.h5", record.file)});
  if (path.is_absolute())
    problems.push_back({fmt::format("{}.file", k_path),
                        fmt::format("the file {} is not below output.directory; give its name there, and the folder as "
                                    "output.directory",
                                    record.file)});
}

void check_fields(const Plan& plan, Problems& problems) {
  std::set<std::string> dedicated, in_component, seen;
  for (const NetworkSpec& network : plan.networks) {
    std::set<std::string>& known = network.is_inline() ? in_component : dedicated;
    for (const std::string& field : route_fields_of(network)) known.insert(field);
  }
  const std::vector<std::string> names(dedicated.begin(), dedicated.end());
  for (std::size_t i = 0; i < plan.record.fields.size(); ++i) {
    const std::string& field = plan.record.fields[i];
    const std::string here = fmt::format("{}.fields[{}]", k_path, i);
    if (!seen.insert(field).second) {
      problems.push_back({here, fmt::format("field \"{}\" is listed twice; name it once", field)});
    } else if (dedicated.count(field) > 0) {
      continue;
    } else if (in_component.count(field) > 0) {
      problems.push_back(
          {here, fmt::format("field \"{}\" belongs to a network with placement: inline, whose exchanges no "
                             "ML rank sees; take placement: dedicated, or the field out",
                             field)});
    } else {
      problems.push_back({here, fmt::format("\"{}\" is no field of a network of the plan{}", field,
                                            did_you_mean(field, names, problems.size(),
                                                         "; name inputs, outputs, targets or weights"))});
    }
  }
  if (!plan.record.fields.empty()) return;
  for (const NetworkSpec& network : plan.networks)
    if (network.is_inline())
      problems.push_back(
          {k_path, fmt::format("without `fields` all networks are recorded, and network \"{}\" has placement: inline, "
                               "whose exchanges no ML rank sees; take placement: dedicated, or list `fields` of others",
                               network.name)});
}

// A network that is `none`: its inputs go to a recording, and nothing comes back.
void check_none(const Plan& plan, const NetworkSpec& network, Problems& problems) {
  const std::string path = "networks." + network.name;
  const auto refuse = [&](bool is_given, const char* key) {
    if (is_given)
      problems.push_back(
          {path + "." + key, fmt::format("network \"{}\" is `none`, which runs nothing; take `{}` out, or "
                                         "give it a network",
                                         network.name, key)});
  };
  refuse(!network.outputs.empty(), "outputs");
  refuse(network.training.given, "training");
  refuse(network.tape > 0, "tape");
  refuse(network.guard.given, "guard");
  refuse(network.is_inline(), "placement");
  if (recorded_fields_of(plan, network).empty())
    problems.push_back(
        {path + ".network",
         fmt::format("network \"{}\" is `none`, and no field of it is recorded; add output.record, or give "
                     "it a network",
                     network.name)});
}

}  // namespace

void check_record(const Plan& plan, Problems& problems) {
  if (plan.record.given) {
    check_file(plan.record, problems);
    check_fields(plan, problems);
  }
  for (const NetworkSpec& network : plan.networks)
    if (network.source.kind == SourceKind::none) check_none(plan, network, problems);
}

}  // namespace ekman
