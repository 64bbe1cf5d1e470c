// Implements flat_parameters.hpp.
#include "adapters/torch/flat_parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "coupler/base/check.hpp"
#include "coupler/base/joined.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

bool matches(const char* pattern, const char* name) {
  if (*pattern == '\0') return *name == '\0';
  if (*pattern == '*') return matches(pattern + 1, name) || (*name != '\0' && matches(pattern, name + 1));
  return *pattern == *name && matches(pattern + 1, name + 1);
}

bool matches_any(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches(pattern.c_str(), name.c_str()); });
}

std::vector<std::string> names_of(const std::vector<NamedParameter>& parameters) {
  std::vector<std::string> names;
  for (const NamedParameter& parameter : parameters) names.push_back(parameter.name);
  return names;
}

}  // namespace

FlatParameters::FlatParameters(std::vector<NamedParameter> parameters) : parameters_(std::move(parameters)) {
  EKMAN_ASSERT(!parameters_.empty());
  at::NoGradGuard no_grad;
  std::int64_t size = 0;
  for (const NamedParameter& parameter : parameters_) size += parameter.tensor.numel();
  const at::TensorOptions options = parameters_.front().tensor.options();
  values_ = at::empty({size}, options.requires_grad(false));
  at::Tensor gradient = at::zeros({size}, values_.options());
  std::int64_t offset = 0;
  for (NamedParameter& parameter : parameters_) {
    const std::int64_t count = parameter.tensor.numel();
    const at::Tensor place = values_.narrow(0, offset, count).view(parameter.tensor.sizes());
    place.copy_(parameter.tensor);
    parameter.tensor.set_data(place);
    parameter.tensor.mutable_grad() = gradient.narrow(0, offset, count).view(parameter.tensor.sizes());
    offset += count;
  }
  values_.requires_grad_(true);
  values_.mutable_grad() = gradient;
}

std::vector<NamedParameter> select_trainable(const std::string& network, std::vector<NamedParameter> all,
                                             const std::vector<std::string>& trainable,
                                             const std::vector<std::string>& frozen) {
  const std::vector<std::string> names = names_of(all);
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorCode::plan,
                fmt::format("network \"{}\": {}; its parameters are: {}", network, what,
                            names.empty() ? "none (was it frozen when it was saved?)" : joined(names, ", ")));
  };
  for (const auto* patterns : {&trainable, &frozen}) {
    for (const std::string& pattern : *patterns) {
      if (std::none_of(names.begin(), names.end(),
                       [&](const std::string& name) { return matches(pattern.c_str(), name.c_str()); }))
        fail(fmt::format("\"{}\" under `{}` is no parameter", pattern, patterns == &frozen ? "frozen" : "trainable"));
    }
  }
  std::vector<std::string> chosen = trainable;
  chosen.erase(std::remove(chosen.begin(), chosen.end(), "*"), chosen.end());
  const bool all_others = chosen.size() < trainable.size();
  std::vector<NamedParameter> learn;
  for (NamedParameter& parameter : all) {
    const bool is_frozen = matches_any(frozen, parameter.name), is_chosen = matches_any(chosen, parameter.name);
    if (is_frozen && is_chosen) fail(fmt::format("\"{}\" is under `trainable` and under `frozen`", parameter.name));
    const bool learns = is_chosen || (all_others && !is_frozen);
    if (learns && !parameter.tensor.is_floating_point()) {
      fail(fmt::format("\"{}\" is of kind {}, and only real parameters learn (put it under `frozen`)", parameter.name,
                       at::toString(parameter.tensor.scalar_type())));
    }
    parameter.tensor.requires_grad_(learns);
    if (learns) learn.push_back(std::move(parameter));
  }
  if (learn.empty()) fail("no parameter is left that learns");
  return learn;
}

}  // namespace ekman
