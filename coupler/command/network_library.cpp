// Implements network_library.hpp.
#include "coupler/command/network_library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <glob.h>

#include <algorithm>

#include "coupler/base/version.hpp"
#include "coupler/exchange/pack.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

// It is never closed: LibTorch's threads and static objects would outlive their code. What these do while they are
// loaded must not meet a model's floating-point traps.
const NetworkLibrary& load() {
  const TrapGuard guard;
  void* library = dlopen(EKMAN_TORCH_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw Error(ErrorCode::usage,
                fmt::format("the library that runs networks cannot be loaded ({}); install Ekman anew, with LibTorch "
                            "where the linker finds it (LD_LIBRARY_PATH)",
                            dlerror()));
  }
  using Find = const NetworkLibrary* (*)(const char*);
  const auto find = reinterpret_cast<Find>(dlsym(library, "ekman_torch_library"));
  const NetworkLibrary* const found = find == nullptr ? nullptr : find(build_version());
  if (found != nullptr) return *found;
  throw Error(ErrorCode::usage,
              fmt::format("{} is of another version of Ekman than the program, which is {}; install both anew",
                          EKMAN_TORCH_LIBRARY, build_version()));
}

// Of NVIDIA, of AMD, of Windows' subsystem for Linux.
bool has_gpu_device() {
  for (const char* pattern : {"/dev/nvidia[0-9]*", "/dev/kfd", "/dev/dxg"}) {
    glob_t found{};
    const bool is_there = glob(pattern, GLOB_NOSORT, nullptr, &found) == 0;
    globfree(&found);
    if (is_there) return true;
  }
  return false;
}

}  // namespace

const NetworkLibrary& network_library() {
  static const NetworkLibrary& library = load();
  return library;
}

int gpu_count(const std::vector<NetworkSpec>& networks) {
  const bool asked = std::any_of(networks.begin(), networks.end(), [](const NetworkSpec& network) {
    const auto on_cpu = [](const std::string& device) { return device == "cpu"; };
    return needs_library(network) && !std::all_of(network.devices.begin(), network.devices.end(), on_cpu);
  });
  return asked && has_gpu_device() ? network_library().gpu_count() : 0;
}

std::unique_ptr<Engine> make_engine(const NetworkSpec& spec, const LearningRows& rows, const std::string& device,
                                    int threads) {
  if (spec.source.kind == SourceKind::none) return make_no_engine();
  if (spec.source.is_sleep()) return make_sleep_engine(spec, rows.out, device);
  return needs_library(spec) ? network_library().make_engine(spec, rows, device, threads)
                             : make_echo_engine(spec, rows.in, rows.out);
}

}  // namespace ekman
