// The profile of a run as one HDF5 file. docs/profile.md tells its format.
#pragma once

#include <string>

#include "coupler/profile/run_profile.hpp"

namespace ekman {

inline constexpr const char* k_profile_file = "profile.h5";  // in the output directory

// Writes it under another name first, so that a file of that name is always whole; one of an earlier run is replaced.
// Throws Error with path and cause.
void write_profile(const std::string& path, const RunProfile& profile);

// Throws Error with path, cause and cure if there is none, or something else.
RunProfile read_profile(const std::string& path);

}  // namespace ekman
