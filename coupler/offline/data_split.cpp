// Implements data_split.hpp.
#include "coupler/offline/data_split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "coupler/base/mix64.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

constexpr std::int64_t k_default_blocks = 20;

std::int64_t blocks_for(double fraction, std::int64_t blocks) {
  return fraction > 0.0 ? std::max<std::int64_t>(1, std::llround(fraction * static_cast<double>(blocks))) : 0;
}

// Numbers of blocks in the order in which they are drawn.
std::vector<std::int64_t> draw_order(std::int64_t blocks, std::int64_t seed) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(blocks));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    const std::uint64_t first = mix64({seed, a}), second = mix64({seed, b});
    return first != second ? first < second : a < b;
  });
  return order;
}

}  // namespace

DataSplit::DataSplit(const SplitSpec& spec, const std::vector<std::int64_t>& steps) : spec_(spec), steps_(steps) {
  if (!by_time()) return;
  const auto times = static_cast<std::int64_t>(steps.size());
  const std::int64_t length =
      spec.block > 0 ? spec.block : std::max<std::int64_t>(1, (times + k_default_blocks - 1) / k_default_blocks);
  const std::int64_t blocks = (times + length - 1) / length;
  const std::int64_t validation = blocks_for(spec.validation, blocks), test = blocks_for(spec.test, blocks);
  const bool learns = spec.train > 0.0;
  if (validation + test + (learns ? 1 : 0) > blocks) {
    throw Error(ErrorCode::plan,
                fmt::format("the recordings have {} times, {} blocks of {}, which are too few for a split into {} to "
                            "learn from, {} to validate and {} to test; record more, take a smaller split.block, or "
                            "split `by: id`",
                            times, blocks, length, spec.train, spec.validation, spec.test));
  }
  const std::vector<std::int64_t> order = draw_order(blocks, spec.seed);
  std::vector<SplitPart> of_block(static_cast<std::size_t>(blocks), learns ? SplitPart::train : SplitPart::none);
  for (std::int64_t i = 0; i < validation + test; ++i)
    of_block[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] =
        i < validation ? SplitPart::validation : SplitPart::test;
  const auto part = [&](std::int64_t time) { return of_block[static_cast<std::size_t>(time / length)]; };
  for (std::int64_t time = 0; time < times; ++time) {
    bool alone = true;
    for (std::int64_t near = std::max<std::int64_t>(0, time - spec.gap); near <= std::min(times - 1, time + spec.gap);
         ++near)
      alone = alone && part(near) == part(time);
    parts_.push_back(alone ? part(time) : SplitPart::none);
  }
}

SplitPart DataSplit::of_step(std::int64_t step) const {
  const auto at = std::lower_bound(steps_.begin(), steps_.end(), step);
  return at == steps_.end() || *at != step ? SplitPart::none : parts_[static_cast<std::size_t>(at - steps_.begin())];
}

SplitPart DataSplit::of_id(std::int64_t id) const {
  const std::int64_t block = std::max<std::int64_t>(1, spec_.block);
  const double share = static_cast<double>(mix64({spec_.seed, id / block}) >> 11) * 0x1.0p-53;
  if (share < spec_.train) return SplitPart::train;
  if (share < spec_.train + spec_.validation) return SplitPart::validation;
  // What rounding leaves of the sum is of the last part that has a share.
  return spec_.test > 0.0 ? SplitPart::test : spec_.validation > 0.0 ? SplitPart::validation : SplitPart::train;
}

}  // namespace ekman
