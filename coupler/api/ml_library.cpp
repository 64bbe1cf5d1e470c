// Implements ml_library.hpp, and ekman::serve of coupler.hpp: all that `ekman serve` is made of is in libekman_ml.
#include "coupler/api/ml_library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <string>

#include "coupler/base/version.hpp"
#include "coupler/exchange/pack.hpp"
#include "ekman/coupler.hpp"

namespace ekman {

namespace {

// It is never closed: LibTorch's threads and static objects would outlive their code. What these do while they are
// loaded must not meet a model's floating-point traps.
void* open_ml_library() {
  const TrapGuard guard;
  void* library = dlopen(EKMAN_ML_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (library != nullptr) return library;
  throw Error(
      ErrorCode::usage,
      fmt::format("the ML library that serves networks cannot be loaded ({}); install Ekman with the program "
                  "ekman, whose folder of libraries has it beside libekman, or start ML ranks with `ekman serve`",
                  dlerror()));
}

[[noreturn]] void fail_version() {
  throw Error(ErrorCode::usage,
              fmt::format("{} is of another version of Ekman than libekman, which is {}; install both libraries anew",
                          EKMAN_ML_LIBRARY, build_version()));
}

template <class Function>
Function find(const char* name) {
  const auto function = reinterpret_cast<Function>(dlsym(open_ml_library(), name));
  if (function == nullptr) fail_version();
  return function;
}

}  // namespace

const MlFunctions& ml_functions() {
  const MlFunctions& functions = *find<const MlFunctions* (*)()>("ekman_ml_functions")();
  if (std::string(functions.version) != build_version() || functions.size != sizeof(MlFunctions)) fail_version();
  return functions;
}

void serve(MPI_Comm comm, std::string_view plan) {
  find<void (*)(MPI_Comm, const char*)>("ekman_ml_serve")(comm, std::string(plan).c_str());
}

}  // namespace ekman
