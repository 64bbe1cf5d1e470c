// The fields of a plan by number, the same on every rank, so that a state record needs no text. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

// A number for each use of a field by a network: its inputs, its outputs, what it learns from, then the
// fallbacks of its guard.
class FieldNumbers {
 public:
  FieldNumbers() = default;
  explicit FieldNumbers(const Plan& plan);

  // k_no_field if the network does not use it.
  int of(int network, const std::string& field) const;
  // "a field" for k_no_field.
  std::string name(int number) const;
  // As a bit of StateRecord::fields_put; 0 for numbers that have none.
  static std::uint64_t bit(int number) { return number < 64 ? std::uint64_t{1} << number : 0; }

 private:
  struct Use {
    int network;
    std::string field;
  };
  std::vector<Use> uses_;
};

}  // namespace ekman
