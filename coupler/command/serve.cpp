// Implements serve.hpp: start-up, placement, one route and one engine for each ML rank, then exchanges until
// the end.
#include "coupler/command/serve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <sstream>

#include "adapters/hdf5/recording_store.hpp"
#include "adapters/hdf5/restart_store.hpp"
#include "coupler/base/log.hpp"
#include "coupler/base/process_tuning.hpp"
#include "coupler/comm/finalize_watch.hpp"
#include "coupler/comm/handshake.hpp"
#include "coupler/comm/process.hpp"
#include "coupler/command/find_place.hpp"
#include "coupler/command/learning_files.hpp"
#include "coupler/command/network_library.hpp"
#include "coupler/command/plan_statistics.hpp"
#include "coupler/command/profile_record.hpp"
#include "coupler/command/run_for_all.hpp"
#include "coupler/command/run_record.hpp"
#include "coupler/engine/arithmetic.hpp"
#include "coupler/engine/placement.hpp"
#include "coupler/session/agree.hpp"
#include "coupler/session/definitions.hpp"
#include "coupler/session/ml_side.hpp"
#include "coupler/session/network_site.hpp"
#include "coupler/session/profile_merge.hpp"
#include "coupler/session/startup.hpp"
#include "coupler/session/survey.hpp"

