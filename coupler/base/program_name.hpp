// The name of the program that this process runs.
#pragma once

#include <string>

namespace ekman {

// Its file name, without the folder.
std::string program_name();

}  // namespace ekman
