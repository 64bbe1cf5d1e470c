// Implements mimic_component.hpp.
#include "coupler/command/mimic_component.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "coupler/base/joined.hpp"
#include "coupler/base/log.hpp"
#include "coupler/base/mix64.hpp"
#include "coupler/base/pass_time.hpp"
#include "coupler/comm/communicator.hpp"
#include "coupler/command/mimic_script.hpp"

namespace ekman {
namespace {

constexpr double k_variation = 0.1;  // of numbers from step to step

// From 0, exclusive, to 1.
double uniform(std::uint64_t bits) { return (static_cast<double>(bits >> 11) + 1.0) * 0x1p-53; }

double normal(std::uint64_t bits) {
  constexpr double k_two_pi = 6.283185307179586;
  return std::sqrt(-2.0 * std::log(uniform(bits))) * std::cos(k_two_pi * uniform(mix64(bits)));
}

std::int64_t number_of(const std::string& name) {
  std::uint64_t hash = 0;
  for (const char c : name) hash = mix64(hash ^ static_cast<unsigned char>(c));
  return static_cast<std::int64_t>(hash);
}

double drawn(const MimicField& field, std::uint64_t bits) {
  if (field.draw == Draw::normal) return normal(bits);
  if (field.draw == Draw::weight) return uniform(bits);
  return static_cast<double>(bits % static_cast<std::uint64_t>(field.classes));
}

// The points of a rank, [first, first + count).
struct Block {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

Block block_of(std::int64_t points, int rank, int ranks) {
  const auto begin = [&](std::int64_t r) { return points / ranks * r + std::min<std::int64_t>(points % ranks, r); };
  return {begin(rank), begin(rank + 1) - begin(rank)};
}

// The array of a field, (points, levels) with points fastest.
class FieldArray {
 public:
  FieldArray(const MimicField& field, Block block, std::int64_t seed)
      : field_(&field), points_(block.count), seed_(seed), number_(number_of(field.name)) {
    const auto count = static_cast<std::size_t>(points_ * field.levels);
    values_.resize(count);
    if (!field.is_put) return;
    drawn_.reserve(count);
    for (std::int64_t level = 0; level < field.levels; ++level)
      for (std::int64_t i = 0; i < points_; ++i)
        drawn_.push_back(static_cast<float>(drawn(field, mix64({seed, number_, block.first + i, level}))));
    vary(0);
  }

  // What the model has computed in `step`. Numbers are drawn once, and grow or shrink by up to a tenth: to draw them
  // anew would take longer than to put them.
  void vary(std::int64_t step) {
    const bool varies = field_->draw == Draw::normal;
    const double change = 2.0 * uniform(mix64({seed_, number_, step})) - 1.0;
    const double factor = varies ? 1.0 + k_variation * change : 1.0;
    for (std::int64_t level = 0; level < field_->levels; ++level) {
      const double mean = varies ? at(field_->mean, level) : 0.0;
      const double std = (varies ? at(field_->std, level) : 1.0) * factor;
      const std::int64_t first = level * points_;
      for (std::int64_t i = first; i < first + points_; ++i) values_[i] = mean + std * drawn_[i];
    }
  }

  ArrayView view() const {
    return field_->levels == 1 ? contiguous_view(values_.data(), {points_})
                               : contiguous_view(values_.data(), {points_, field_->levels});
  }

 private:
  static double at(const std::vector<double>& values, std::int64_t level) {
    const auto place = static_cast<std::size_t>(level);
    return place < values.size() ? values[place] : values.front();
  }

  const MimicField* field_;
  std::int64_t points_;
  std::int64_t seed_;
  std::int64_t number_;
  std::vector<float> drawn_;
  std::vector<double> values_;
};

class Player {
 public:
  Player(Coupler& coupler, const MimicScript& script, const PlayOptions& options)
      : coupler_(coupler),
        script_(script),
        options_(options),
        ranks_(Communicator::borrow(coupler.local_comm())),
        block_(block_of(script.points, ranks_.rank(), ranks_.size())) {
    for (const MimicField& field : script.fields) arrays_.emplace_back(field, block_, options.seed);
    on_tape_.resize(script.tapes.size());
    adjoints_.resize(script.tapes.size());
    for (std::size_t t = 0; t < script.tapes.size(); ++t) {
      for (const std::size_t field : all_of(script.tapes[t])) {
        MimicField adjoint = script.fields[field];
        adjoint.name += " adjoint";
        adjoint.draw = Draw::normal;
        adjoint.mean = {0.0};
        adjoint.std = {1.0};
        adjoint.is_put = true;
        adjoint_fields_.push_back(std::make_unique<MimicField>(adjoint));
        adjoints_[t].emplace_back(*adjoint_fields_.back(), block_, options.seed);
      }
    }
  }

  void define() {
    std::vector<std::int64_t> ids(static_cast<std::size_t>(block_.count));
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = block_.first + static_cast<std::int64_t>(i);
    coupler_.def_points(ids);
    for (const MimicField& field : script_.fields) {
      FieldOptions options;
      options.units = field.units;
      options.levels = field.levels;
      coupler_.def_field(field.name, options);
    }
    coupler_.enddef();
  }

