// Implements restart_words.hpp.
#include "coupler/session/restart_words.hpp"

#include "coupler/base/check.hpp"

namespace ekman {

bool operator==(const RestartRequest& a, const RestartRequest& b) { return to_words(a) == to_words(b); }

std::vector<std::int64_t> to_words(const RestartRequest& request) {
  std::vector<std::int64_t> words{request.publish ? 1 : 0, request.step, request.exchanges,
                                  static_cast<std::int64_t>(request.kinds.size())};
  for (const Real kind : request.kinds) words.push_back(real_size(kind));
  words.insert(words.end(), request.label.begin(), request.label.end());
  return words;
}

RestartRequest to_request(const std::vector<std::int64_t>& words) {
  constexpr std::size_t k_fixed = 4;
  EKMAN_ASSERT(words.size() >= k_fixed);
  RestartRequest request;
  request.publish = words[0] != 0;
  request.step = words[1];
  request.exchanges = words[2];
  auto word = words.begin() + k_fixed;
  for (std::int64_t i = 0; i < words[3]; ++i)
    request.kinds.push_back(*word++ == 4 ? Real::float32 : Real::float64);
  for (; word != words.end(); ++word) request.label += static_cast<char>(*word);
  return request;
}

}  // namespace ekman
