// Implements evaluate.hpp.
#include "coupler/command/evaluate.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <optional>

#include "adapters/hdf5/recording_store.hpp"
#include "coupler/base/bytes.hpp"
#include "coupler/base/log.hpp"
#include "coupler/base/process_tuning.hpp"
#include "coupler/comm/process.hpp"
#include "coupler/command/evaluation_files.hpp"
#include "coupler/command/network_library.hpp"
#include "coupler/command/recorded_data.hpp"
#include "coupler/command/run_for_all.hpp"
#include "coupler/offline/evaluation.hpp"
#include "coupler/offline/offline_training.hpp"
#include "coupler/offline/prediction.hpp"
#include "coupler/session/agree.hpp"

namespace ekman {

namespace {

// Of each field in the figure.
constexpr std::size_t k_most_pairs = 5000;

SplitPart part_of(const std::string& word) {
  if (word == "all") return SplitPart::none;
  return word == "train" ? SplitPart::train : word == "validation" ? SplitPart::validation : SplitPart::test;
}

// What is run: the plan's network, with what it has learned.
NetworkSpec served_spec(const Plan& plan, const NetworkSpec& spec, const std::string& checkpoint) {
  NetworkSpec served = spec;
  served.training = {};
  served.tape = 0;
  if (checkpoint == "plan") return served;
  NetworkSpec asking = spec;
  asking.training.resume = checkpoint;
  const std::optional<Checkpoint> found = network_library().find_resume(asking, plan.output_directory);
  if (!found)
    throw Error(ErrorCode::plan,
                fmt::format("network \"{}\" has no checkpoint \"{}\" in {} of {}; learn first, or name a file, or "
                            "--checkpoint plan for the network as the plan has it",
                            spec.name, checkpoint, spec.training.checkpoint.directory, plan.output_directory));
  served.source = {};
  served.source.kind = SourceKind::checkpoint;
  served.source.path = found->path;
  return served;
}

// Collective. The sum over all ranks on the first one.
void gather_errors(const Communicator& ranks, const std::vector<ComparedField>& fields,
                   std::vector<FieldErrors>& errors) {
  errors.resize(fields.size());
  std::string bytes;
  for (std::size_t f = 0; f < fields.size(); ++f) {
    errors[f].levels.resize(static_cast<std::size_t>(fields[f].output.levels));
    for (const ErrorMoments& level : errors[f].levels)
      bytes.append(reinterpret_cast<const char*>(&level), sizeof level);
  }
  const std::vector<std::string> all = ranks.gather(bytes, 0, false);
  for (std::size_t rank = 1; rank < all.size(); ++rank) {
    const auto* from = reinterpret_cast<const std::byte*>(all[rank].data());
    for (FieldErrors& field : errors) {
      for (ErrorMoments& level : field.levels) {
        level.add(load<ErrorMoments>(from));
        from += sizeof level;
      }
    }
  }
}

std::string row_of(const ErrorMoments& moments, const char* form) {
  return fmt::format(fmt::runtime(form), moments.rmse(), moments.mae(), moments.r2(), moments.bias());
}

std::string table_of(const std::vector<ComparedField>& fields, const std::vector<FieldErrors>& errors) {
  std::string text =
      fmt::format("{:<24} {:>6} {:>12} {:>12} {:>10} {:>12}\n", "field", "levels", "RMSE", "MAE", "R2", "bias");
  for (std::size_t f = 0; f < fields.size(); ++f)
    text += fmt::format("{:<24} {:>6} {}\n", fields[f].output.name, fields[f].output.levels,
                        row_of(errors[f].all(), "{:>12.5g} {:>12.5g} {:>10.5f} {:>12.5g}"));
  return text;
}

// All that running a network on recordings takes.
struct Trial {
  Communicator ranks;
  Plan plan;
  NetworkSpec spec;
  std::optional<Recordings> recordings;
  std::unique_ptr<Engine> engine;
};

// Collective.
Trial prepare(const EvaluateOptions& options) {
  Trial trial{Communicator::borrow(MPI_COMM_WORLD).clone(), {}, {}, {}, {}};
  const Communicator& ranks = trial.ranks;
  trial.plan = read_plan_on_first(ranks, options.plan, MissingStatistics::made_later);
  const NetworkSpec& spec = trial.spec = offline_spec(learning_network(trial.plan, options.network));
  trial.recordings.emplace(open_recordings(ranks, options.data, trial.plan, spec));
  const LearningRows& layouts = trial.recordings->layouts();
  const Placement place = find_place_everywhere(ranks, spec);
  if (place.device == "cpu") bind_threads(place.threads, cores_allowed());
  std::string problem;
  try {
    NetworkSpec served = served_spec(trial.plan, spec, options.checkpoint);
    require_statistics(served, served.source.kind == SourceKind::checkpoint);
    trial.engine = make_engine(served, {layouts.in, layouts.out, {}}, place.device, place.threads);
    if (ranks.rank() == 0 && served.source.kind == SourceKind::checkpoint)
      log_line(fmt::format("network \"{}\" of {} on {}", spec.name, served.source.path, trial.engine->describe()));
  } catch (const std::exception& error) {
    problem = error.what();
  }
  agree(ranks, ErrorCode::network, problem);
  return trial;
}

// Collective. On the first rank the files that were written, for the figure.
EvaluationFiles evaluate_plan(const EvaluateOptions& options) {
  const Trial trial = prepare(options);
  const Communicator& ranks = trial.ranks;
  const Recordings& recordings = *trial.recordings;
  const std::vector<ComparedField> fields = compared_fields(recordings, trial.spec);
  std::vector<FieldErrors> errors;
  DrawnPairs pairs(fields.size(), k_most_pairs);
  run_part(
      recordings, trial.spec, part_of(options.part),
      [&](const RecordedLesson&, std::int64_t number) { return number % ranks.size() == ranks.rank(); }, *trial.engine,
      [&](const Evaluated& evaluated) {
        add_errors(evaluated, recordings, trial.spec, fields, errors);
        pairs.add(evaluated, recordings, trial.spec, fields);
      });
  gather_errors(ranks, fields, errors);
  const std::vector<std::string> others = ranks.gather(pairs.bytes(), 0, false);
  if (ranks.rank() != 0) return {};
  for (std::size_t rank = 1; rank < others.size(); ++rank) pairs.add_bytes(others[rank]);
  std::fputs(table_of(fields, errors).c_str(), stdout);
  EvaluationFiles files = evaluation_files(trial.plan.output_directory, trial.spec.name, options.part);
  std::vector<std::string> units;
  for (const ComparedField& field : fields) units.push_back(recordings.recorded(field.target.name).units);
  write_errors(files.table, fields, units, errors);
  write_pairs(files.pairs, fields, pairs);
  std::fputs(fmt::format("by level: {}\n", files.table).c_str(), stdout);
  return files;
}

void predict_plan(const EvaluateOptions& options) {
  const Trial trial = prepare(options);
  const Communicator& ranks = trial.ranks;
  const std::unique_ptr<RecordingStore> store = make_hdf5_recording_store();
  const std::filesystem::path path = std::filesystem::path(trial.plan.output_directory) /
                                     fmt::format("prediction-{}-{}-{}.h5", trial.spec.name, options.part, ranks.rank());
  PredictionWriter writer(*trial.recordings, trial.spec, *store, path.string(), ranks.rank(), ranks.size());
  run_part(
      *trial.recordings, trial.spec, part_of(options.part),
      [&](const RecordedLesson& lesson, std::int64_t) { return writer.is_mine(lesson); }, *trial.engine,
      [&](const Evaluated& evaluated) { writer.take(evaluated); });
  writer.finish();
  log_line(fmt::format(
      "network \"{}\": {} predicted times in {}{}", trial.spec.name, writer.records(), path.string(),
      writer.left_out() == 0 ? "" : fmt::format(", {} left out that were not recorded whole", writer.left_out())));
}

}  // namespace

int evaluate(int argc, char** argv, const EvaluateOptions& options) {
  tune_process();
  EvaluationFiles files;
  {
    const MpiProcess process(&argc, &argv);
    run_for_all("rank of ekman evaluate", [&] { files = evaluate_plan(options); });
  }
  // MPI libraries may not bear a new process before they are finalized.
  if (files.figure.empty()) return 0;
  std::error_code ignored;
  std::filesystem::remove(files.figure, ignored);  // one of other errors
  if (!options.figure) return 0;
  const std::string problem = draw_figure(files);
  std::printf("%s\n", (problem.empty() ? "figure: " + files.figure : problem).c_str());
  return 0;
}

int predict(int argc, char** argv, const EvaluateOptions& options) {
  tune_process();
  const MpiProcess process(&argc, &argv);
  run_for_all("rank of ekman predict", [&] { predict_plan(options); });
  return 0;
}

}  // namespace ekman
