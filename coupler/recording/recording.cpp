// Implements recording.hpp.
#include "coupler/recording/recording.hpp"

#include <algorithm>

namespace ekman {

std::int64_t RecordingHeader::rows_of(std::int64_t place) const {
  return std::min(rows_per_chunk(), static_cast<std::int64_t>(ids.size()) - first_row(place));
}

}  // namespace ekman
