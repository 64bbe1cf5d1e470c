// Implements learning_restart.hpp.
#include "coupler/session/learning_restart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "coupler/exchange/wire.hpp"
#include "coupler/session/route_common.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

// Bytes of blocks travel in parts of this many.
constexpr std::int64_t k_part_bytes = 16 * 1024 * 1024;

ElementKind element_of(ArrayKind kind) {
  return kind == ArrayKind::float32   ? ElementKind::real32
         : kind == ArrayKind::float64 ? ElementKind::real64
                                      : ElementKind::int64;
}

std::vector<RestartBlock> blocks_of(const std::vector<NamedArray>& arrays) {
  std::vector<RestartBlock> blocks;
  for (const NamedArray& array : arrays) {
    blocks.push_back({array.name, element_of(array.kind), array.shape, array.bytes});
  }
  return blocks;
}

std::vector<NamedArray> arrays_of(std::vector<RestartBlock> blocks) {
  std::vector<NamedArray> arrays;
  for (RestartBlock& block : blocks) {
    const ArrayKind kind = block.kind == ElementKind::real32   ? ArrayKind::float32
                           : block.kind == ElementKind::real64 ? ArrayKind::float64
                                                               : ArrayKind::int64;
    arrays.push_back({std::move(block.name), kind, std::move(block.shape), std::move(block.bytes)});
  }
  return arrays;
}

template <class T>
RestartBlock block_of(std::string name, ElementKind kind, std::int64_t count, const T* values) {
  const auto* bytes = reinterpret_cast<const std::byte*>(values);
  return {std::move(name), kind, {count}, {bytes, bytes + static_cast<std::size_t>(count) * sizeof(T)}};
}

// Name, kind, shape and number of bytes, as words.
std::vector<std::int64_t> words_of(const RestartBlock& block) {
  std::vector<std::int64_t> words{static_cast<std::int64_t>(block.kind), static_cast<std::int64_t>(block.bytes.size()),
                                  static_cast<std::int64_t>(block.shape.size())};
  words.insert(words.end(), block.shape.begin(), block.shape.end());
  words.insert(words.end(), block.name.begin(), block.name.end());
  return words;
}

RestartBlock read_words(const std::vector<std::int64_t>& words) {
  constexpr std::size_t k_fixed = 3;
  if (words.size() < k_fixed || words[0] < static_cast<std::int64_t>(ElementKind::real32) ||
      words[0] > static_cast<std::int64_t>(ElementKind::int64) || words[1] < 0 || words[2] < 0 ||
      words[2] > static_cast<std::int64_t>(words.size() - k_fixed)) {
    throw_unreadable("an array of a restart set is described by no such words");
  }
  RestartBlock block;
  block.kind = static_cast<ElementKind>(words[0]);
  block.bytes.resize(static_cast<std::size_t>(words[1]));
  const auto name = words.begin() + k_fixed + words[2];
  block.shape.assign(words.begin() + k_fixed, name);
  for (auto word = name; word != words.end(); ++word) block.name += static_cast<char>(*word);
  return block;
}

// What ekman_get_scalar gives until the next exchange: of the outputs of the last exchange, and of the one before.
constexpr const char* k_told_group = "lessons/told";
constexpr const char* k_told[] = {"status", "held"};
constexpr std::int64_t k_status_values = sizeof(LearningStatus) / sizeof(double);

template <class Move>
void in_parts(std::vector<std::byte>& bytes, Move move) {
  const auto size = static_cast<std::int64_t>(bytes.size());
  for (std::int64_t at = 0; at < size; at += k_part_bytes) move(bytes.data() + at, std::min(k_part_bytes, size - at));
}

template <class T>
void add_values(std::vector<std::byte>& sum, const std::vector<std::byte>& values) {
  for (std::size_t at = 0; at < sum.size(); at += sizeof(T)) {
    T one, other;
    std::memcpy(&one, sum.data() + at, sizeof one);
    std::memcpy(&other, values.data() + at, sizeof other);
    one += other;
    std::memcpy(sum.data() + at, &one, sizeof one);
  }
}

