// A learner without a network, for tests of what keeps one: its arrays follow from the step.
#pragma once

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "coupler/engine/learner.hpp"

namespace ekman {

template <class Value>
NamedArray array_with(std::string name, ArrayKind kind, std::vector<std::int64_t> shape,
                      const std::vector<Value>& values) {
  NamedArray array{std::move(name), kind, std::move(shape), {}};
  array.bytes.resize(values.size() * sizeof(Value));
  if (!values.empty()) std::memcpy(array.bytes.data(), values.data(), array.bytes.size());
  return array;
}

inline bool operator==(const NamedArray& a, const NamedArray& b) {
  return a.name == b.name && a.kind == b.kind && a.shape == b.shape && a.bytes == b.bytes;
}

class StillLearner final : public Learner {
 public:
  explicit StillLearner(std::int64_t size, bool script = false) : size_(size), script_(script) {}

  void go_to(std::int64_t step) { last_.step = step; }

  static LearnedState state_of(std::int64_t step, std::int64_t size) {
    LearnedState state;
    state.network = R"({"builtin":"mlp","hidden":[2],"text":"\"sha256\":\"0\""})";
    const auto value = static_cast<double>(step);
    state.arrays = {
        array_with("step", ArrayKind::int64, {}, std::vector<std::int64_t>{step}),
        array_with("layer.weight", ArrayKind::float64, {size},
                   std::vector<double>(static_cast<std::size_t>(size), value)),
        array_with("nothing", ArrayKind::float64, {0, 3}, std::vector<double>{}),
        array_with("layer.bias", ArrayKind::float32, {3, 1}, std::vector<float>(3, static_cast<float>(step))),
    };
    return state;
  }

  std::int64_t tile() const override { return 1; }
  void add(const Lesson&) override {}
  std::vector<double>& sums() override { return sums_; }
  std::byte* gradient() override { return nullptr; }
  std::int64_t gradient_size() const override { return 0; }
  Real gradient_kind() const override { return Real::float64; }
  void drop() override {}
  StepReport step() override { return last_; }
  const StepReport& last() const override { return last_; }
  LearnedState state() const override { return state_of(last_.step, size_); }
  void restore(const LearnedState&) override {}
  std::string script() const override {
    if (!script_) return "";
    std::string text = "script of step " + std::to_string(last_.step);
    text.resize(text.size() + static_cast<std::size_t>(size_), '.');
    return text;
  }
  void with_best(const std::function<void()>& visit) override { visit(); }
  std::uint64_t fingerprint() const override { return 0; }
  std::string describe() const override { return ""; }

 private:
  std::int64_t size_;
  bool script_;
  std::vector<double> sums_;
  StepReport last_;
};

}  // namespace ekman
