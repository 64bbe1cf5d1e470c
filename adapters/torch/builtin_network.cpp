// Implements builtin_network.hpp.
#include "adapters/torch/builtin_network.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "adapters/torch/builtin_parts.hpp"
#include "adapters/torch/module_network.hpp"
#include "adapters/torch/own_network.hpp"
#include "adapters/torch/seeded_draws.hpp"
#include "adapters/torch/torch_message.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

MakeNetwork find_builtin_module(const NetworkSpec& spec) {
  const std::string& name = spec.source.name;
  if (name == "mlp") return make_mlp;
  if (name == "resmlp") return make_resmlp;
  if (name == "unet") return make_unet;
  if (name == "fno") return make_fno;
  throw Error(ErrorCode::network,
              fmt::format("network \"{}\": there is no built-in network \"{}\"; `ekman networks` lists those there are",
                          spec.name, name));
}

NetworkArguments arguments_of(const NetworkSource& source) {
  NetworkArguments::Values values;
  for (const auto& [key, argument] : source.arguments) values[key] = argument.values;
  return NetworkArguments(values);
}

std::string name_of(const NetworkSpec& spec) {
  const NetworkSource& source = spec.source;
  return source.is_own() ? fmt::format("network \"{}\" ({} of {})", spec.name, source.name,
                                       std::filesystem::path(source.library).filename().string())
                         : fmt::format("network \"{}\" (builtin {})", spec.name, source.name);
}

// What `make` returns, of mistakes of LibTorch and of the user's own code with the network's name.
template <class Make>
auto made(const NetworkSpec& spec, Make make) {
  try {
    return make();
  } catch (const std::exception& error) {
    throw Error(ErrorCode::network,
                fmt::format("{} cannot be made: {}; correct its arguments, make its layers smaller, or see whether its "
                            "device has memory left",
                            name_of(spec), torch_message(error)));
  }
}

}  // namespace

std::shared_ptr<NetworkModule> make_network_module(const NetworkSpec& spec, const NetworkShape& shape) {
  const NetworkSource& source = spec.source;
  const auto seed = static_cast<std::uint64_t>(source.seed);
  const SeededDraws draws(at::Device(at::kCPU), seed);
  const MakeNetwork make = source.is_own() ? find_own_network(spec.name, source) : find_builtin_module(spec);
  return made(spec, [&] { return make(arguments_of(source), shape, seed); });
}

std::unique_ptr<TorchNetwork> make_builtin_network(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
                                                   at::Device device, at::ScalarType kind) {
  // The mlp runs rows without a tensor in between, and through oneDNN.
  if (!spec.source.is_own() && spec.source.name == "mlp") {
    const SeededDraws draws(at::Device(at::kCPU), static_cast<std::uint64_t>(spec.source.seed));
    return make_mlp_network(spec, in, out, device, kind);
  }
  std::shared_ptr<NetworkModule> module = make_network_module(spec, network_shape(spec, in, out));
  return made(spec, [&] { return run_module(name_of(spec), std::move(module), spec, in, out, device, kind); });
}

}  // namespace ekman
