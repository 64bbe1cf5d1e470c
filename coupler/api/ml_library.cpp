// ekman::serve of coupler.hpp. All that `ekman serve` is made of is in libekman_ml; since libekman needs MPI only, it
// loads that library when a model asks for it.
#include <dlfcn.h>
#include <fmt/format.h>

#include "ekman/coupler.hpp"

namespace ekman {

namespace {

// It is never closed: LibTorch's threads and static objects would outlive their code.
void* open_ml_library() {
  void* library = dlopen(EKMAN_ML_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (library != nullptr) return library;
  throw Error(
      ErrorCode::usage,
      fmt::format("the ML library that serves networks cannot be loaded ({}); install Ekman with the program "
                  "ekman, whose folder of libraries has it beside libekman, or start ML ranks with `ekman serve`",
                  dlerror()));
}

}  // namespace

void serve(MPI_Comm comm, std::string_view plan) {
  using Serve = void (*)(MPI_Comm, const char*);
  const auto ml_serve = reinterpret_cast<Serve>(dlsym(open_ml_library(), "ekman_ml_serve"));
  if (ml_serve == nullptr) {
    throw Error(ErrorCode::usage,
                fmt::format("{} has no ekman_ml_serve: it is of another version of Ekman; install both libraries anew",
                            EKMAN_ML_LIBRARY));
  }
  ml_serve(comm, std::string(plan).c_str());
}

}  // namespace ekman
