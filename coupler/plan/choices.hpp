// The choices of a plan in the words that YAML and restart files have for them.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "coupler/plan/plan.hpp"

namespace ekman {

// All words of a choice, in the order of its enumerators; the argument only names the choice.
constexpr std::array<const char*, 3> words_of(CalendarKind) { return {"proleptic-gregorian", "365d", "360d"}; }
constexpr std::array<const char*, 2> words_of(Real) { return {"float32", "float64"}; }
constexpr std::array<const char*, 4> words_of(Compute) { return {"float32", "float64", "bfloat16", "float16"}; }
constexpr std::array<const char*, 4> words_of(Optimize) { return {"auto", "none", "freeze", "inference"}; }
constexpr std::array<const char*, 2> words_of(Combine) { return {"concat", "stack"}; }
constexpr std::array<const char*, 5> words_of(Reduction) {
  return {"none", "accumulate", "average", "minimum", "maximum"};
}
constexpr std::array<const char*, 2> words_of(Transport) { return {"auto", "point_to_point"}; }
constexpr std::array<const char*, 2> words_of(Placed) { return {"dedicated", "inline"}; }
constexpr std::array<const char*, 3> words_of(OnViolation) { return {"clip", "fallback", "abort"}; }
constexpr std::array<const char*, 2> words_of(Reproducible) { return {"outputs", "bfb"}; }
constexpr std::array<const char*, 9> words_of(LossKind) {
  return {"mse", "l1", "huber", "smooth_l1", "cross_entropy", "bce_with_logits", "nll", "method", "torchscript"};
}
constexpr std::array<const char*, 6> words_of(OptimizerKind) {
  return {"sgd", "adam", "adamw", "rmsprop", "adagrad", "lbfgs"};
}
constexpr std::array<const char*, 2> words_of(SplitRule) { return {"time", "id"}; }
constexpr std::array<const char*, 5> words_of(ScheduleKind) {
  return {"constant", "step", "exponential", "cosine", "linear"};
}

template <class Choice>
constexpr const char* word_of(Choice choice) {
  return words_of(choice)[static_cast<std::size_t>(choice)];
}

// Nothing if `word` is none of them.
template <class Choice>
std::optional<Choice> choice_of(const std::string& word) {
  const auto words = words_of(Choice{});
  for (std::size_t i = 0; i < words.size(); ++i)
    if (word == words[i]) return static_cast<Choice>(i);
  return std::nullopt;
}

}  // namespace ekman
