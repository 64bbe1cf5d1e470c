// Built-in networks as a plan has them, with all their arguments.
#pragma once

#include <string>
#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

inline NetworkArgument numbers_argument(const std::vector<std::int64_t>& numbers) {
  NetworkArgument argument{{}, true};
  for (const std::int64_t number : numbers) argument.values.push_back(std::to_string(number));
  return argument;
}

inline NetworkArgument word_argument(const std::string& word) { return {{word}, false}; }
inline NetworkArgument number_argument(std::int64_t number) { return word_argument(std::to_string(number)); }

inline NetworkSource builtin_source(const std::string& name, ArgumentMap arguments, std::int64_t seed = 0) {
  NetworkSource source;
  source.kind = SourceKind::builtin;
  source.name = name;
  source.arguments = std::move(arguments);
  source.seed = seed;
  return source;
}

inline NetworkSource mlp_source(const std::vector<std::int64_t>& hidden, const std::string& activation = "relu",
                                std::int64_t seed = 0) {
  return builtin_source("mlp", {{"hidden", numbers_argument(hidden)}, {"activation", word_argument(activation)}}, seed);
}

inline NetworkSource resmlp_source(std::int64_t width, std::int64_t blocks, std::int64_t seed = 0) {
  return builtin_source(
      "resmlp",
      {{"width", number_argument(width)}, {"blocks", number_argument(blocks)}, {"activation", word_argument("gelu")}},
      seed);
}

// Padding of unet and fno: of y, then of x.
inline NetworkSource unet_source(std::int64_t width, std::int64_t depth, const std::string& y, const std::string& x,
                                 std::int64_t seed = 0) {
  return builtin_source("unet",
                        {{"width", number_argument(width)},
                         {"depth", number_argument(depth)},
                         {"padding.y", word_argument(y)},
                         {"padding.x", word_argument(x)},
                         {"activation", word_argument("silu")}},
                        seed);
}

inline NetworkSource fno_source(std::int64_t width, const std::vector<std::int64_t>& modes, std::int64_t layers,
                                const std::string& y, const std::string& x, std::int64_t seed = 0) {
  return builtin_source("fno",
                        {{"width", number_argument(width)},
                         {"modes", numbers_argument(modes)},
                         {"layers", number_argument(layers)},
                         {"padding.y", word_argument(y)},
                         {"padding.x", word_argument(x)},
                         {"activation", word_argument("gelu")}},
                        seed);
}

}  // namespace ekman
