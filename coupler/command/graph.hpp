// A drawing of a plan: components with their fields, networks with their ML ranks, and what goes where.
#pragma once

#include <string>

#include "coupler/plan/plan.hpp"

namespace ekman {

// In the language of Graphviz.
std::string plan_as_dot(const Plan& plan);

// Runs Graphviz's program `dot`, which writes the drawing as SVG to stdout. Throws Error(usage) if it is not
// there or fails.
void print_svg(const std::string& dot);

}  // namespace ekman