  PlayReport play() {
    const double place = ranks_.size() == 1 ? 0.0 : static_cast<double>(ranks_.rank()) / (ranks_.size() - 1);
    const double physics = (options_.step_seconds + options_.point_seconds * static_cast<double>(block_.count)) *
                           (1.0 + options_.imbalance * place);
    double in_barrier = 0.0, in_physics = 0.0, in_ekman = 0.0;
    ranks_.barrier();
    const double begin = seconds_now();
    for (std::int64_t i = 0; i < options_.steps; ++i) {
      const double step_end = seconds_now();
      if (options_.barrier) ranks_.barrier();
      const double step_begin = seconds_now();
      compute(coupler_.step());
      pass_time_until(step_begin + physics, options_.busy);
      const double step_middle = seconds_now();
      couple(i + 1 == options_.steps);
      in_barrier += step_begin - step_end;
      in_physics += step_middle - step_begin;
      in_ekman += seconds_now() - step_middle;
    }
    return report(seconds_now() - begin, in_barrier, in_physics, in_ekman);
  }

 private:
  static std::vector<std::size_t> all_of(const MimicTape& tape) {
    std::vector<std::size_t> all = tape.outputs;
    all.insert(all.end(), tape.inputs.begin(), tape.inputs.end());
    return all;
  }

  void compute(std::int64_t step) {
    for (std::size_t i = 0; i < arrays_.size(); ++i)
      if (script_.fields[i].is_put && !script_.fields[i].is_got) arrays_[i].vary(step);
  }

  void couple(bool is_last) {
    for (const MimicCall& call : script_.calls) {
      const std::string& name = script_.fields[call.field].name;
      call.is_put ? coupler_.put(name, arrays_[call.field].view()) : coupler_.get(name, arrays_[call.field].view());
    }
    coupler_.advance();
    for (std::size_t t = 0; t < script_.tapes.size(); ++t) {
      if (++on_tape_[t] < script_.tapes[t].exchanges && !is_last) continue;
      for (; on_tape_[t] > 0; --on_tape_[t]) go_back(script_.tapes[t], adjoints_[t]);
    }
  }

  void go_back(const MimicTape& tape, const std::vector<FieldArray>& adjoints) {
    std::size_t next = 0;
    for (const std::size_t output : tape.outputs)
      coupler_.put_adjoint(script_.fields[output].name, adjoints[next++].view());
    for (const std::size_t input : tape.inputs)
      coupler_.get_adjoint(script_.fields[input].name, adjoints[next++].view());
  }

  PlayReport report(double all, double in_barrier, double in_physics, double in_ekman) const {
    const auto nanoseconds = [](double seconds) { return static_cast<std::int64_t>(seconds * 1e9); };
    const double steps = static_cast<double>(std::max<std::int64_t>(1, options_.steps)) * 1e9;
    const double share = steps * ranks_.size();
    PlayReport report;
    report.ranks = ranks_.size();
    report.rank = ranks_.rank();
    report.points = script_.points;
    report.steps = options_.steps;
    report.step = static_cast<double>(ranks_.sum(nanoseconds(all))) / share;
    report.barrier = static_cast<double>(ranks_.sum(nanoseconds(in_barrier))) / share;
    report.physics = static_cast<double>(ranks_.sum(nanoseconds(in_physics))) / share;
    report.ekman = static_cast<double>(ranks_.sum(nanoseconds(in_ekman))) / share;
    report.most_ekman = static_cast<double>(ranks_.max(nanoseconds(in_ekman))) / steps;
    return report;
  }

  Coupler& coupler_;
  const MimicScript& script_;
  const PlayOptions& options_;
  Communicator ranks_;
  Block block_;
  std::vector<FieldArray> arrays_;  // by field
  std::vector<std::int64_t> on_tape_;
  std::vector<std::vector<FieldArray>> adjoints_;            // of each tape: outputs, then inputs
  std::vector<std::unique_ptr<MimicField>> adjoint_fields_;  // what these are of
};

void tell_of(const MimicScript& script, const std::string& component) {
  if (!script.without_levels.empty())
    log_line(
        fmt::format("component \"{}\": nothing says how many levels {} ha{}; one is taken, unless --levels says else",
                    component, joined(script.without_levels, ", "), script.without_levels.size() == 1 ? "s" : "ve"));
  if (script.learns)
    log_line(
        fmt::format("component \"{}\" puts random numbers, so its networks learn nothing and their losses have no "
                    "meaning; look at the times alone",
                    component));
}

}  // namespace

PlayReport play_component(Coupler coupler, const Plan& plan, const std::string& component, const PlayOptions& options) {
  const MimicScript script = mimic_script(plan, component, options);
  if (Communicator::borrow(coupler.local_comm()).rank() == 0) tell_of(script, component);
  Player player(coupler, script, options);
  player.define();
  const PlayReport report = player.play();
  coupler.finalize();
  return report;
}

std::string report_line(const std::string& component, const PlayReport& report) {
  const auto ms = [](double seconds) { return fmt::format("{:.3f} ms", 1e3 * seconds); };
  return fmt::format(
      "component \"{}\" on {} rank{}, {} points: {} step{} of {}: {} in physics, {} in Ekman's calls (most on a rank: "
      "{}), "
      "{} waiting for each other",
      component, report.ranks, report.ranks == 1 ? "" : "s", report.points, report.steps, report.steps == 1 ? "" : "s",
      ms(report.step), ms(report.physics), ms(report.ekman), ms(report.most_ekman), ms(report.barrier));
}

}  // namespace ekman
