// What each kind of CPU has of multiply(); only a CPU that has the instructions may call it.
#pragma once

#include "coupler/product/panel_product.hpp"

namespace ekman {

constexpr std::int64_t k_depth_at_once = 512;         // of factors that are put in order
constexpr std::int64_t k_floats_at_once = 64 * 1024;  // of b: 256 KiB stay in the second-level cache

// `scratch` has k_floats_at_once if b is not in panels or a is transposed, and of a transposed a k_depth_at_once
// besides for each row and 8 more, since the last block may not be full.
void multiply_avx2(const PanelProduct& product, float* scratch);    // and FMA
void multiply_avx512(const PanelProduct& product, float* scratch);  // AVX512F

}  // namespace ekman
