// Implements restart_words.hpp.
#include "coupler/session/restart_words.hpp"

#include "coupler/exchange/wire.hpp"

namespace ekman {

bool operator==(const RestartRequest& a, const RestartRequest& b) { return to_words(a) == to_words(b); }

std::vector<std::int64_t> to_words(const RestartRequest& request) {
  std::vector<std::int64_t> words{request.publish ? 1 : 0, request.step,
                                  request.exchanges,       request.turns,
                                  request.drops ? 1 : 0,   static_cast<std::int64_t>(request.kinds.size())};
  for (const Real kind : request.kinds) words.push_back(real_size(kind));
  words.insert(words.end(), request.label.begin(), request.label.end());
  return words;
}

RestartRequest read_request(const std::vector<std::int64_t>& words) {
  constexpr std::size_t k_fixed = 6;
  const auto require = [](bool holds, const char* what) {
    if (!holds) throw_unreadable(what);
  };
  require(words.size() >= k_fixed, "a request for a restart set is cut off");
  require(words[0] == 0 || words[0] == 1, "a request for a restart set is of no known sort");
  require(words[1] >= 1 && words[2] >= 0, "a request for a restart set has no step or no number of exchanges");
  require(words[5] >= 0 && words[5] <= static_cast<std::int64_t>(words.size() - k_fixed),
          "the kinds in a request for a restart set are cut off");
  require(words[3] >= 0 && (words[4] == 0 || words[4] == 1), "the turns in a request for a restart set are none");
  RestartRequest request;
  request.publish = words[0] != 0;
  request.step = words[1];
  request.exchanges = words[2];
  request.turns = words[3];
  request.drops = words[4] != 0;
  auto word = words.begin() + k_fixed;
  for (const auto end = word + words[5]; word != end; ++word) {
    require(*word == 4 || *word == 8, "a kind in a request for a restart set is none");
    request.kinds.push_back(*word == 4 ? Real::float32 : Real::float64);
  }
  for (; word != words.end(); ++word) {
    require(*word > 0 && *word < 128, "the label in a request for a restart set has strange characters");
    request.label += static_cast<char>(*word);
  }
  return request;
}

}  // namespace ekman
