// multiply() with vectors of 16 floats. Compiled for CPUs that have AVX512F.
#include "coupler/product/panel_kernels.hpp"

#if defined(__AVX512F__)
#include <immintrin.h>

#include "coupler/product/panel_kernel.hpp"

namespace ekman {
namespace {

struct Vector16 {
  using Register = __m512;
  static constexpr std::int64_t k_lanes = 16;
  static constexpr int k_rows = 8;
  static constexpr bool k_orders_rows = false;
  static __mmask16 first(std::int64_t count) { return static_cast<__mmask16>((1U << count) - 1U); }
  static Register zero() { return _mm512_setzero_ps(); }
  static Register load(const float* from) { return _mm512_loadu_ps(from); }
  static Register load(const float* from, std::int64_t count) { return _mm512_maskz_loadu_ps(first(count), from); }
  static Register spread(float value) { return _mm512_set1_ps(value); }
  static Register multiply_add(Register a, Register b, Register sum) { return _mm512_fmadd_ps(a, b, sum); }
  static Register add(Register a, Register b) { return _mm512_add_ps(a, b); }
  static Register rectify(Register a) { return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, zero(), _CMP_NLT_UQ), a); }
  static Register where_positive(Register a, Register of) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(of, zero(), _CMP_NLE_UQ), a);
  }
  static void store(float* to, Register a) { _mm512_storeu_ps(to, a); }
  static void store(float* to, Register a, std::int64_t count) { _mm512_mask_storeu_ps(to, first(count), a); }
};

}  // namespace

void multiply_avx512(const PanelProduct& product, float* scratch) { multiply_with<Vector16>(product, scratch); }

}  // namespace ekman
#endif
