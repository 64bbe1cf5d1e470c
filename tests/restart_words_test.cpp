// Requests for restart sets, as words and back.
#include "coupler/session/restart_words.hpp"

#include <gtest/gtest.h>

#include "ekman/error.hpp"

namespace ekman {
namespace {

RestartRequest request() {
  RestartRequest request;
  request.step = 7;
  request.exchanges = 3;
  request.turns = 5;
  request.drops = true;
  request.kinds = {Real::float32, Real::float64};
  request.label = "2000-06-01";
  return request;
}

TEST(RestartWords, ComeBackAsTheSameRequest) {
  RestartRequest publish = request();
  publish.publish = true;

  EXPECT_EQ(read_request(to_words(request())), request());
  EXPECT_EQ(read_request(to_words(publish)), publish);
  EXPECT_FALSE(request() == publish);
}

TEST(RestartWords, RefuseWhatIsNoRequest) {
  const std::vector<std::int64_t> words = to_words(request());
  const auto changed = [&](std::size_t index, std::int64_t value) {
    std::vector<std::int64_t> other = words;
    other[index] = value;
    return other;
  };

  EXPECT_THROW(read_request({words.begin(), words.begin() + 5}), Error);
  EXPECT_THROW(read_request(changed(0, 2)), Error);
  EXPECT_THROW(read_request(changed(1, 0)), Error);
  EXPECT_THROW(read_request(changed(2, -1)), Error);
  EXPECT_THROW(read_request(changed(5, 99)), Error);
  EXPECT_THROW(read_request(changed(5, -1)), Error);
  EXPECT_THROW(read_request(changed(3, -1)), Error);
  EXPECT_THROW(read_request(changed(4, 2)), Error);
  EXPECT_THROW(read_request(changed(6, 5)), Error);
  EXPECT_THROW(read_request(changed(8, 1000)), Error);
}

}  // namespace
}  // namespace ekman
