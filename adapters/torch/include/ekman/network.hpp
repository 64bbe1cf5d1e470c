// A network of your own in C++: what a shared library holds that a plan names under `network: {own: ..., library:
// ...}`. Build it with the LibTorch that Ekman was built with. docs/networks.md tells how, examples/own_network is one.
#pragma once

#include <torch/nn/module.h>
#include <torch/version.h>

#include <charconv>
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace ekman {

// What the fields of the plan ask of a network: values of a point that go in and come out, with all their levels, in
// the order of the plan; and the grid that is one sample, or 0 x 0 if that is a point.
struct NetworkShape {
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
  std::int64_t ny = 0;
  std::int64_t nx = 0;
};

// `arguments` of the plan. Each function takes what to return if there is no such key; without it the key must be
// there. They throw std::invalid_argument, which Ekman turns into an error that names the network.
class NetworkArguments {
 public:
  using Values = std::map<std::string, std::vector<std::string>>;
  explicit NetworkArguments(Values values) : values_(std::move(values)) {}

  bool has(const std::string& key) const { return values_.count(key) > 0; }
  std::string text(const std::string& key) const { return first_of(key); }
  std::string text(const std::string& key, const std::string& otherwise) const {
    return has(key) ? text(key) : otherwise;
  }
  std::int64_t integer(const std::string& key) const { return number<std::int64_t>(key, first_of(key)); }
  std::int64_t integer(const std::string& key, std::int64_t otherwise) const {
    return has(key) ? integer(key) : otherwise;
  }
  double real(const std::string& key) const { return number<double>(key, first_of(key)); }
  double real(const std::string& key, double otherwise) const { return has(key) ? real(key) : otherwise; }
  std::vector<std::int64_t> integers(const std::string& key) const { return numbers<std::int64_t>(key); }
  std::vector<double> reals(const std::string& key) const { return numbers<double>(key); }

 private:
  const std::vector<std::string>& all_of(const std::string& key) const {
    const auto found = values_.find(key);
    if (found == values_.end() || found->second.empty())
      throw std::invalid_argument("argument \"" + key + "\" is not given; give it under `arguments`");
    return found->second;
  }
  const std::string& first_of(const std::string& key) const { return all_of(key).front(); }

  template <class Number>
  static Number number(const std::string& key, const std::string& text) {
    Number value{};
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (result.ec == std::errc() && result.ptr == text.data() + text.size()) return value;
    throw std::invalid_argument("argument \"" + key + "\" is " + text +
                                ", which is no number of the right kind; correct it under `arguments`");
  }
  template <class Number>
  std::vector<Number> numbers(const std::string& key) const {
    std::vector<Number> all;
    for (const std::string& text : all_of(key)) all.push_back(number<Number>(key, text));
    return all;
  }

  Values values_;
};

// The network: a LibTorch module, with its parameters and buffers registered as usual.
class NetworkModule : public torch::nn::Module {
 public:
  // `x` is [samples, inputs], or [samples, inputs, ny, nx] for grids; returns the same with outputs. What comes out of
  // a sample must not depend on the other samples: which are in a call follows from the decomposition.
  virtual at::Tensor forward(const at::Tensor& x) = 0;
};

// Makes a network, on the CPU in any kind of real; Ekman moves it. LibTorch's generator has been given `seed`.
using MakeNetwork = std::shared_ptr<NetworkModule> (*)(const NetworkArguments& arguments, const NetworkShape& shape,
                                                       std::uint64_t seed);

struct NamedNetwork {
  std::string name;  // that `own` asks for
  MakeNetwork make;
};

constexpr int k_network_interface = 1;

// The version is first and stays there: with another one nothing else is looked at.
struct NetworkTable {
  int version = k_network_interface;
  const char* libtorch = TORCH_VERSION;
  std::vector<NamedNetwork> networks;

  NetworkTable(std::initializer_list<NamedNetwork> named) : networks(named) {}
};

}  // namespace ekman

// What the library defines: its networks, in a table that lives as long as it is loaded.
extern "C" const ekman::NetworkTable* ekman_networks();