std::string part_group(std::int64_t part) { return fmt::format("lessons/parts/{}", part); }
std::string chunk_group(std::int64_t chunk) { return fmt::format("lessons/chunks/{}", chunk); }

[[noreturn]] void fail(const RestartReader& reader, const std::string& array) {
  throw Error(ErrorCode::plan,
              fmt::format("the learning in restart set {} does not fit this job: its array \"{}\" is missing, or has "
                          "another kind or length; resume with the plan that it was written with",
                          reader.path(), array));
}

RestartBlock take(RestartReader& reader, const std::string& group, const char* name, ElementKind kind,
                  std::int64_t length) {
  for (RestartBlock& block : reader.read_blocks(group)) {
    if (block.name == name && block.kind == kind && block.shape == std::vector<std::int64_t>{length}) return block;
  }
  fail(reader, group + "/" + name);
}

}  // namespace

LearningRestart::LearningRestart(const Route& route, const NetworkSpec& spec, Learner& learner, MlTraining* training,
                                 MlAdjoint* adjoint)
    : route_(route),
      spec_(spec),
      learner_(learner),
      training_(training),
      adjoint_(adjoint),
      told_{status_of(learner), status_of(learner)} {
  const std::set<int> owners(route.owners.begin(), route.owners.end());
  owners_.assign(owners.begin(), owners.end());
}

RestartLearning LearningRestart::describe() const {
  const LearningParts parts = this->parts();
  RestartLearning learning;
  learning.given = true;
  learning.exchanges = parts.exchanges;
  learning.summed = parts.summed;
  learning.parts = parts.summed == 0 ? 0 : parts.whole ? 1 : static_cast<std::int64_t>(owners_.size());
  if (route_.comm.rank() == route_.owners.front()) learning.network = learner_.state().network;
  return learning;
}

void LearningRestart::write(RestartWriter* file, std::int64_t exchanges) const {
  if (file != nullptr) {
    for (RestartBlock& block : blocks_of(learner_.state().arrays)) {
      block.name = "learned/" + block.name;
      file->write(block);
    }
    for (std::int64_t last = 1; last <= std::min(exchanges, 1 + spec_.lag); ++last) {
      const LearningStatus& told = route_.out.messages.front().header_of(exchanges - last).learning;
      file->write(block_of(fmt::format("{}/{}", k_told_group, k_told[last - 1]), ElementKind::real64, k_status_values,
                           &told.step));
    }
  }
  const LearningParts parts = this->parts();
  if (parts.summed > 0) write_part(file, parts);
  write_memory(file);
}

void LearningRestart::write_part(RestartWriter* file, const LearningParts& parts) const {
  const ElementKind kind = learner_.gradient_kind() == Real::float32 ? ElementKind::real32 : ElementKind::real64;
  const std::string group = part_group(parts.whole ? 0 : route_.learners.rank());
  const std::vector<RestartBlock> mine{
      block_of(group + "/sums", ElementKind::real64, static_cast<std::int64_t>(parts.sums.size()), parts.sums.data()),
      {group + "/gradient", kind, {learner_.gradient_size()}, parts.gradient}};
  for (const int owner : owners_) {
    if (!parts.whole || owner == route_.owners.front()) pass(file, owner, mine);
  }
}

void LearningRestart::write_memory(RestartWriter* file) const {
  if (training_ == nullptr || (spec_.training.replay.capacity == 0 && spec_.training.delay == 0)) return;
  for (std::size_t i = 0; i < route_.owners.size(); ++i) {
    const int owner = route_.owners[i];
    const auto chunk = static_cast<std::int64_t>(i);
    std::vector<RestartBlock> mine;
    if (owner == route_.comm.rank()) mine = blocks_of(training_->memory(chunk));
    for (RestartBlock& block : mine) block.name = chunk_group(chunk) + "/" + block.name;
    pass(file, owner, mine);
  }
}

