// Work that all ranks of a job do together: if it fails on one, the others must not wait for it.
#pragma once

#include <functional>
#include <string>

namespace ekman {

// Runs `work`. What it throws is printed in one line, which begins with `who` ("ML rank") and the node, and ends the
// whole job.
void run_for_all(const std::string& who, const std::function<void()>& work);

}  // namespace ekman
