// `ekman networks`: what can stand behind `builtin` in a plan.
#pragma once

#include <string>

namespace ekman {

// The built-in networks, each with one sentence and its keys: value, default and meaning from the key table.
std::string networks_text();

}  // namespace ekman
