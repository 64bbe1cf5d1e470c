// `ekman inspect`: what is in a file that Ekman reads or writes.
#pragma once

#include <string>
#include <vector>

namespace ekman {

// Prints some lines about each recording, restart file, checkpoint, TorchScript network or file of statistics, told
// apart by what is in them. Throws Error.
void inspect(const std::vector<std::string>& files);

}  // namespace ekman
