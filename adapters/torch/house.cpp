// BLAS and GPUs of the process; the warnings say what design/facts.md measured.
#include "adapters/torch/house.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <torch/cuda.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "adapters/torch/compat.hpp"

namespace ekman {
namespace {

bool is_one_of(const std::string& core, std::initializer_list<const char*> names) {
  return std::any_of(names.begin(), names.end(), [&core](const char* name) { return core == name; });
}

// Also where this library was loaded by another, and its libraries are in no scope but its own.
void* find_symbol(const char* name) {
  void* found = dlsym(RTLD_DEFAULT, name);
  return found != nullptr ? found : dlsym(RTLD_NEXT, name);
}

// Kernels that use AVX-512, or AVX2; all others of x86 are older.
bool uses_avx512(const std::string& core) { return is_one_of(core, {"SkylakeX", "Cooperlake", "SapphireRapids"}); }
bool uses_avx2(const std::string& core) {
  return uses_avx512(core) || is_one_of(core, {"Haswell", "Zen", "Excavator"});
}

BlasFindings find_blas() {
  BlasFindings found;
  found.sgemm = find_symbol("sgemm_") != nullptr;
  found.core = openblas_core();
  found.openblas = !found.core.empty();
  found.core_type = std::getenv("OPENBLAS_CORETYPE");
#if defined(__x86_64__)
  __builtin_cpu_init();
  found.avx2 = __builtin_cpu_supports("avx2") != 0;
  found.avx512 = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
                 __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0;
#endif
  return found;
}

std::string blas_name() {
  const std::string core = openblas_core();
  return !core.empty() ? "OpenBLAS " + core : at::hasMKL() ? "MKL" : "another BLAS";
}

// The rest of the first line of `text` that holds `key`, after the colon; empty if there is none.
std::string value_of(std::istream& text, const std::string& key) {
  for (std::string line; std::getline(text, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || line.find(key) == std::string::npos) continue;
    const std::size_t from = line.find_first_not_of(' ', colon + 1);
    return from == std::string::npos ? std::string() : line.substr(from);
  }
  return {};
}

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  const std::string name = value_of(file, "model name");
  return name.empty() ? "this CPU" : name;
}

// The vector instructions that LibTorch's own kernels use.
std::string cpu_capability() {
  std::istringstream config(at::show_config());
  return value_of(config, "CPU capability usage");
}

// From the driver, which a CUDA build of LibTorch has loaded; no header of CUDA is needed.
std::string gpu_model(int gpu) {
  using DeviceName = int (*)(char*, int, int);
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);
  const auto device_name = driver == nullptr ? nullptr : reinterpret_cast<DeviceName>(dlsym(driver, "cuDeviceGetName"));
  char name[256] = "";
  const bool known = device_name != nullptr && device_name(name, sizeof name, gpu) == 0;
  if (driver != nullptr) dlclose(driver);
  return known ? name : "this GPU";
}

// OpenBLAS runs on kernels below what the CPU can do, which makes matrix products several times slower.
bool blas_is_slow(const BlasFindings& found) {
  const bool below_avx512 = found.avx512 && !uses_avx512(found.core);
  const bool below_avx2 = found.avx2 && !uses_avx2(found.core);
  return found.openblas && (below_avx512 || below_avx2);
}

}  // namespace

std::vector<std::string> blas_warnings(const BlasFindings& found) {
  std::vector<std::string> warnings;
  // Without the symbol, BLAS is inside LibTorch itself (MKL in the official builds).
  if (!found.openblas && found.sgemm && !at::hasMKL()) {
    warnings.push_back(
        "LibTorch runs on a BLAS that is not OpenBLAS, perhaps the slow reference BLAS; on Debian and Ubuntu "
        "`apt install libopenblas0-openmp` cures that");
  }
  if (!blas_is_slow(found)) return warnings;
  const bool is_set = found.core_type != nullptr && *found.core_type != '\0';
  const std::string reason =
      is_set ? fmt::format("the environment variable OPENBLAS_CORETYPE={} keeps OpenBLAS to its {} kernels",
                           found.core_type, found.core)
             : fmt::format("this OpenBLAS does not know this CPU and took its {} kernels", found.core);
  // Not "unset it": an OpenBLAS that does not know the CPU would then choose worse ones.
  warnings.push_back(
      reason +
      fmt::format(", although the CPU has {}; networks run slower, up to several times: set OPENBLAS_CORETYPE={}",
                  found.avx512 ? "AVX-512" : "AVX2", found.avx512 ? "SkylakeX" : "Haswell"));
  return warnings;
}

std::vector<std::string> blas_warnings() { return blas_warnings(find_blas()); }

std::string openblas_core() {
  using CoreName = char* (*)();
  const auto core_name = reinterpret_cast<CoreName>(find_symbol("openblas_get_corename"));
  const char* name = core_name == nullptr ? nullptr : core_name();
  return name == nullptr ? std::string() : std::string(name);
}

int gpu_count() { return torch::cuda::is_available() ? static_cast<int>(torch::cuda::device_count()) : 0; }

std::string arithmetic_of(int gpu, int threads) {
  if (gpu >= 0) return fmt::format("{}, LibTorch {}", gpu_model(gpu), compat::torch_version());
  return fmt::format("{}, LibTorch {}, {}, {}, {} thread{}", cpu_model(), compat::torch_version(), blas_name(),
                     cpu_capability(), threads, threads == 1 ? "" : "s");
}

std::string libtorch_summary() {
  const int gpus = gpu_count();
  const std::string gpu = gpus == 0 ? "no GPU" : gpus == 1 ? "1 GPU" : fmt::format("{} GPUs", gpus);
  return fmt::format("LibTorch {}, {}, {}", compat::torch_version(), blas_name(), gpu);
}

}  // namespace ekman
