// Implements learning_check.hpp.
#include "adapters/torch/learning_check.hpp"

#include <fmt/format.h>

#include <exception>
#include <string>

#include "adapters/torch/builtin_network.hpp"
#include "adapters/torch/checkpoint_file.hpp"
#include "adapters/torch/checkpoint_network.hpp"
#include "adapters/torch/lesson_loss.hpp"
#include "adapters/torch/loss_method.hpp"
#include "adapters/torch/tile_forward.hpp"
#include "adapters/torch/torch_message.hpp"
#include "adapters/torch/torch_network.hpp"
#include "coupler/plan/choices.hpp"
#include "coupler/plan/sizes.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

constexpr at::DeviceType k_device = at::kCPU;

RowLayout one_level_each(const std::vector<Argument>& arguments) {
  return make_row_layout(arguments, std::vector<std::int64_t>(fields_of(arguments).size(), 1));
}

// Names and methods are what they are for any levels. The weights may be others than those of a checkpoint.
std::unique_ptr<TorchNetwork> open(const NetworkSpec& spec, const std::optional<LearningRows>& rows) {
  NetworkSpec same = spec;
  if (spec.source.kind == SourceKind::checkpoint)
    same.source = source_of_checkpoint(spec, read_checkpoint_file(spec.source.path));
  const RowLayout in = rows ? rows->in : one_level_each(spec.inputs);
  const RowLayout out = rows ? rows->out : one_level_each(spec.outputs);
  const auto make = same.source.kind == SourceKind::builtin ? make_builtin_network : load_script_network;
  return make(same, in, out, k_device, kind_of(spec.compute));
}

void try_term(const NetworkSpec& spec, const LossTerm& term, const std::optional<LearningRows>& rows,
              const TorchNetwork& network) {
  const at::TensorOptions options = at::TensorOptions(k_device).dtype(kind_of(spec.compute));
  if (rows) {
    NetworkSpec alone = spec;
    alone.training.loss = {term};
    const std::int64_t tile_rows = tile_samples(spec, false) * spec.rows_per_sample();
    LessonLoss(alone, rows->in, rows->out, rows->truth, network.script(), tile_rows, options);
  } else if (is_users_own(term.kind)) {
    open_loss(spec, term, network.script(), options);
  }
}

}  // namespace

std::vector<Problem> learning_problems(const NetworkSpec& spec, const std::optional<LearningRows>& rows) {
  const TrainingSpec& training = spec.training;
  const std::string path = fmt::format("networks.{}.training.", spec.name);
  const std::unique_ptr<TorchNetwork> network = open(spec, rows);
  std::vector<Problem> problems = selection_problems(network->parameters(), training.trainable, training.frozen);
  for (Problem& problem : problems)
    problem = {path + problem.path, fmt::format("network \"{}\": {}", spec.name, problem.text)};
  for (std::size_t t = 0; t < training.loss.size(); ++t) {
    const LossTerm& term = training.loss[t];
    const std::string where = fmt::format("{}loss[{}].{}", path, t, word_of(term.kind));
    try {
      try_term(spec, term, rows, *network);
    } catch (const Error& error) {
      problems.push_back({where, error.what()});
    } catch (const std::exception& error) {
      problems.push_back({where, fmt::format("network \"{}\": its loss {} fails: {}; see whether its fields and levels "
                                             "are what it takes",
                                             spec.name, word_of(term.kind), torch_message(error))});
    }
  }
  return problems;
}

}  // namespace ekman
