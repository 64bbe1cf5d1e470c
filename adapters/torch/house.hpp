// The process that LibTorch lives in: BLAS, GPUs. Nothing here runs a network.
#pragma once

#include <string>
#include <vector>

namespace ekman {

// One sentence for each reason why LibTorch is slower on this CPU than it could be; changes nothing.
std::vector<std::string> blas_warnings();

// As above for given findings: `sgemm` and `openblas` say whether the symbols are there, `core` is the kernel
// that OpenBLAS chose, `core_type` the variable OPENBLAS_CORETYPE (null: not set).
struct BlasFindings {
  bool sgemm = false;
  bool openblas = false;
  std::string core;
  const char* core_type = nullptr;
  bool avx2 = false;
  bool avx512 = false;
};
std::vector<std::string> blas_warnings(const BlasFindings& findings);

// The kernel that OpenBLAS chose for this CPU, for instance "SkylakeX"; empty without OpenBLAS.
std::string openblas_core();

// GPUs that LibTorch can use on this node.
int gpu_count();

// What the bits of a forward depend on, for instance "Xeon Gold 6430, LibTorch 1.13.1, OpenBLAS SkylakeX, AVX512,
// 4 threads"; `gpu` < 0: on the CPU.
std::string arithmetic_of(int gpu, int threads);

// For the line at start, for instance "LibTorch 1.13.1, OpenBLAS SkylakeX, no GPU".
std::string libtorch_summary();

}  // namespace ekman
