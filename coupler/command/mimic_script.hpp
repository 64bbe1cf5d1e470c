// What a component does in a step, as far as a plan tells: its points and fields, and its calls in order. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coupler/command/mimic_options.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {

// What is put: normal numbers; weights, from 0 to 1; numbers of classes, 0 to `classes` - 1.
enum class Draw { normal, weight, classes };

struct MimicField {
  std::string name;
  std::string units;
  std::int64_t levels = 1;
  Draw draw = Draw::normal;
  std::int64_t classes = 0;
  std::vector<double> mean{0.0}, std{1.0};  // of normal numbers: of each level, or one for all
  bool is_put = false;
  bool is_got = false;
};

struct MimicCall {
  bool is_put = true;
  std::size_t field = 0;
};

// Adjoints of a network with a tape: after so many exchanges as it holds they go back, last exchange first.
struct MimicTape {
  std::int64_t exchanges = 1;
  std::vector<std::size_t> outputs;  // put_adjoint
  std::vector<std::size_t> inputs;   // get_adjoint: those that no other network with a tape takes
};

struct MimicScript {
  std::int64_t points = 0;  // on all ranks together
  std::vector<MimicField> fields;
  std::vector<MimicCall> calls;  // of each step, in this order
  std::vector<MimicTape> tapes;
  std::vector<std::string> without_levels;  // fields that were given one level, since nobody says how many they have
  bool learns = false;
};

// Throws Error(usage) if plan and options do not say how many points there are, or contradict each other.
MimicScript mimic_script(const Plan& plan, const std::string& component, const PlayOptions& options);

}  // namespace ekman
