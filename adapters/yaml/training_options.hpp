// Which key of `training` is which member of the plan; the key table says which kinds have it. For reading and writing.
#pragma once

#include <cstdint>

#include "coupler/plan/training_spec.hpp"

namespace ekman {

template <class Spec, class Value>
struct Option {
  const char* name;
  Value Spec::*member;
};

inline constexpr Option<LossTerm, double> k_loss_reals[] = {
    {"delta", &LossTerm::delta}, {"beta", &LossTerm::beta}, {"label_smoothing", &LossTerm::label_smoothing}};

inline constexpr Option<OptimizerSpec, double> k_optimizer_reals[] = {
    {"lr", &OptimizerSpec::lr},
    {"momentum", &OptimizerSpec::momentum},
    {"dampening", &OptimizerSpec::dampening},
    {"weight_decay", &OptimizerSpec::weight_decay},
    {"eps", &OptimizerSpec::eps},
    {"alpha", &OptimizerSpec::alpha},
    {"lr_decay", &OptimizerSpec::lr_decay},
    {"initial_accumulator_value", &OptimizerSpec::initial_accumulator},
    {"tolerance_grad", &OptimizerSpec::tolerance_grad},
    {"tolerance_change", &OptimizerSpec::tolerance_change}};

inline constexpr Option<OptimizerSpec, bool> k_optimizer_flags[] = {{"nesterov", &OptimizerSpec::nesterov},
                                                                    {"amsgrad", &OptimizerSpec::amsgrad},
                                                                    {"centered", &OptimizerSpec::centered}};

inline constexpr Option<OptimizerSpec, std::int64_t> k_optimizer_counts[] = {{"history_size", &OptimizerSpec::history}};

inline constexpr Option<ScheduleSpec, double> k_schedule_reals[] = {{"gamma", &ScheduleSpec::gamma},
                                                                    {"last", &ScheduleSpec::last}};

inline constexpr Option<ScheduleSpec, std::int64_t> k_schedule_counts[] = {{"warmup", &ScheduleSpec::warmup},
                                                                           {"steps", &ScheduleSpec::steps}};

}  // namespace ekman
