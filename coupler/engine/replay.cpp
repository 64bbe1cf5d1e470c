// Implements replay.hpp: Vitter's algorithm R to keep, Knuth's algorithm S to draw.
#include "coupler/engine/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "coupler/base/check.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

// Steele, Lea and Flood (2014), Fast splittable pseudorandom number generators: SplitMix64.
class Random {
 public:
  Random(std::int64_t seed, std::int64_t chunk, std::int64_t exchange, std::int64_t draw) {
    for (const std::int64_t part : {seed, chunk, exchange, draw}) state_ = Random(state_ ^ bits(part)).next();
  }

  // From 0 to count - 1, each with exactly the same chance.
  std::int64_t below(std::int64_t count) {
    const std::uint64_t range = bits(count), too_few = (0 - range) % range;
    std::uint64_t value = next();
    while (value < too_few) value = next();
    return static_cast<std::int64_t>(value % range);
  }

 private:
  explicit Random(std::uint64_t state) : state_(state) {}
  static std::uint64_t bits(std::int64_t value) { return static_cast<std::uint64_t>(value); }

  std::uint64_t next() {
    std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15U;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31);
  }

  std::uint64_t state_ = 0;
};

template <class Value>
void copy(Value* to, const Value* from, std::int64_t count) {
  if (count > 0) std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(Value));
}

// floor(a * b / c) for 0 <= b <= c, without overflow as long as c * c is none.
std::int64_t share(std::int64_t a, std::int64_t b, std::int64_t c) { return a / c * b + a % c * b / c; }

std::string name_of(std::int64_t chunk, const char* what) { return fmt::format("replay.{}.{}", chunk, what); }

template <class Value>
NamedArray array_of(std::string name, ArrayKind kind, std::vector<std::int64_t> shape, const std::vector<Value>& from) {
  NamedArray array{std::move(name), kind, std::move(shape), {}};
  array.bytes.resize(from.size() * sizeof(Value));
  copy(array.bytes.data(), reinterpret_cast<const std::byte*>(from.data()),
       static_cast<std::int64_t>(array.bytes.size()));
  return array;
}

[[noreturn]] void fail(std::int64_t chunk, const std::string& what) {
  throw Error(ErrorCode::plan,
              fmt::format("the replay of chunk {} cannot go on: {}; resume with the networks, chunks and "
                          "replay of the plan that wrote it",
                          chunk, what));
}

const NamedArray& find(std::int64_t chunk, const std::vector<NamedArray>& arrays, const char* what, ArrayKind kind,
                       const std::vector<std::int64_t>& shape) {
  const std::string name = name_of(chunk, what);
  const auto found =
      std::find_if(arrays.begin(), arrays.end(), [&](const NamedArray& array) { return array.name == name; });
  if (found == arrays.end()) fail(chunk, fmt::format("there is no array \"{}\"", name));
  std::int64_t bytes = kind == ArrayKind::float32 ? 4 : 8;
  for (const std::int64_t length : shape) bytes *= length;
  if (found->kind != kind || found->shape != shape || static_cast<std::int64_t>(found->bytes.size()) != bytes)
    fail(chunk, fmt::format("array \"{}\" has another kind or shape", name));
  return *found;
}

}  // namespace

std::int64_t replay_capacity(std::int64_t capacity, std::int64_t first, std::int64_t samples, std::int64_t all) {
  return share(capacity, first + samples, all) - share(capacity, first, all);
}

Replay::Replay(const ReplayShape& shape, std::int64_t seed) : shape_(shape), seed_(seed) {
  drawn_.in.resize(static_cast<std::size_t>(shape_.tile * in_bytes()));
  drawn_.truth.resize(static_cast<std::size_t>(shape_.tile * truth_bytes()));
  drawn_.ids.resize(static_cast<std::size_t>(shape_.tile * shape_.rows_per_sample));
}

void Replay::add_chunk(std::int64_t chunk, std::int64_t capacity) { chunks_[chunk].capacity = capacity; }

void Replay::keep(const Lesson& lesson, const std::uint8_t* learns) {
  Reservoir& reservoir = chunks_.at(lesson.chunk);
  if (reservoir.capacity == 0) return;
  Random random(seed_, lesson.chunk, lesson.exchange, 0);
  const std::int64_t samples = lesson.rows / shape_.rows_per_sample;
  for (std::int64_t sample = 0; sample < samples; ++sample) {
    const std::uint8_t* rows = learns + sample * shape_.rows_per_sample;
    if (std::all_of(rows, rows + shape_.rows_per_sample, [](std::uint8_t row) { return row == 0; })) continue;
    ++reservoir.seen;
    if (reservoir.kept < reservoir.capacity) {
      put(reservoir, reservoir.kept++, lesson, sample);
    } else if (const std::int64_t slot = random.below(reservoir.seen); slot < reservoir.capacity) {
      put(reservoir, slot, lesson, sample);
    }
  }
}

