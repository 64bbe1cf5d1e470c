// Who waits for whom and how long, in sentences, with the words for numbers that all of a report has.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coupler/profile/balance.hpp"

namespace ekman {

// The longest wait of a component first, if there is any to speak of, then that of the ML ranks, then what follows; at
// most `most` lines.
std::vector<std::string> wait_sentences(const RunProfile& run, const RunBalance& balance, std::size_t most);

// A time with the unit that suits it, to three digits: "5.30 ms".
std::string seconds_words(double seconds);
// A number with its thousands: "1.25 M", "20.0 k".
std::string count_words(double count);
std::string share_words(double share);                            // "10 %", "<1 %"
std::string counted_words(std::int64_t count, const char* noun);  // "2 ranks"

}  // namespace ekman
