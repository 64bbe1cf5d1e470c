// Implements builtin_to_yaml.hpp.
#include "adapters/yaml/builtin_to_yaml.hpp"

#include <filesystem>

#include "adapters/yaml/key_table.hpp"

namespace ekman {
namespace {

const char* const k_pattern = "networks.*.network";

Write value_of(const NetworkArgument& argument) {
  return argument.is_list ? texts(argument.values) : text(argument.values.front());
}

Write own_of(const NetworkSource& source) {
  Values values = no_source();
  values["own"] = text(source.name);
  values["library"] = text(std::filesystem::absolute(source.library).lexically_normal().string());
  values["seed"] = number(source.seed);
  values["arguments"] = given(!source.arguments.empty(), named(source.arguments, value_of));
  return mapping(k_pattern, values);
}

}  // namespace

Values no_source() {
  Values values;
  for (const Key* key : keys_below(k_pattern)) values[key->name()] = Write{};
  return values;
}

Write builtin_of(const NetworkSource& source) {
  if (source.is_own()) return own_of(source);
  Values values = no_source(), below;  // `padding` has keys below it
  values["builtin"] = text(source.name);
  values["seed"] = given(!source.is_sleep(), number(source.seed));
  for (const auto& [key, argument] : source.arguments) {
    const std::size_t dot = key.find('.');
    (dot == std::string::npos ? values[key] : below[key.substr(dot + 1)]) = value_of(argument);
  }
  if (!below.empty()) values["padding"] = mapping(std::string(k_pattern) + ".padding", below, true);
  return mapping(k_pattern, values);
}

}  // namespace ekman
