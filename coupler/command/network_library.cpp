// Implements network_library.hpp.
#include "coupler/command/network_library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

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

}  // namespace

const NetworkLibrary& network_library() {
  static const NetworkLibrary& library = load();
  return library;
}

std::unique_ptr<Engine> make_engine(const NetworkSpec& spec, const LearningRows& rows, const std::string& device,
                                    int threads) {
  return needs_library(spec) ? network_library().make_engine(spec, rows, device, threads)
                             : make_echo_engine(spec, rows.in, rows.out);
}

}  // namespace ekman
