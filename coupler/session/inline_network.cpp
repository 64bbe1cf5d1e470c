// Implements inline_network.hpp.
#include "coupler/session/inline_network.hpp"

#include <sstream>

#include "ekman/error.hpp"

namespace ekman {

namespace {

std::vector<std::int64_t> levels_of(const RowLayout& layout) {
  std::vector<std::int64_t> levels;
  for (const FieldSlot& field : layout.fields) levels.push_back(field.levels);
  return levels;
}

}  // namespace

std::string call_ml(const std::function<int(const TextSink* text)>& function) {
  std::string text;
  const TextSink sink{&text, [](void* to, const char* bytes, std::int64_t size) {
                        static_cast<std::string*>(to)->assign(bytes, static_cast<std::size_t>(size));
                      }};
  const int code = function(&sink);
  if (code != 0) throw Error(static_cast<ErrorCode>(code), text);
  return text;
}

InlineNetwork::InlineNetwork(const MlFunctions& functions, const Plan& plan, int number, const RowLayout& in,
                             const RowLayout& out, const std::string& device)
    : functions_(functions) {
  const std::string bytes = serialise(plan);
  const std::vector<std::int64_t> in_levels = levels_of(in), out_levels = levels_of(out);
  const InlineRequest request{{bytes.data(), static_cast<std::int64_t>(bytes.size())},
                              number,
                              in_levels.data(),
                              out_levels.data(),
                              device.c_str()};
  std::istringstream told(call_ml([&](const TextSink* text) { return functions_.open(&request, &network_, text); }));
  std::getline(told, describe_);
  std::getline(told, arithmetic_);
  for (std::string line; std::getline(told, line);) warnings_.push_back(line);
}

InlineNetwork::~InlineNetwork() { functions_.close(network_); }

void InlineNetwork::forward(const std::byte* in, std::byte* out, std::int64_t rows) {
  call_ml([&](const TextSink* text) { return functions_.forward(network_, in, out, rows, text); });
}

void InlineNetwork::begin_set(const std::string& label, std::int64_t step, std::int64_t points,
                              const std::vector<Real>& kinds) {
  std::vector<std::int64_t> sizes;
  for (const Real kind : kinds) sizes.push_back(real_size(kind));
  const InlineSet set{step, points, sizes.data(), static_cast<std::int64_t>(sizes.size())};
  call_ml([&](const TextSink* text) { return functions_.begin_set(network_, label.c_str(), &set, text); });
}

void InlineNetwork::write_rows(int array, std::int64_t first, std::int64_t count, const std::byte* rows) {
  call_ml([&](const TextSink* text) { return functions_.write_rows(network_, array, first, count, rows, text); });
}

void InlineNetwork::end_set() {
  call_ml([&](const TextSink* text) { return functions_.end_set(network_, text); });
}

void InlineNetwork::publish_set(const std::string& label) {
  call_ml([&](const TextSink* text) { return functions_.publish_set(network_, label.c_str(), text); });
}

InlineNetwork::Found InlineNetwork::open_set(std::int64_t points) {
  std::istringstream told(call_ml([&](const TextSink* text) { return functions_.open_set(network_, points, text); }));
  Found found;
  std::string numbers;
  std::getline(told, numbers);
  std::getline(told, found.path);
  std::istringstream words(numbers);
  words >> found.step;
  for (int size = 0; words >> size;) found.kinds.push_back(size == 4 ? Real::float32 : Real::float64);
  return found;
}

void InlineNetwork::read_rows(int array, std::int64_t first, std::int64_t count, std::byte* rows) {
  call_ml([&](const TextSink* text) { return functions_.read_rows(network_, array, first, count, rows, text); });
}

}  // namespace ekman
