// Implements linear_product.hpp.
#include "adapters/torch/linear_product.hpp"

#include <ATen/Parallel.h>

#include <algorithm>

#include "coupler/product/panel_product.hpp"

namespace ekman {
namespace {

constexpr double k_least_for_thread = 100'000;  // multiplications, some ten microseconds

// Threads share the rows.
void multiply_in_threads(const PanelProduct& product) {
  const double each =
      static_cast<double>(product.columns) * static_cast<double>(std::max<std::int64_t>(1, product.depth));
  const auto grain = static_cast<std::int64_t>(k_least_for_thread / std::max(1.0, each)) + 1;
  at::parallel_for(0, product.rows, grain, [&](std::int64_t begin, std::int64_t end) {
    PanelProduct part = product;
    part.rows = end - begin;
    part.a += begin * product.a_row;
    part.out += begin * product.out_row;
    if (part.rectified != nullptr) part.rectified += begin * product.out_row;
    multiply(part, panel_instructions());
  });
}

PanelProduct product_into(const at::Tensor& out, const at::Tensor& a, std::int64_t depth) {
  PanelProduct product;
  product.rows = out.size(0);
  product.columns = out.size(1);
  product.depth = depth;
  product.a = a.data_ptr<float>();
  product.out = out.data_ptr<float>();
  product.out_row = out.stride(0);
  return product;
}

}  // namespace

bool has_linear_product(at::Device device, at::ScalarType kind) {
  return device.is_cpu() && kind == at::kFloat && panel_instructions() != Instructions::none;
}

at::Tensor panels_of(const at::Tensor& weight) {
  const at::Tensor rows = weight.detach().contiguous();
  at::Tensor panels = at::empty({panel_floats(rows.size(0), rows.size(1))}, rows.options().requires_grad(false));
  pack_panels(rows.data_ptr<float>(), rows.size(0), rows.size(1), panels.data_ptr<float>());
  return panels;
}

void run_linear(const at::Tensor& out, const at::Tensor& in, const at::Tensor& panels, const at::Tensor& bias,
                bool rectify) {
  PanelProduct product = product_into(out, in, in.size(1));
  product.a_row = in.stride(0);
  product.take_panels(panels.data_ptr<float>());
  product.bias = bias.defined() ? bias.data_ptr<float>() : nullptr;
  product.rectify = rectify;
  multiply_in_threads(product);
}

void sum_weight_gradient(const at::Tensor& weight, const at::Tensor& gradient, const at::Tensor& in, bool add) {
  PanelProduct product = product_into(weight, gradient, in.size(0));
  product.a_row = 1;
  product.a_depth = gradient.stride(0);
  product.take_rows(in.data_ptr<float>());
  product.add = add;
  multiply_in_threads(product);
}

void run_linear_back(const at::Tensor& below, const at::Tensor& gradient, const at::Tensor& weight,
                     const at::Tensor& rectified) {
  PanelProduct product = product_into(below, gradient, gradient.size(1));
  product.a_row = gradient.stride(0);
  product.take_rows(weight.data_ptr<float>());
  product.rectified = rectified.defined() ? rectified.data_ptr<float>() : nullptr;
  multiply_in_threads(product);
}

}  // namespace ekman