void Replay::put(Reservoir& reservoir, std::int64_t slot, const Lesson& lesson, std::int64_t sample) const {
  const std::int64_t rows = shape_.rows_per_sample;
  if (reservoir.in.empty()) {
    reservoir.in.resize(static_cast<std::size_t>(reservoir.capacity * in_bytes()));
    reservoir.truth.resize(static_cast<std::size_t>(reservoir.capacity * truth_bytes()));
    reservoir.ids.resize(static_cast<std::size_t>(reservoir.capacity * rows));
  }
  copy(reservoir.in.data() + slot * in_bytes(), lesson.in + sample * in_bytes(), in_bytes());
  copy(reservoir.truth.data() + slot * truth_bytes(), lesson.truth + sample * truth_bytes(), truth_bytes());
  copy(reservoir.ids.data() + slot * rows, lesson.ids + sample * rows, rows);
}

Lesson Replay::draw(std::int64_t chunk, std::int64_t exchange, std::int64_t draw) {
  EKMAN_ASSERT(draw > 0);
  const Reservoir& reservoir = chunks_.at(chunk);
  Random random(seed_, chunk, exchange, draw);
  std::fill(drawn_.in.begin(), drawn_.in.end(), std::byte{0});
  std::fill(drawn_.truth.begin(), drawn_.truth.end(), std::byte{0});
  std::fill(drawn_.ids.begin(), drawn_.ids.end(), 0);
  Lesson kept;
  kept.in = reservoir.in.data();
  kept.truth = reservoir.truth.data();
  kept.ids = reservoir.ids.data();
  std::int64_t drawn = 0;
  const std::int64_t wanted = std::min(shape_.tile, reservoir.kept);
  for (std::int64_t slot = 0; drawn < wanted; ++slot) {
    if (random.below(reservoir.kept - slot) < wanted - drawn) put(drawn_, drawn++, kept, slot);
  }
  return {
      drawn_.in.data(), drawn_.truth.data(), drawn * shape_.rows_per_sample, drawn_.ids.data(), exchange, chunk, draw};
}

std::vector<NamedArray> Replay::state(std::int64_t chunk) const {
  const Reservoir& reservoir = chunks_.at(chunk);
  const std::int64_t rows = reservoir.kept * shape_.rows_per_sample;
  const ArrayKind kind = shape_.wire == Real::float32 ? ArrayKind::float32 : ArrayKind::float64;
  const auto first = [](auto values, std::int64_t count) {
    values.resize(static_cast<std::size_t>(count));
    return values;
  };
  const std::vector<std::int64_t> counts{reservoir.seen, reservoir.kept};
  return {array_of(name_of(chunk, "counts"), ArrayKind::int64, {2}, counts),
          array_of(name_of(chunk, "in"), kind, {rows, shape_.in_len}, first(reservoir.in, reservoir.kept * in_bytes())),
          array_of(name_of(chunk, "truth"), kind, {rows, shape_.truth_len},
                   first(reservoir.truth, reservoir.kept * truth_bytes())),
          array_of(name_of(chunk, "ids"), ArrayKind::int64, {rows}, first(reservoir.ids, rows))};
}

void Replay::restore(std::int64_t chunk, const std::vector<NamedArray>& arrays) {
  const ArrayKind kind = shape_.wire == Real::float32 ? ArrayKind::float32 : ArrayKind::float64;
  std::int64_t counts[2];
  std::memcpy(counts, find(chunk, arrays, "counts", ArrayKind::int64, {2}).bytes.data(), sizeof counts);
  Reservoir restored;
  restored.capacity = chunks_.at(chunk).capacity;
  restored.seen = counts[0];
  restored.kept = counts[1];
  if (restored.kept != std::min(restored.seen, restored.capacity) || restored.kept < 0)
    fail(chunk, fmt::format("{} of {} samples were kept, with room for {} now", restored.kept, restored.seen,
                            restored.capacity));
  const std::int64_t rows = restored.kept * shape_.rows_per_sample;
  Lesson kept;
  kept.in = find(chunk, arrays, "in", kind, {rows, shape_.in_len}).bytes.data();
  kept.truth = find(chunk, arrays, "truth", kind, {rows, shape_.truth_len}).bytes.data();
  std::vector<std::int64_t> ids(static_cast<std::size_t>(rows));
  copy(reinterpret_cast<std::byte*>(ids.data()), find(chunk, arrays, "ids", ArrayKind::int64, {rows}).bytes.data(),
       rows * 8);
  kept.ids = ids.data();
  for (std::int64_t slot = 0; slot < restored.kept; ++slot) put(restored, slot, kept, slot);
  chunks_.at(chunk) = std::move(restored);
}

}  // namespace ekman
