// The part of a written plan below networks.*.training.
#pragma once

#include "adapters/yaml/yaml_writing.hpp"

namespace ekman {

// With every default; files that it names are absolute.
Write training_of(const TrainingSpec& training);

}  // namespace ekman
