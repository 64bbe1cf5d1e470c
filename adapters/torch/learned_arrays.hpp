// Tensors and numbers as the named arrays of a LearnedState, and back.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "adapters/torch/compat.hpp"
#include "coupler/engine/learner.hpp"
#include "ekman/error.hpp"

namespace ekman {

class ArrayWriter {
 public:
  explicit ArrayWriter(std::vector<NamedArray>& arrays) : arrays_(arrays) {}

  // Copied, from any device. Integers and truth values become int64, complex numbers a last dimension of 2.
  void operator()(const std::string& name, const at::Tensor& tensor);
  void operator()(const std::string& name, std::int64_t number);
  void operator()(const std::string& name, double number);
  void operator()(const std::string& name, bool flag) { (*this)(name, static_cast<std::int64_t>(flag)); }
  void operator()(const std::string& name, const std::vector<double>& numbers);

 private:
  std::vector<NamedArray>& arrays_;
};

// A learned state is not of what is here; `difference` alone is in what() too.
struct StateDifference : Error {
  StateDifference(const std::string& sentence, std::string what_differs)
      : Error(ErrorCode::network, sentence), difference(std::move(what_differs)) {}
  std::string difference;
};

// Each array is to be read once. Every difference throws StateDifference, in a sentence that names it.
class ArrayReader {
 public:
  ArrayReader(std::string network, const std::vector<NamedArray>& arrays);

  bool has(const std::string& name) const { return arrays_.count(name) > 0; }
  // A tensor of the shape, kind and device of `like`.
  at::Tensor read(const std::string& name, const at::Tensor& like);
  // Of any length: [n, length of like], of its kind and device.
  at::Tensor read_rows(const std::string& name, const at::Tensor& like);
  void operator()(const std::string& name, std::int64_t& number);
  void operator()(const std::string& name, double& number);
  void operator()(const std::string& name, bool& flag);
  // As many as there are in `numbers`.
  void operator()(const std::string& name, std::vector<double>& numbers);
  // Nothing is left that was not read.
  void finish() const;
  [[noreturn]] void fail(const std::string& difference) const;

 private:
  const NamedArray& find(const std::string& name) const;
  at::Tensor take(const std::string& name, const std::vector<std::int64_t>& shape, at::ScalarType kind);

  std::string network_;
  std::map<std::string, const NamedArray*> arrays_;
};

}  // namespace ekman