namespace ekman {

namespace {

bool is_first_learner(const Route& route) { return route.learners && route.learners.rank() == 0; }

// A run that begins must not mix its records with those of another; one that goes on adds files to them.
void prepare_recording(const Job& job, RecorderSetting& recording) {
  const RecordingNames::Found found = recording.names.find(recording.rank);
  recording.next = found.next;
  recording.bytes_used = found.bytes;
  if (!job.plan.resume.empty() || found.file.empty()) return;
  throw Error(ErrorCode::plan,
              fmt::format("the recording {} is there already; remove it, or change output.directory or "
                          "output.record.file",
                          found.file));
}

// Collective over all ranks of the job, which learn here whether every network can be served; the components
// wait for it at the end of enddef.
std::unique_ptr<Engine> load_engine(const Job& job, const NetworkSpec& spec, const Route& route, const Placement& place,
                                    std::optional<RecorderSetting>& recording) {
  std::unique_ptr<Engine> engine;
  std::string problem;
  try {
    const CallScope call(job.watchdog->state(), Call::load);
    engine =
        make_engine(spec, {route.in.layout, route.results.layout, route.truth.layout}, place.device, place.threads);
    if (engine->learner() != nullptr) prepare_learning(job.plan, spec, is_first_learner(route), *engine->learner());
    if (recording) prepare_recording(job, *recording);
  } catch (const std::exception& error) {
    problem = fmt::format("ML rank {} on {}: {}", job.local.rank(), node_name(), error.what());
  }
  const WaitScope waiting(job.watchdog->state(), Call::enddef);
  agree(job.all, ErrorCode::network, problem);
  return engine;
}

// The line of this ML rank, which is returned as well.
std::string announce(const Job& job, const NetworkSpec& spec, const Placement& place, const Route& route,
                     const Engine& engine, int cores) {
  const bool loaded = needs_library(spec);
  const bool bound = cores > 1 && cores_allowed() == 1;  // by OpenMP, when it was loaded
  const std::string house = loaded ? fmt::format(" ({} core{}{}, freed memory kept, profiling off)", cores,
                                                 cores == 1 ? "" : "s", bound ? ", a thread on each" : "")
                                   : "";
  const std::string line = fmt::format(
      "ML rank {} of {}: network \"{}\" ({} of {}) on node {}, {}{}; {} of {} points in {} chunks{}", job.local.rank(),
      job.local.size(), spec.name, place.index + 1, spec.ranks, node_name(), engine.describe(), house,
      route.points_here(spec), route.points, route.chunks.size(), place.note.empty() ? "" : "; " + place.note);
  log_line(line);
  if (!loaded) return line;
  const std::string binding = place.device == "cpu" ? binding_warning(place.threads, cores) : "";
  if (!binding.empty()) log_line("warning: " + binding);
  for (const std::string& warning : network_library().blas_warnings()) log_line("warning: " + warning);
  return line;
}

// Collective over all ranks of the job.
void record_run(const Job& job, const std::string& announcement) {
  const std::vector<std::string> nodes = survey_nodes(job, "ekman serve", true);
  const std::vector<std::string> ml_ranks = job.local.all_gather(announcement);
  if (job.local.rank() == 0) write_run_record(job.plan, nodes, {"ml_ranks", ml_ranks});
}

// Collective over the ML ranks. The first rank of each network warns if the others do not compute as it does.
void compare_engines(const Job& job, const Placement& place, const std::string& arithmetic) {
  const WaitScope waiting(job.watchdog->state(), Call::enddef);
  const std::vector<std::string> texts =
      job.local.all_gather(fmt::format("{}\n{}\n{}", place.network, node_name(), arithmetic));
  if (place.index != 0) return;
  std::vector<RankArithmetic> ranks;
  for (std::size_t rank = 0; rank < texts.size(); ++rank) {
    std::istringstream lines(texts[rank]);
    RankArithmetic found;
    std::string network;
    std::getline(lines, network);
    std::getline(lines, found.node);
    std::getline(lines, found.arithmetic);
    found.ml_rank = static_cast<int>(rank);
    if (std::stoi(network) == place.network) ranks.push_back(found);
  }
  const std::string difference = compare_arithmetic(job.plan.networks[place.network].name, ranks);
  if (!difference.empty()) log_line("warning: " + difference);
}

RestartSetting restart_setting(const Job& job, const NetworkSpec& spec, RestartStore& store) {
  RestartSetting setting{&store, steps_between_exchanges(job.plan, spec), step_clock(job.plan, spec.component), {}};
  for (const NetworkSpec& network : job.plan.networks) {
    if (network.component == spec.component) setting.networks.push_back(network.name);
  }
  return setting;
}

// Collective over all ranks of the job. The route of the network that this rank serves, and what it records of it.
Route define_route(const Job& job, const Placement& place, const RecordingStore& store,
                   std::optional<RecorderSetting>& recording) {
  const WaitScope waiting(job.watchdog->state(), Call::enddef);
  compare_definitions(job);
  const NetworkSpec& spec = job.plan.networks[place.network];
  Route route;
  for (std::size_t n = 0; n < job.plan.networks.size(); ++n) {
    Communicator comm = split_route(job, static_cast<int>(n), "", place.network);
    if (!comm) continue;
    route = make_ml_route(std::move(comm), spec);
    route.hang_bells(spec, job.shared_cores);
    share_site(route.comm, spec, route.points, job.shared_cores, place.device);
    const std::vector<std::string> fields = recorded_fields_of(job.plan, spec);
    if (fields.empty()) continue;
    recording = {
        &store, job.plan.record, RecordingNames(job.plan, spec), fields, hear_description(route, spec), place.index, 0,
        0};
  }
  return route;
}

// Collective over the ML ranks, and with their components, see ProfileMerge.
void end_profile(const Job& job, const Placement& place, const Route& route, const ProfileMerge& merge,
                 const Profile& profile) {
  RankProfile mine;
  mine.rank = job.local.rank();
  mine.network = place.network;
  mine.node = node_name();
  mine.device = place.device;
  mine.points = route.points_here(job.plan.networks[place.network]);
  mine.take(profile);
  const std::vector<std::string> ranks = merge.of_ml(place.network, route.comm, mine);
  if (!ranks.empty()) record_profile(job.plan, ranks);
}

void serve_plan(MPI_Comm comm, const std::string& plan_file, std::int64_t start_timeout, PlanReader read) {
  auto watchdog = std::make_unique<Watchdog>(
      fmt::format("`ekman serve` (rank {} of MPI_COMM_WORLD)", Communicator::borrow(MPI_COMM_WORLD).rank()),
      start_timeout);
  std::vector<Communicator> found = handshake(comm, {k_group_name});
  Job job = start_ml(std::move(watchdog), std::move(found[0]), plan_file, read);
  StateWriter& state = job.watchdog->state();
  const Placement place = find_place(job.local, job.plan.networks);
  job.watchdog->introduce({true, true, place.network, job.local.rank(), place.index});
  const NetworkSpec& spec = job.plan.networks[place.network];
  const std::unique_ptr<RecordingStore> recordings = make_hdf5_recording_store();
  std::optional<RecorderSetting> recording;
  Route route = define_route(job, place, *recordings, recording);
  const int cores = cores_allowed();
  if (needs_library(spec) && place.device == "cpu" && !job.shared_cores) bind_threads(place.threads, cores);
  std::unique_ptr<Engine> engine = load_engine(job, spec, route, place, recording);
  record_run(job, announce(job, spec, place, route, *engine, cores));
  compare_engines(job, place, engine->arithmetic());
  const std::unique_ptr<RestartStore> store = make_hdf5_restart_store(job.plan.output_directory);
  LearningFiles files = is_first_learner(route) ? learning_files(job.plan, spec) : LearningFiles{};
  std::optional<Profile> profile;
  if (job.plan.profile) {
    profile.emplace(static_cast<int>(job.plan.networks.size()), place.network);
    state.profile(&*profile);
    engine->profile(&*profile);
  }
  MlSide side(std::move(route), spec, std::move(engine), restart_setting(job, spec, *store), std::move(files),
              std::move(recording), job.shared_cores, state);
  side.resume(job);
  std::optional<ProfileMerge> merge;
  if (profile) {
    merge.emplace(job, "");
    profile->begin(1);
  }
  side.serve();
  if (profile) end_profile(job, place, side.route(), *merge, *profile);
  finalize_together(std::move(job.all));
  state.begin_wait(Call::finalize, k_no_field, -1, -1);  // until all is freed, and the watchdog with it
}

}  // namespace

Plan read_plan_to_serve(const std::string& path) {
  PlanReading reading = examine_whole_plan(path);
  reading.diagnostics.throw_if_errors();
  if (ml_ranks_of(reading.plan) == 0) {
    throw Error(ErrorCode::plan,
                fmt::format("no network of the plan {} wants an ML rank: all have placement: inline; start the "
                            "component alone, with the environment variable EKMAN_PLAN={}",
                            path, path));
  }
  for (const std::string& line : reading.diagnostics.lines(Severity::note)) log_line(line);
  prepare_output(reading.plan);
  return std::move(reading.plan);
}

void serve_on(MPI_Comm comm, const std::string& plan_file, std::int64_t start_timeout, PlanReader read) {
  run_for_all("ML rank", [&] { serve_plan(comm, plan_file, start_timeout, read); });
}

int serve(int argc, char** argv, const std::string& plan_file, std::int64_t start_timeout) {
  tune_process();
  const MpiProcess process(&argc, &argv);
  serve_on(MPI_COMM_WORLD, plan_file, start_timeout);
  return 0;
}

}  // namespace ekman
