// Implements version.hpp.
#include "coupler/base/version.hpp"

#ifndef EKMAN_VERSION
#error "the build gives EKMAN_VERSION"
#endif

namespace ekman {

const char* build_version() { return EKMAN_VERSION; }

}  // namespace ekman
