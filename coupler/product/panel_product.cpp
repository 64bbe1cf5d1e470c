// Implements panel_product.hpp: which instructions, and the order of panels.
#include "coupler/product/panel_product.hpp"

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include <algorithm>
#include <vector>

#include "coupler/product/panel_kernels.hpp"

namespace ekman {
namespace {

Instructions find_instructions() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) return Instructions::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Instructions::avx2;
#endif
  return Instructions::none;
}

constexpr std::int64_t k_block = 16;  // places in the depth: floats of a cache line

// Of `places` in the depth, from `matrix` and `panel` on. In tiles of 4 x 4, since a network that learns does it in
// each step.
void pack_block(const float* matrix, std::int64_t depth, std::int64_t columns, std::int64_t places, float* panel) {
  std::int64_t tiled_columns = 0, tiled_places = 0;
#if defined(__SSE2__)
  tiled_columns = columns / 4 * 4;
  tiled_places = places / 4 * 4;
  for (std::int64_t column = 0; column < tiled_columns; column += 4) {
    for (std::int64_t d = 0; d < tiled_places; d += 4) {
      __m128 line[4];
      for (int i = 0; i < 4; ++i) line[i] = _mm_loadu_ps(matrix + (column + i) * depth + d);
      _MM_TRANSPOSE4_PS(line[0], line[1], line[2], line[3]);
      for (int i = 0; i < 4; ++i) _mm_storeu_ps(panel + (d + i) * k_panel + column, line[i]);
    }
  }
#endif
  for (std::int64_t column = 0; column < columns; ++column) {
    for (std::int64_t d = column < tiled_columns ? tiled_places : 0; d < places; ++d)
      panel[d * k_panel + column] = matrix[column * depth + d];
  }
}

}  // namespace

std::int64_t panel_floats(std::int64_t columns, std::int64_t depth) {
  return (columns + k_panel - 1) / k_panel * k_panel * depth;
}

void pack_panels(const float* matrix, std::int64_t columns, std::int64_t depth, float* panels) {
  for (std::int64_t first = 0; first < columns; first += k_panel, panels += k_panel * depth) {
    const std::int64_t width = std::min(k_panel, columns - first);
    for (std::int64_t d = 0; d < depth; d += k_block)
      pack_block(matrix + first * depth + d, depth, width, std::min(k_block, depth - d), panels + d * k_panel);
    for (std::int64_t d = 0; d < depth; ++d) std::fill(panels + d * k_panel + width, panels + (d + 1) * k_panel, 0.0F);
  }
}

Instructions panel_instructions() {
  static const Instructions found = find_instructions();
  return found;
}

void multiply([[maybe_unused]] const PanelProduct& product, [[maybe_unused]] Instructions instructions) {
#if defined(__x86_64__)
  // Kept, since each layer needs it again.
  static thread_local std::vector<float> scratch;
  if (product.b_depth != k_panel || product.a_depth != 1) {
    const std::int64_t rows = product.a_depth == 1 ? 0 : product.rows + 8;
    const auto floats = static_cast<std::size_t>(k_floats_at_once + rows * k_depth_at_once);
    if (scratch.size() < floats) scratch.resize(floats);
  }
  if (instructions == Instructions::avx512) multiply_avx512(product, scratch.data());
  if (instructions == Instructions::avx2) multiply_avx2(product, scratch.data());
#endif
}

}  // namespace ekman
