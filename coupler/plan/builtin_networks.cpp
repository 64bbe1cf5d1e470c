// Implements builtin_networks.hpp.
#include "coupler/plan/builtin_networks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "ekman/error.hpp"

namespace ekman {
namespace {

const NetworkArgument& argument(const NetworkSource& source, const std::string& key) {
  const auto found = source.arguments.find(key);
  if (found != source.arguments.end() && !found->second.values.empty()) return found->second;
  throw Error(ErrorCode::network,
              fmt::format("builtin: {} has no argument \"{}\"; give it, `ekman networks` lists all that it takes",
                          source.name, key));
}

std::int64_t integer_of(const NetworkSource& source, const std::string& key, const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec == std::errc() && result.ptr == end) return number;
  throw Error(ErrorCode::network,
              fmt::format("argument \"{}\" of builtin: {} is \"{}\"; give it whole numbers", key, source.name, text));
}

}  // namespace

const std::vector<BuiltinNetwork>& builtin_networks() {
  static const std::vector<BuiltinNetwork> all{
      {"mlp", "Linear layers with an activation between them, of each point by itself.", {"hidden", "activation"}},
      {"resmlp",
       "Blocks of two linear layers, each block added to what it takes, of each point by itself.",
       {"width", "blocks", "activation"}},
      {"unet",
       "Convolutions of 3 x 3 points on a grid and on coarser ones, which meet again on the way back.",
       {"width", "depth", "padding.y", "padding.x", "activation"},
       true},
      {"fno",
       "A Fourier neural operator: layers that act on the long waves of a grid, and on each point.",
       {"width", "modes", "layers", "padding.y", "padding.x", "activation"},
       true},
      {"sleep",
       "Takes a given time and returns zeros, to size a plan before there is a network; without LibTorch.",
       {"seconds_per_forward", "seconds_per_point", "busy"},
       false,
       false}};
  return all;
}

const BuiltinNetwork* find_builtin(const std::string& name) {
  const std::vector<BuiltinNetwork>& all = builtin_networks();
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

const std::string& text_argument(const NetworkSource& source, const std::string& key) {
  return argument(source, key).values.front();
}

std::int64_t integer_argument(const NetworkSource& source, const std::string& key) {
  return integer_of(source, key, text_argument(source, key));
}

double real_argument(const NetworkSource& source, const std::string& key) {
  const std::string& text = text_argument(source, key);
  double number = 0.0;
  const char* const begin = text.data() + (text.rfind('+', 0) == 0 ? 1 : 0);
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(begin, end, number);
  if (result.ec == std::errc() && result.ptr == end) return number;
  throw Error(ErrorCode::network,
              fmt::format("argument \"{}\" of builtin: {} is \"{}\"; give it a number", key, source.name, text));
}

std::vector<std::int64_t> integers_argument(const NetworkSource& source, const std::string& key) {
  std::vector<std::int64_t> integers;
  for (const std::string& value : argument(source, key).values) integers.push_back(integer_of(source, key, value));
  return integers;
}

}  // namespace ekman
