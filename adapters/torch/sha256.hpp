// SHA-256 of a file (FIPS 180-4), for the plan's promise that a network file is the one that was meant.
#pragma once

#include <string>

namespace ekman {

// 64 lower-case hexadecimal digits; throws std::runtime_error when the file cannot be read.
std::string sha256_of_file(const std::string& path);

}  // namespace ekman
