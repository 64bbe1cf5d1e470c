// The events of a run as Chrome's trace event format, which Perfetto and chrome://tracing open.
#pragma once

#include <string>

#include "coupler/profile/run_profile.hpp"

namespace ekman {

// A process for each component and for the ML ranks of each network, a thread for each rank. Events of a thread lie
// one in another or one after the other, as the format wants: one that begins in another and ends behind it begins
// where that ends.
std::string trace_json(const RunProfile& run);

}  // namespace ekman
