// Which of the recorded samples are learned from, which validate and which test: a pure function of the plan and of
// what is recorded, the same on any number of ranks and in every run. Never single neighbours: whole blocks of times,
// or of global ids.
#pragma once

#include <cstdint>
#include <vector>

#include "coupler/plan/training_spec.hpp"

namespace ekman {

enum class SplitPart { train, validation, test, none };

class DataSplit {
 public:
  // `steps` are those recorded, ascending. By time: they are cut into blocks, these are drawn by the seed for
  // validation, then for test, as many as the fractions ask for, but one at least; the rest is learned from. Next to a
  // block of another part `gap` steps are of none. Throws Error(plan) if there are too few blocks.
  DataSplit(const SplitSpec& spec, const std::vector<std::int64_t>& steps);

  bool by_time() const { return spec_.rule == SplitRule::time; }
  // Of a point at a recorded step, by the rule.
  SplitPart of(std::int64_t step, std::int64_t id) const { return by_time() ? of_step(step) : of_id(id); }
  // By time: of one that was recorded.
  SplitPart of_step(std::int64_t step) const;
  // By id: those blocks of consecutive ids are of one part for which mix64(seed, id / block) is in its share of all
  // numbers, the shares in the order of SplitPart.
  SplitPart of_id(std::int64_t id) const;

 private:
  SplitSpec spec_;
  std::vector<std::int64_t> steps_;
  std::vector<SplitPart> parts_;  // by time: of each step
};

}  // namespace ekman
