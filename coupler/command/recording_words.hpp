// What a recording says of itself, in words.
#pragma once

#include <string>

#include "coupler/recording/recording.hpp"

namespace ekman {

std::string fields_words(const RecordingHeader& header);     // "t(20) [K], ps [Pa]"
std::string sample_words(const RecordingHeader& header);     // "point", "32 x 64 grid"
std::string record_words(const RecordingReader& recording);  // "12 records: step 1 to step 12"

}  // namespace ekman
