// Implements restart_header.hpp.
#include "coupler/restart/restart_header.hpp"

#include <fmt/format.h>

#include "coupler/plan/choices.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

ElementKind element_of(Real real) { return real == Real::float32 ? ElementKind::real32 : ElementKind::real64; }

std::string list_of(const std::vector<RestartField>& fields) {
  std::string list;
  for (const RestartField& field : fields) {
    list += fmt::format("{}{} ({} level{})", list.empty() ? "" : ", ", field.name, field.levels,
                        field.levels == 1 ? "" : "s");
  }
  return list;
}

}  // namespace

RestartArray ids_array() { return {k_ids_array, ElementKind::int64, 1}; }

std::vector<RestartArray> output_arrays(const RestartHeader& header, std::int64_t kept) {
  std::vector<RestartArray> arrays;
  const bool is_next = header.lag > 0 && kept == header.exchanges_kept() - 1;
  for (const RestartField& field : header.outputs) {
    arrays.push_back({(is_next ? "next_outputs/" : "outputs/") + field.name, element_of(header.wire), field.levels});
  }
  return arrays;
}

std::vector<RestartArray> output_arrays(const RestartHeader& header) {
  std::vector<RestartArray> arrays;
  for (std::int64_t kept = 0; kept < header.exchanges_kept(); ++kept) {
    for (const RestartArray& array : output_arrays(header, kept)) arrays.push_back(array);
  }
  return arrays;
}

std::vector<RestartArray> reduction_arrays(const RestartHeader& header) {
  std::vector<RestartArray> arrays;
  if (header.steps_reduced() == 0) return arrays;
  const auto add = [&](const char* group, const RestartField& field) {
    const Real kind = arrays.size() < header.kinds.size() ? header.kinds[arrays.size()] : Real::float64;
    arrays.push_back({group + field.name, element_of(kind), field.levels});
  };
  for (const RestartField& field : header.inputs) add("reductions/", field);
  for (const RestartField& field : header.truth) {
    if (field.name != header.weights) add("truth_reductions/", field);
  }
  return arrays;
}

std::vector<RestartArray> all_arrays(const RestartHeader& header) {
  std::vector<RestartArray> arrays{ids_array()};
  for (const RestartArray& array : output_arrays(header)) arrays.push_back(array);
  for (const RestartArray& array : reduction_arrays(header)) arrays.push_back(array);
  return arrays;
}

std::string restart_mismatch(const RestartHeader& set, const RestartHeader& plan) {
  std::string differences;
  const auto compare = [&](const char* what, const auto& theirs, const auto& ours) {
    if (theirs == ours) return;
    differences += fmt::format("{}{} {} there, {} here", differences.empty() ? "" : "; ", what, theirs, ours);
  };
  compare("component", set.component, plan.component);
  compare("network", set.network, plan.network);
  compare("points", set.points, plan.points);
  compare("inputs", list_of(set.inputs), list_of(plan.inputs));
  compare("outputs", list_of(set.outputs), list_of(plan.outputs));
  compare("wire", std::string(word_of(set.wire)), std::string(word_of(plan.wire)));
  compare("steps in the coupling_period", set.period, plan.period);
  compare("lag", set.lag, plan.lag);
  compare("time_reduction", std::string(word_of(set.time_reduction)), std::string(word_of(plan.time_reduction)));
  if (!set.learning.given) return differences;
  compare("training", std::string("given"), std::string(plan.learning.given ? "given" : "none"));
  if (!plan.learning.given) return differences;
  compare("fields of training", list_of(set.truth), list_of(plan.truth));
  const auto weights = [](const RestartHeader& header) { return header.weights.empty() ? "none" : header.weights; };
  compare("weights", weights(set), weights(plan));
  return differences;
}

void require_fit(const RestartHeader& set, const RestartHeader& plan, const std::string& label,
                 const std::string& path) {
  const std::string mismatch = restart_mismatch(set, plan);
  if (mismatch.empty()) return;
  throw Error(ErrorCode::plan,
              fmt::format("restart set \"{}\" ({}) does not fit this job: {}; resume with the plan and "
                          "the points that it was written with",
                          label, path, mismatch));
}

}  // namespace ekman
