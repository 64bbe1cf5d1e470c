// The options of stand-ins on a command line: of `ekman mimic` and of `ekman simulate`.
#pragma once

#include <CLI/CLI.hpp>

#include "coupler/command/mimic_options.hpp"

namespace ekman {

void add_mimic_options(CLI::App& app, MimicOptions& options);

}  // namespace ekman
