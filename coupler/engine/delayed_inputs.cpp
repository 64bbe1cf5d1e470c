// Implements delayed_inputs.hpp.
#include "coupler/engine/delayed_inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "ekman/error.hpp"

namespace ekman {
namespace {

constexpr const char* k_steps = "delayed.steps";

void copy_bytes(std::byte* to, const std::byte* from, std::int64_t count) {
  if (count > 0) std::memcpy(to, from, static_cast<std::size_t>(count));
}

}  // namespace

DelayedInputs::DelayedInputs(const DelayShape& shape) : shape_(shape) {
  ring_.resize(static_cast<std::size_t>(shape.delay + 1));
  for (Exchange& exchange : ring_) {
    exchange.in.resize(static_cast<std::size_t>(bytes(shape.rows * shape.in_len)));
    if (shape.delay > 0) exchange.extra.resize(static_cast<std::size_t>(bytes(shape.rows * extra_len())));
  }
}

void DelayedInputs::keep(std::int64_t exchange, std::int64_t step, const std::byte* in) {
  Exchange& kept = of(exchange);
  std::memcpy(kept.in.data(), in, kept.in.size());
  kept.step = step;
}

void DelayedInputs::match(std::int64_t exchange, std::byte* truth) {
  if (shape_.delay == 0 || extra_len() == 0) return;
  const std::int64_t size = bytes(extra_len());
  std::byte* now = of(exchange).extra.data();
  const std::byte* then = exchange < shape_.delay ? nullptr : of(exchange - shape_.delay).extra.data();
  for (std::int64_t row = 0; row < shape_.rows; ++row) {
    std::byte* extra = truth + bytes(row * shape_.truth_len + shape_.late_len);
    copy_bytes(now + row * size, extra, size);
    if (then != nullptr) copy_bytes(extra, then + row * size, size);
  }
}

std::int64_t DelayedInputs::waiting(std::int64_t exchanges) const { return std::min(exchanges, shape_.delay); }

std::vector<NamedArray> DelayedInputs::state(std::int64_t exchanges, std::int64_t rows) const {
  const std::int64_t count = waiting(exchanges);
  if (count == 0) return {};
  const ArrayKind kind = shape_.wire == Real::float32 ? ArrayKind::float32 : ArrayKind::float64;
  std::vector<NamedArray> arrays{{k_steps, ArrayKind::int64, {count}, {}},
                                 {"delayed.in", kind, {count, rows, shape_.in_len}, {}},
                                 {"delayed.extra", kind, {count, rows, extra_len()}, {}}};
  const auto add = [&](NamedArray& array, const void* from, std::int64_t size) {
    const auto* first = static_cast<const std::byte*>(from);
    array.bytes.insert(array.bytes.end(), first, first + size);
  };
  for (std::int64_t exchange = exchanges - count; exchange < exchanges; ++exchange) {
    const Exchange& kept = of(exchange);
    add(arrays[0], &kept.step, sizeof kept.step);
    add(arrays[1], kept.in.data(), bytes(rows * shape_.in_len));
    add(arrays[2], kept.extra.data(), bytes(rows * extra_len()));
  }
  if (extra_len() == 0) arrays.pop_back();
  return arrays;
}

void DelayedInputs::restore(std::int64_t exchanges, std::int64_t rows, const std::vector<NamedArray>& arrays) {
  // The same arrays as of now, to compare with.
  const std::vector<NamedArray> wanted = state(exchanges, rows);
  const bool any =
      std::any_of(arrays.begin(), arrays.end(), [](const NamedArray& array) { return array.name == k_steps; });
  if (wanted.empty() && any) fail(k_steps, exchanges);
  std::vector<const std::byte*> from;
  for (const NamedArray& array : wanted) from.push_back(find(arrays, array, exchanges).bytes.data());
  for (std::int64_t i = 0; i < waiting(exchanges); ++i) {
    Exchange& kept = of(exchanges - waiting(exchanges) + i);
    std::memcpy(&kept.step, from[0] + i * static_cast<std::int64_t>(sizeof kept.step), sizeof kept.step);
    const std::int64_t in = bytes(rows * shape_.in_len), extra = bytes(rows * extra_len());
    copy_bytes(kept.in.data(), from[1] + i * in, in);
    if (extra > 0) copy_bytes(kept.extra.data(), from[2] + i * extra, extra);
  }
}

const NamedArray& DelayedInputs::find(const std::vector<NamedArray>& arrays, const NamedArray& like,
                                      std::int64_t exchanges) const {
  for (const NamedArray& array : arrays) {
    if (array.name == like.name && array.kind == like.kind && array.shape == like.shape &&
        array.bytes.size() == like.bytes.size())
      return array;
  }
  fail(like.name, exchanges);
}

void DelayedInputs::fail(const std::string& array, std::int64_t exchanges) const {
  throw Error(
      ErrorCode::plan,
      fmt::format("the array \"{}\" does not hold what waits for its targets with `delay: {}` after {} exchanges; "
                  "resume with the delay, the chunk and the loss of the plan that wrote it",
                  array, shape_.delay, exchanges));
}

}  // namespace ekman
