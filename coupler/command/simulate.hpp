// `ekman simulate`: a whole job on a simulated machine.
#pragma once

#include <string>
#include <vector>

namespace ekman {

// Becomes the program `ekman-simulated`, which links SimGrid's MPI in place of the real one, with these arguments.
// Throws Error(usage) if it is not there.
[[noreturn]] void simulate(const std::vector<std::string>& arguments);

}  // namespace ekman