void LearningRestart::pass(RestartWriter* file, int owner, const std::vector<RestartBlock>& mine) const {
  const Communicator& comm = route_.comm;
  if (owner == comm.rank() && file != nullptr) {
    for (const RestartBlock& block : mine) file->write(block);
  } else if (owner == comm.rank()) {
    const int writer = route_.owners.front();
    comm.send({static_cast<std::int64_t>(mine.size())}, writer, k_tag_rows);
    for (RestartBlock block : mine) {
      comm.send(words_of(block), writer, k_tag_rows);
      in_parts(block.bytes, [&](std::byte* at, std::int64_t size) { comm.send_bytes(at, size, writer, k_tag_rows); });
    }
  } else if (file != nullptr) {
    const std::vector<std::int64_t> count = comm.receive(owner, k_tag_rows);
    if (count.size() != 1) throw_unreadable("the number of arrays for a restart set is none");
    for (std::int64_t i = 0; i < count[0]; ++i) {
      RestartBlock block = read_words(comm.receive(owner, k_tag_rows));
      in_parts(block.bytes, [&](std::byte* at, std::int64_t size) { comm.receive_bytes(at, size, owner, k_tag_rows); });
      file->write(block);
    }
  }
}

void LearningRestart::restore(RestartReader& reader) {
  learner_.restore({reader.header().learning.network, arrays_of(reader.read_blocks("learned"))});
  const std::int64_t step = reader.header().step - 1;
  if (training_ != nullptr) {
    training_->go_on(read_parts(reader), step);
  } else {
    adjoint_->go_on(read_parts(reader), step);
  }
  read_memory(reader);
  for (std::int64_t last = 1; last <= reader.header().exchanges_kept(); ++last) {
    const RestartBlock told = take(reader, k_told_group, k_told[last - 1], ElementKind::real64, k_status_values);
    std::memcpy(&told_[last - 1], told.bytes.data(), sizeof told_[last - 1]);
  }
}

LearningParts LearningRestart::read_parts(RestartReader& reader) const {
  const RestartLearning& set = reader.header().learning;
  const bool whole = parts().whole;
  const std::int64_t rank = route_.learners.rank();
  const bool each_its_own = !whole && set.parts == static_cast<std::int64_t>(owners_.size());
  LearningParts found;
  found.exchanges = set.exchanges;
  found.summed = set.summed;
  found.whole = whole;
  if (each_its_own) {
    add_part(reader, rank, found);
  } else if (whole || rank == 0) {
    for (std::int64_t part = 0; part < set.parts; ++part) add_part(reader, part, found);
  }
  return found;
}

void LearningRestart::add_part(RestartReader& reader, std::int64_t part, LearningParts& to) const {
  const std::size_t num_sums = learner_.sums().size();
  const bool is_double = learner_.gradient_kind() == Real::float64;
  const std::string group = part_group(part);
  const RestartBlock sums = take(reader, group, "sums", ElementKind::real64, static_cast<std::int64_t>(num_sums));
  const RestartBlock gradient =
      take(reader, group, "gradient", is_double ? ElementKind::real64 : ElementKind::real32, learner_.gradient_size());
  std::vector<double> values(num_sums);
  if (num_sums > 0) std::memcpy(values.data(), sums.bytes.data(), sums.bytes.size());
  if (to.gradient.empty() && to.sums.empty()) {
    to.sums = std::move(values);
    to.gradient = gradient.bytes;
    return;
  }
  for (std::size_t i = 0; i < num_sums; ++i) to.sums[i] += values[i];
  if (is_double) {
    add_values<double>(to.gradient, gradient.bytes);
  } else {
    add_values<float>(to.gradient, gradient.bytes);
  }
}

void LearningRestart::read_memory(RestartReader& reader) {
  if (training_ == nullptr) return;
  for (const std::int64_t chunk : route_.chunks) {
    training_->remember(chunk, arrays_of(reader.read_blocks(chunk_group(chunk))));
  }
}

}  // namespace ekman
