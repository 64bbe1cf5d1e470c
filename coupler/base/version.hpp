// The version of this build of Ekman.
#pragma once

namespace ekman {

const char* build_version();

}  // namespace ekman
