// The profile of a run in one screen, as printed at finalize and by `ekman report --text`.
#pragma once

#include <string>

#include "coupler/profile/run_profile.hpp"

namespace ekman {

// At most 24 lines of 100 columns, each with its end; it begins with who waits for whom, and how long. Where there are
// many components and networks it leaves out small stages, then tables, then groups, and says so.
std::string profile_text(const RunProfile& run);

}  // namespace ekman
