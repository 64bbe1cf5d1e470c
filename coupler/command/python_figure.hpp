// Figures by the Python scripts that are installed beside the program.
#pragma once

#include <string>
#include <vector>

namespace ekman {

// Has Python run `script` of adapters/matplotlib: the interpreter that the environment variable EKMAN_PYTHON names, or
// python3. Returns why there is no figure, or "". `by_hand`: the file from which it can be drawn else.
std::string draw_by_python(const std::string& script, const std::vector<std::string>& arguments,
                           const std::string& by_hand);

}  // namespace ekman
