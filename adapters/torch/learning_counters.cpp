// Implements learning_counters.hpp.
#include "adapters/torch/learning_counters.hpp"

#include <fmt/format.h>

#include "ekman/error.hpp"

namespace ekman {

void LearningCounters::count_bad_step(const std::string& network, const TrainingSpec& training, bool has_loss) {
  if (++bad_steps <= training.max_bad_steps) return;
  throw Error(
      ErrorCode::network,
      fmt::format("network \"{}\": {} optimizer steps in a row had a loss or gradient that is no number ({}norm "
                  "of the gradient {}), and `max_bad_steps` is {}; take a lower `lr` or a `clip_norm`, "
                  "and see whether inputs, adjoints, or targets whose weight is not 0 are no numbers",
                  network, bad_steps, has_loss ? fmt::format("loss {}, ", last.loss) : "", last.gradient_norm,
                  training.max_bad_steps));
}

}  // namespace ekman
