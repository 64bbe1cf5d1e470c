// Implements learned_arrays.hpp.
#include "adapters/torch/learned_arrays.hpp"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "coupler/base/joined.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

// As an array has it: on the host, row-major, of one of three kinds.
at::Tensor plain(const at::Tensor& tensor) {
  at::Tensor values = tensor.detach();
  if (values.is_complex()) values = at::view_as_real(values.resolve_conj());
  const bool single =
      values.scalar_type() == at::kFloat || values.scalar_type() == at::kBFloat16 || values.scalar_type() == at::kHalf;
  const at::ScalarType kind = single ? at::kFloat : values.is_floating_point() ? at::kDouble : at::kLong;
  return values.to(at::kCPU, kind).contiguous();
}

ArrayKind array_kind(at::ScalarType kind) {
  return kind == at::kFloat ? ArrayKind::float32 : kind == at::kDouble ? ArrayKind::float64 : ArrayKind::int64;
}

at::ScalarType torch_kind(ArrayKind kind) {
  return kind == ArrayKind::float32 ? at::kFloat : kind == ArrayKind::float64 ? at::kDouble : at::kLong;
}

std::string text_of(ArrayKind kind, const std::vector<std::int64_t>& shape) {
  const char* word = kind == ArrayKind::float32 ? "float32" : kind == ArrayKind::float64 ? "float64" : "int64";
  return fmt::format("{} [{}]", word, joined(shape, ", "));
}

}  // namespace

void ArrayWriter::operator()(const std::string& name, const at::Tensor& tensor) {
  const at::Tensor values = plain(tensor);
  NamedArray array;
  array.name = name;
  array.kind = array_kind(values.scalar_type());
  array.shape = values.sizes().vec();
  array.bytes.resize(values.nbytes());
  if (!array.bytes.empty()) std::memcpy(array.bytes.data(), values.data_ptr(), array.bytes.size());
  arrays_.push_back(std::move(array));
}

void ArrayWriter::operator()(const std::string& name, std::int64_t number) {
  (*this)(name, at::scalar_tensor(number, at::kLong));
}

void ArrayWriter::operator()(const std::string& name, double number) {
  (*this)(name, at::scalar_tensor(number, at::kDouble));
}

void ArrayWriter::operator()(const std::string& name, const std::vector<double>& numbers) {
  (*this)(name, at::tensor(numbers, at::kDouble));
}

ArrayReader::ArrayReader(std::string network, const std::vector<NamedArray>& arrays) : network_(std::move(network)) {
  for (const NamedArray& array : arrays) arrays_[array.name] = &array;
}

void ArrayReader::fail(const std::string& difference) const {
  throw StateDifference(
      fmt::format("network \"{}\" cannot go on from this learned state: {}; take the plan and the network that "
                  "it was written with, or begin a new learning from the weights of a checkpoint: `network: "
                  "{{checkpoint: FILE}}` without `resume`",
                  network_, difference),
      difference);
}

const NamedArray& ArrayReader::find(const std::string& name) const {
  const auto found = arrays_.find(name);
  if (found == arrays_.end()) fail(fmt::format("it has no \"{}\"", name));
  return *found->second;
}

at::Tensor ArrayReader::take(const std::string& name, const std::vector<std::int64_t>& shape, at::ScalarType kind) {
  const NamedArray& array = find(name);
  if (array.kind != array_kind(kind) || array.shape != shape) {
    fail(fmt::format("\"{}\" is {} there, and {} here", name, text_of(array.kind, array.shape),
                     text_of(array_kind(kind), shape)));
  }
  at::Tensor values = at::empty(array.shape, torch_kind(array.kind));
  if (values.nbytes() != array.bytes.size()) {
    fail(fmt::format("\"{}\" has {} bytes instead of {}", name, array.bytes.size(), values.nbytes()));
  }
  if (!array.bytes.empty()) std::memcpy(values.data_ptr(), array.bytes.data(), array.bytes.size());
  arrays_.erase(name);
  return values;
}

at::Tensor ArrayReader::read(const std::string& name, const at::Tensor& like) {
  const at::Tensor asked = plain(like);
  const at::Tensor values = take(name, asked.sizes().vec(), asked.scalar_type());
  return (like.is_complex() ? at::view_as_complex(values) : values).to(like.device(), like.scalar_type());
}

at::Tensor ArrayReader::read_rows(const std::string& name, const at::Tensor& like) {
  const NamedArray& array = find(name);
  const std::int64_t rows = array.shape.empty() ? 0 : array.shape[0];
  std::vector<std::int64_t> shape = like.sizes().vec();
  shape.insert(shape.begin(), rows);
  return take(name, shape, like.scalar_type()).to(like.device());
}

void ArrayReader::operator()(const std::string& name, std::int64_t& number) {
  number = take(name, {}, at::kLong).item<std::int64_t>();
}

void ArrayReader::operator()(const std::string& name, double& number) {
  number = take(name, {}, at::kDouble).item<double>();
}

void ArrayReader::operator()(const std::string& name, bool& flag) {
  std::int64_t number = 0;
  (*this)(name, number);
  flag = number != 0;
}

void ArrayReader::operator()(const std::string& name, std::vector<double>& numbers) {
  const at::Tensor values = take(name, {static_cast<std::int64_t>(numbers.size())}, at::kDouble);
  numbers.assign(values.data_ptr<double>(), values.data_ptr<double>() + values.numel());
}

void ArrayReader::finish() const {
  if (arrays_.empty()) return;
  fail(fmt::format("it has \"{}\", which has no place here", arrays_.begin()->first));
}

}  // namespace ekman
