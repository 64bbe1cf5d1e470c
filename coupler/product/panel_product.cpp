// Implements panel_product.hpp: which instructions, and the order of panels.
#include "coupler/product/panel_product.hpp"

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

}  // namespace

std::int64_t panel_floats(std::int64_t columns, std::int64_t depth) {
  return (columns + k_panel - 1) / k_panel * k_panel * depth;
}

void pack_panels(const float* matrix, std::int64_t columns, std::int64_t depth, float* panels) {
  constexpr std::int64_t k_block = 16;  // floats of a cache line
  for (std::int64_t first = 0; first < columns; first += k_panel, panels += k_panel * depth) {
    const std::int64_t width = std::min(k_panel, columns - first);
    for (std::int64_t begin = 0; begin < depth; begin += k_block) {
      const std::int64_t end = std::min(depth, begin + k_block);
      for (std::int64_t column = 0; column < width; ++column) {
        for (std::int64_t d = begin; d < end; ++d) panels[d * k_panel + column] = matrix[(first + column) * depth + d];
      }
      for (std::int64_t d = begin; d < end; ++d)
        std::fill(panels + d * k_panel + width, panels + (d + 1) * k_panel, 0.0F);
    }
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
