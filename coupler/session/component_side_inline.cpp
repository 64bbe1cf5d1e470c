// Networks that run in the component's own processes: where, and what is said of it; see component_side.hpp.
#include <fmt/format.h>

#include <filesystem>

#include "coupler/base/joined.hpp"
#include "coupler/base/log.hpp"
#include "coupler/comm/process.hpp"
#include "coupler/plan/sizes.hpp"
#include "coupler/session/agree.hpp"
#include "coupler/session/component_side.hpp"
#include "coupler/session/survey.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

// Collective over the ranks of the component. `cuda` takes the node's GPUs in turn; `auto` is the CPU, since a GPU
// holds few processes.
std::string device_of(const NetworkSpec& spec, const Communicator& local, MlLibrary library) {
  const std::string& asked = spec.devices.front();
  if (asked == "auto") return "cpu";
  if (asked != "cuda") return asked;
  const int place = local.split_node().rank(), gpus = library().gpus();
  return fmt::format("cuda:{}", gpus == 0 ? 0 : place % gpus);
}

// Collective over the ranks of the component; `mine` is empty on ranks that do not run the network. The first rank that
// computes otherwise than the first of all says so.
void compare_arithmetic(const Communicator& local, const NetworkSpec& spec, const std::string& mine) {
  const int none = local.size();
  const auto first = static_cast<int>(local.min(mine.empty() ? none : local.rank()));
  if (first == none) return;
  std::string theirs = mine + "\n" + node_name();
  local.broadcast(theirs, first);
  const std::size_t end = theirs.find('\n');
  const bool differs = !mine.empty() && mine != theirs.substr(0, end);
  if (local.min(differs ? local.rank() : none) != local.rank()) return;
  const std::string both = fmt::format("rank {} on {}: {} and rank {} on {}: {}", first, theirs.substr(end + 1),
                                       theirs.substr(0, end), local.rank(), node_name(), mine);
  log_line(fmt::format(
      "warning: the ranks of component \"{}\" do not compute alike, so outputs of network \"{}\" may differ "
      "in their last bits from those of other rank counts; give them like nodes, libraries and variables "
      "({})",
      spec.component, spec.name, both));
}

}  // namespace

std::int64_t ComponentSide::inline_tile(const NetworkSpec& spec) const {
  const std::string& device = spec.devices.front();
  return tile_samples(spec, device != "cpu" && device != "auto");
}

// Collective over the ranks of the component. What went wrong on this rank, for the end of enddef.
std::string ComponentSide::run_inline(int network, ComponentRoute& route) {
  const NetworkSpec& spec = job_.plan.networks[static_cast<std::size_t>(network)];
  const Route& made = route.route();
  std::unique_ptr<InlineNetwork> opened;
  std::string problem, device;
  try {
    device = sites_.back().device = device_of(spec, job_.local, library_);
  } catch (const std::exception& error) {
    problem = fmt::format("{} on {}: {}", whoami(), node_name(), error.what());
  }
  if (problem.empty() && !made.in.messages.empty()) {
    try {
      const CallScope call(state_, Call::load);
      opened = std::make_unique<InlineNetwork>(library_(), job_.plan, network, made.in.layout, made.out.layout, device);
    } catch (const std::exception& error) {
      problem = fmt::format("{} on {}: {}", whoami(), node_name(), error.what());
    }
  }
  compare_arithmetic(job_.local, spec, opened ? opened->arithmetic() : "");
  const std::int64_t tile = inline_tile(spec);
  const auto runs = job_.local.sum(static_cast<std::int64_t>(made.chunks.size()));
  const auto ranks = job_.local.sum(std::int64_t{opened ? 1 : 0});
  const auto first = job_.local.min(opened ? local_rank_ : job_.local.size());
  if (first == local_rank_) {
    inline_lines_.push_back(fmt::format(
        "component \"{}\": network \"{}\" runs inline on {} of {} ranks, {}; {} points in {} tiles of {}, of "
        "which {} are run, since ranks that share one run it each",
        component_, spec.name, ranks, job_.local.size(), opened->describe(), made.points,
        chunk_count(made.points, tile), tile, runs));
    log_line(inline_lines_.back());
    for (const std::string& warning : opened->warnings()) log_line("warning: " + warning);
  }
  route.run_inline(job_.plan, tile, std::move(opened));
  return problem;
}

// Collective over all ranks of the job. Without ML ranks the first rank of all, which is the first of its component,
// writes the record.
void ComponentSide::record_inline_run() {
  const bool records = job_.without_ml && job_.all.rank() == 0;
  const std::vector<std::string> nodes = survey_nodes(job_, "component " + component_, records);
  if (!job_.without_ml) return;
  const Communicator speakers = job_.all.split(records || !inline_lines_.empty() ? 0 : -1, job_.all.rank());
  std::vector<std::string> told;
  if (speakers) told = speakers.all_gather(joined(inline_lines_, "\n"));
  std::string problem;
  if (records) {
    try {
      const std::string plan = serialise(job_.plan), lines = joined(told, "\n"), seen = joined(nodes, "\n");
      const PlanBytes bytes{plan.data(), static_cast<std::int64_t>(plan.size())};
      call_ml([&](const TextSink* text) { return library_().write_record(bytes, seen.c_str(), lines.c_str(), text); });
      // A model may change its folder before it ends.
      job_.plan.output_directory = std::filesystem::absolute(job_.plan.output_directory).string();
    } catch (const std::exception& error) {
      problem = error.what();
    }
  }
  agree(job_.all, ErrorCode::plan, problem);
}

}  // namespace ekman
