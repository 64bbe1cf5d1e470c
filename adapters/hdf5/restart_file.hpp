// One network's file of a restart set, whose format docs/restart.md tells.
#pragma once

#include <memory>
#include <string>

#include "coupler/restart/restart_store.hpp"

namespace ekman {

// Makes the file, or empties the one that is there. Throws Error with path and cause, as all calls of its
// object do.
std::unique_ptr<RestartWriter> create_restart_file(const std::string& path, const std::string& label,
                                                   const RestartHeader& header);

// Opens it for reading. Throws Error with path and cause, also if it is cut short, or is something else.
std::unique_ptr<RestartReader> open_restart_file(const std::string& path);

}  // namespace ekman
