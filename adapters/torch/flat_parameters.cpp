// Implements flat_parameters.hpp.
#include "adapters/torch/flat_parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "coupler/base/check.hpp"
#include "coupler/base/joined.hpp"
#include "coupler/plan/did_you_mean.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

bool matches(const char* pattern, const char* name) {
  if (*pattern == '\0') return *name == '\0';
  if (*pattern == '*') return matches(pattern + 1, name) || (*name != '\0' && matches(pattern, name + 1));
  return *pattern == *name && matches(pattern + 1, name + 1);
}

bool matches(const std::string& pattern, const std::string& name) { return matches(pattern.c_str(), name.c_str()); }

bool matches_any(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches(pattern, name); });
}

// What the two lists of the plan say of a parameter.
class Selection {
 public:
  Selection(const std::vector<std::string>& trainable, const std::vector<std::string>& frozen)
      : chosen_(trainable), frozen_(frozen) {
    chosen_.erase(std::remove(chosen_.begin(), chosen_.end(), "*"), chosen_.end());
    all_others_ = chosen_.size() < trainable.size();
  }
  bool is_twice(const std::string& name) const { return matches_any(frozen_, name) && matches_any(chosen_, name); }
  bool learns(const std::string& name) const {
    return matches_any(chosen_, name) || (all_others_ && !matches_any(frozen_, name));
  }

 private:
  std::vector<std::string> chosen_;  // but for a plain `*`
  std::vector<std::string> frozen_;
  bool all_others_ = false;
};

// A name, or for a pattern one that matches all below a part of names.
std::string nearest(const std::string& pattern, const std::vector<std::string>& names, const std::string& otherwise) {
  if (pattern.find('*') == std::string::npos) return did_you_mean(pattern, names, otherwise);
  std::vector<std::string> patterns;
  for (const std::string& name : names) {
    for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
      patterns.push_back(name.substr(0, dot) + ".*");
      patterns.push_back("*" + name.substr(dot));
    }
  }
  return did_you_mean(pattern, patterns, otherwise);
}

std::int64_t reals_in(const at::Tensor& tensor) { return tensor.numel() * (tensor.is_complex() ? 2 : 1); }

std::vector<std::string> names_of(const std::vector<NamedParameter>& parameters) {
  std::vector<std::string> names;
  for (const NamedParameter& parameter : parameters) names.push_back(parameter.name);
  return names;
}

}  // namespace

FlatParameters::FlatParameters(std::vector<NamedParameter> parameters) : parameters_(std::move(parameters)) {
  EKMAN_ASSERT(!parameters_.empty());
  at::NoGradGuard no_grad;
  // A complex view begins at an even place.
  std::stable_partition(parameters_.begin(), parameters_.end(),
                        [](const NamedParameter& parameter) { return parameter.tensor.is_complex(); });
  std::int64_t size = 0;
  for (const NamedParameter& parameter : parameters_) size += reals_in(parameter.tensor);
  const at::Tensor& first = parameters_.front().tensor;
  values_ = at::empty({size}, first.options().dtype(c10::toRealValueType(first.scalar_type())).requires_grad(false));
  at::Tensor gradient = at::zeros({size}, values_.options());
  const std::vector<at::Tensor> places = cut(values_), gradients = cut(gradient);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    at::Tensor& parameter = parameters_[i].tensor;
    const auto as_it_is = [&](const at::Tensor& reals) {
      return parameter.is_complex() ? at::view_as_complex(reals) : reals;
    };
    const at::Tensor place = as_it_is(places[i]);
    place.copy_(parameter);
    parameter.set_data(place);
    parameter.mutable_grad() = as_it_is(gradients[i]);
  }
  values_.requires_grad_(true);
  values_.mutable_grad() = gradient;
}

std::vector<at::Tensor> FlatParameters::cut(const at::Tensor& flat) const {
  std::vector<at::Tensor> parts;
  std::int64_t offset = 0;
  for (const NamedParameter& parameter : parameters_) {
    std::vector<std::int64_t> sizes = parameter.tensor.sizes().vec();
    if (parameter.tensor.is_complex()) sizes.push_back(2);
    const std::int64_t count = reals_in(parameter.tensor);
    parts.push_back(flat.narrow(0, offset, count).view(sizes));
    offset += count;
  }
  return parts;
}

std::vector<Problem> selection_problems(const std::vector<NamedParameter>& all,
                                        const std::vector<std::string>& trainable,
                                        const std::vector<std::string>& frozen) {
  const std::vector<std::string> names = names_of(all);
  std::vector<Problem> problems;
  for (const auto* patterns : {&trainable, &frozen}) {
    const char* const key = patterns == &frozen ? "frozen" : "trainable";
    for (std::size_t i = 0; i < patterns->size(); ++i) {
      const std::string& pattern = (*patterns)[i];
      if (std::any_of(names.begin(), names.end(), [&](const auto& name) { return matches(pattern, name); })) continue;
      problems.push_back({fmt::format("{}[{}]", key, i),
                          fmt::format("\"{}\" under `{}` is no parameter{}", pattern, key,
                                      nearest(pattern, names, "; name one that there is, or a pattern of some"))});
    }
  }
  const Selection selection(trainable, frozen);
  bool any = false;
  for (const NamedParameter& parameter : all) {
    if (selection.is_twice(parameter.name))
      problems.push_back({"frozen", fmt::format("\"{}\" is under `trainable` and under `frozen`; take it out of one",
                                                parameter.name)});
    if (!selection.learns(parameter.name)) continue;
    any = true;
    if (!parameter.tensor.is_floating_point() && !parameter.tensor.is_complex())
      problems.push_back(
          {"trainable", fmt::format("\"{}\" is of kind {}, and only real and complex ones learn; put it under `frozen`",
                                    parameter.name, at::toString(parameter.tensor.scalar_type()))});
  }
  if (!any && problems.empty())
    problems.push_back(
        {"trainable", "no parameter is left that learns; name some under `trainable`, or take some out of `frozen`"});
  if (problems.empty()) return problems;
  problems.back().text += fmt::format(" (its parameters are: {})",
                                      names.empty() ? "none (was it frozen when it was saved?)" : joined(names, ", "));
  return problems;
}

std::vector<NamedParameter> select_trainable(const std::string& network, std::vector<NamedParameter> all,
                                             const std::vector<std::string>& trainable,
                                             const std::vector<std::string>& frozen) {
  const std::vector<Problem> problems = selection_problems(all, trainable, frozen);
  if (!problems.empty()) {
    std::vector<std::string> texts;
    for (const Problem& problem : problems) texts.push_back(problem.text);
    throw Error(ErrorCode::plan, fmt::format("network \"{}\": {}", network, joined(texts, "; ")));
  }
  const Selection selection(trainable, frozen);
  std::vector<NamedParameter> learn;
  for (NamedParameter& parameter : all) {
    const bool learns = selection.learns(parameter.name);
    parameter.tensor.requires_grad_(learns);
    if (learns) learn.push_back(std::move(parameter));
  }
  return learn;
}

}  // namespace ekman
