// multiply() with vectors of 8 floats. Compiled for CPUs that have AVX2 and FMA.
#include "coupler/product/panel_kernels.hpp"

#if defined(__AVX2__)
#include <immintrin.h>

#include "coupler/product/panel_kernel.hpp"

namespace ekman {
namespace {

struct Vector8 {
  using Register = __m256;
  static constexpr std::int64_t k_lanes = 8;
  static constexpr int k_rows = 6;
  static constexpr bool k_orders_rows = true;
  static __m256i first(std::int64_t count) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lanes);
  }
  static Register zero() { return _mm256_setzero_ps(); }
  static Register load(const float* from) { return _mm256_loadu_ps(from); }
  static Register load(const float* from, std::int64_t count) { return _mm256_maskload_ps(from, first(count)); }
  static Register spread(float value) { return _mm256_set1_ps(value); }
  static Register multiply_add(Register a, Register b, Register sum) { return _mm256_fmadd_ps(a, b, sum); }
  static Register add(Register a, Register b) { return _mm256_add_ps(a, b); }
  static Register rectify(Register a) { return _mm256_max_ps(zero(), a); }  // the second where one is NaN
  static Register where_positive(Register a, Register of) {
    return _mm256_and_ps(_mm256_cmp_ps(of, zero(), _CMP_NLE_UQ), a);
  }
  static void store(float* to, Register a) { _mm256_storeu_ps(to, a); }
  static void store(float* to, Register a, std::int64_t count) { _mm256_maskstore_ps(to, first(count), a); }
};

}  // namespace

void multiply_avx2(const PanelProduct& product, float* scratch) { multiply_with<Vector8>(product, scratch); }

}  // namespace ekman
#endif
