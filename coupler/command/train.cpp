// Implements train.hpp.
#include "coupler/command/train.hpp"

#include <fmt/format.h>

#include <cmath>

#include "coupler/base/log.hpp"
#include "coupler/base/process_tuning.hpp"
#include "coupler/comm/process.hpp"
#include "coupler/command/learning_files.hpp"
#include "coupler/command/network_library.hpp"
#include "coupler/command/recorded_data.hpp"
#include "coupler/command/run_for_all.hpp"
#include "coupler/offline/offline_training.hpp"
#include "coupler/session/agree.hpp"

namespace ekman {

namespace {

void tell_epoch(const NetworkSpec& spec, const EpochReport& epoch) {
  std::string line = fmt::format("network \"{}\": epoch {} of {}, step {}: loss {:.4g}", spec.name, epoch.epoch,
                                 spec.training.offline.epochs, epoch.step, epoch.loss);
  if (!std::isnan(epoch.validation_loss))
    line += fmt::format(", validation loss before it {:.4g}", epoch.validation_loss);
  line += fmt::format(", {:.3g} samples/s", epoch.samples_per_second);
  if (epoch.seconds_left > 0.0 && !epoch.stopped) line += fmt::format(", {} left", duration_text(epoch.seconds_left));
  log_line(line);
}

std::unique_ptr<Engine> load_learner(const Communicator& ranks, const Plan& plan, const NetworkSpec& spec,
                                     const Recordings& recordings) {
  const Placement place = find_place_everywhere(ranks, spec);
  if (place.device == "cpu") bind_threads(place.threads, cores_allowed());
  std::unique_ptr<Engine> engine;
  std::string problem;
  try {
    engine = make_engine(spec, recordings.layouts(), place.device, place.threads);
    if (engine->learner() == nullptr)
      throw Error(ErrorCode::plan, fmt::format("network \"{}\" cannot learn; name one that LibTorch runs", spec.name));
    prepare_learning(plan, spec, ranks.rank() == 0, *engine->learner());
  } catch (const std::exception& error) {
    problem = fmt::format("rank {} on {}: {}", ranks.rank(), node_name(), error.what());
  }
  agree(ranks, ErrorCode::network, problem);
  if (ranks.rank() == 0)
    log_line(fmt::format("network \"{}\": {} rank{} on {}", spec.name, ranks.size(), ranks.size() == 1 ? "" : "s",
                         engine->describe()));
  return engine;
}

void train_plan(const TrainOptions& options) {
  const Communicator ranks = Communicator::borrow(MPI_COMM_WORLD).clone();
  const Plan plan = read_plan_on_first(ranks, options.plan, MissingStatistics::made_later);
  NetworkSpec spec = offline_spec(learning_network(plan, options.network));
  const Recordings recordings = open_recordings(ranks, options.data, plan, spec);
  const LessonParts parts(recordings, spec);
  TrainingStatistics statistics(recordings, parts, ranks);
  statistics.complete(spec);
  const std::unique_ptr<Engine> engine = load_learner(ranks, plan, spec, recordings);
  statistics.start(spec, plan.output_directory, *engine->learner());
  StateWriter state;
  std::int64_t last_step = 0;
  LearningFiles files = ranks.rank() == 0 ? learning_files(plan, spec, [&] { return last_step; }) : LearningFiles{};
  OfflineTraining training(recordings, parts, spec, *engine->learner(), std::move(files), ranks, state);
  if (spec.training.checkpoint.every == 0) spec.training.checkpoint.every = training.steps_per_epoch();
  last_step = training.steps_per_epoch() * spec.training.offline.epochs;
  if (ranks.rank() == 0) {
    log_line(
        fmt::format("network \"{}\": {} recorded chunks to learn from in {} steps an epoch, {} to validate on; "
                    "checkpoints in {}",
                    spec.name, parts.lessons(SplitPart::train).size(), training.steps_per_epoch(),
                    parts.lessons(SplitPart::validation).size(), spec.training.checkpoint.directory));
    if (ranks.size() > spec.training.offline.batch)
      log_line(
          fmt::format("warning: training.offline.batch is {}, so only as many of the {} ranks learn; take a larger "
                      "batch, or fewer ranks",
                      spec.training.offline.batch, ranks.size()));
  }
  training.run([&](const EpochReport& epoch) {
    if (ranks.rank() == 0) tell_epoch(spec, epoch);
  });
}

}  // namespace

int train(int argc, char** argv, const TrainOptions& options) {
  tune_process();
  const MpiProcess process(&argc, &argv);
  run_for_all("rank of ekman train", [&] { train_plan(options); });
  return 0;
}

}  // namespace ekman
