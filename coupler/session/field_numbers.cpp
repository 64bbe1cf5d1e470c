// Implements field_numbers.hpp.
#include "coupler/session/field_numbers.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "coupler/session/state_record.hpp"

namespace ekman {

FieldNumbers::FieldNumbers(const Plan& plan) {
  for (std::size_t n = 0; n < plan.networks.size(); ++n) {
    const int network = static_cast<int>(n);
    for (const std::string& field : all_fields_of(plan.networks[n])) uses_.push_back({network, field});
    for (const std::string& field : truth_fields_of(plan.networks[n])) uses_.push_back({network, field});
    for (const auto& entry : plan.networks[n].guard.fields) {
      if (!entry.second.fallback.empty()) uses_.push_back({network, entry.second.fallback});
    }
  }
}

int FieldNumbers::of(int network, const std::string& field) const {
  const auto found = std::find_if(uses_.begin(), uses_.end(),
                                  [&](const Use& use) { return use.network == network && use.field == field; });
  return found == uses_.end() ? k_no_field : std::min(static_cast<int>(found - uses_.begin()), k_no_field);
}

std::string FieldNumbers::name(int number) const {
  if (number < 0 || number >= static_cast<int>(uses_.size())) return "a field";
  return fmt::format("\"{}\"", uses_[static_cast<std::size_t>(number)].field);
}

}  // namespace ekman
