// Names of the plan, which may hold anything, as names of files.
#pragma once

#include <string>

namespace ekman {

// Characters that a file's name should not have become %XX. Dots too, so that no name is taken for another one's
// partial or former file.
std::string file_name(const std::string& name);

}  // namespace ekman
