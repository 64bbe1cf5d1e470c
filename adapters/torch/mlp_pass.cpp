// Implements mlp_pass.hpp.
#include "adapters/torch/mlp_pass.hpp"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "adapters/torch/linear_product.hpp"

namespace ekman {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

constexpr std::int64_t k_block_rows = 256;  // for each thread; measured, see bench/README.md

enum class Curve : std::int64_t { relu, tanh, sigmoid, none };

Curve curve_of(const std::string& activation) {
  if (activation == "relu") return Curve::relu;
  if (activation == "tanh") return Curve::tanh;
  return activation == "sigmoid" ? Curve::sigmoid : Curve::none;
}

void bend(at::Tensor values, Curve curve) {
  if (curve == Curve::relu) at::relu_(values);
  if (curve == Curve::tanh) at::tanh_(values);
  if (curve == Curve::sigmoid) at::sigmoid_(values);
}

// `gradient` by what bend() gave becomes that by what it was given.
void bend_back(at::Tensor gradient, const at::Tensor& values, Curve curve) {
  if (curve == Curve::relu) at::threshold_backward_out(gradient, gradient, values, 0);
  if (curve == Curve::tanh) at::tanh_backward_out(gradient, gradient, values);
  if (curve == Curve::sigmoid) at::sigmoid_backward_out(gradient, gradient, values);
}

// In one pass over contiguous rows, in place of LibTorch's three: rows of the bias first, and the activation.
template <class T>
void add_bias(T* __restrict values, const T* __restrict bias, std::int64_t rows, std::int64_t width, bool rectify) {
  for (std::int64_t row = 0; row < rows; ++row, values += width) {
    if (rectify) {
      for (std::int64_t i = 0; i < width; ++i) {
        const T value = values[i] + bias[i];
        values[i] = value < T(0) ? T(0) : value;  // NaN stays
      }
    } else {
      for (std::int64_t i = 0; i < width; ++i) values[i] += bias[i];
    }
  }
}

void add_bias(const at::Tensor& values, const at::Tensor& bias, bool rectify) {
  const std::int64_t rows = values.size(0), width = values.size(1);
  if (values.scalar_type() == at::kDouble) {
    add_bias(values.data_ptr<double>(), bias.data_ptr<double>(), rows, width, rectify);
  } else {
    add_bias(values.data_ptr<float>(), bias.data_ptr<float>(), rows, width, rectify);
  }
}

// Adds `columns` of some rows to `sums`, four rows at a time: bits follow from the rows alone, whatever blocks and
// threads they come in.
template <class T>
void add_rows(T* __restrict sums, const T* __restrict values, std::int64_t rows, std::int64_t width,
              std::int64_t columns) {
  static_assert(k_block_rows % 4 == 0);
  for (; rows >= 4; rows -= 4, values += 4 * width) {
    for (std::int64_t i = 0; i < columns; ++i)
      sums[i] += (values[i] + values[i + width]) + (values[i + 2 * width] + values[i + 3 * width]);
  }
  for (; rows > 0; --rows, values += width) {
    for (std::int64_t i = 0; i < columns; ++i) sums[i] += values[i];
  }
}

// The gradient of a layer's bias. Threads share the columns.
template <class T>
void add_bias_gradient(const at::Tensor& bias, const at::Tensor& gradient) {
  const std::int64_t rows = gradient.size(0), width = gradient.size(1);
  at::parallel_for(0, width, at::internal::GRAIN_SIZE / rows + 1, [&](std::int64_t begin, std::int64_t end) {
    add_rows(bias.data_ptr<T>() + begin, gradient.data_ptr<T>() + begin, rows, width, end - begin);
  });
}

void add_bias_gradient(at::Tensor bias, const at::Tensor& gradient, bool first) {
  if (first) bias.zero_();
  if (gradient.scalar_type() == at::kDouble) {
    add_bias_gradient<double>(bias, gradient);
  } else {
    add_bias_gradient<float>(bias, gradient);
  }
}

bool by_own_products(const at::Tensor& in) { return has_linear_product(in.device(), in.scalar_type()); }

// `weight`: panels for own products, else [inputs, outputs]. Several threads share the passes of LibTorch, but would
// not share that of add_bias().
void run_layer(at::Tensor out, const at::Tensor& in, const at::Tensor& weight, const at::Tensor& bias, Curve curve) {
  if (by_own_products(in)) {
    run_linear(out, in, weight, bias, curve == Curve::relu);
  } else if (at::get_num_threads() > 1) {
    at::addmm_out(out, bias, in, weight);
    return bend(out, curve);
  } else {
    at::mm_out(out, in, weight);
    add_bias(out, bias, curve == Curve::relu);
  }
  if (curve != Curve::relu) bend(out, curve);
}

template <class Work>
void for_blocks(std::int64_t rows, Work work) {
  const std::int64_t block = k_block_rows * at::get_num_threads();
  for (std::int64_t row = 0; row < rows; row += block) work(row, std::min(block, rows - row));
}

// values[0] is the input, values[l + 1] what layer l gave; `parameters`: weight and bias of each layer.
std::vector<at::Tensor> run(const at::Tensor& in, at::TensorList parameters, Curve curve) {
  const std::size_t layers = parameters.size() / 2;
  std::vector<at::Tensor> values{in}, weights;
  for (std::size_t l = 0; l < layers; ++l) {
    values.push_back(at::empty({in.size(0), parameters[2 * l].size(0)}, in.options().requires_grad(false)));
    const at::Tensor weight = parameters[2 * l].detach();
    weights.push_back(by_own_products(in) ? panels_of(weight) : weight.t());
  }
  const at::Tensor all = in.detach().contiguous();
  for_blocks(all.size(0), [&](std::int64_t row, std::int64_t rows) {
    at::Tensor x = all.narrow(0, row, rows);
    for (std::size_t l = 0; l < layers; ++l) {
      at::Tensor y = values[l + 1].narrow(0, row, rows);
      run_layer(y, x, weights[l], parameters[2 * l + 1].detach(), l + 1 < layers ? curve : Curve::none);
      x = y;
    }
  });
  return values;
}

// The gradient of a layer's weight over some rows; `first`: whatever is there is not counted.
void add_weight_gradient(at::Tensor weight, const at::Tensor& gradient, const at::Tensor& in, bool first) {
  if (by_own_products(in)) {
    sum_weight_gradient(weight, gradient, in, !first);
  } else {
    at::addmm_out(weight, weight, gradient.t(), in, first ? 0.0 : 1.0);
  }
}

// `in`: what bend() gave to the layer.
void run_layer_back(at::Tensor below, const at::Tensor& gradient, const at::Tensor& weight, const at::Tensor& in,
                    Curve curve) {
  if (by_own_products(gradient)) {
    run_linear_back(below, gradient, weight, curve == Curve::relu ? in : at::Tensor());
    if (curve != Curve::relu) bend_back(below, in, curve);
  } else {
    at::mm_out(below, gradient, weight);
    bend_back(below, in, curve);
  }
}

struct MlpPass : torch::autograd::Function<MlpPass> {
  static Variable forward(AutogradContext* context, const Variable& in, at::TensorList parameters, std::int64_t curve) {
    std::vector<at::Tensor> values = run(in, parameters, static_cast<Curve>(curve));
    const at::Tensor out = values.back();
    values.pop_back();
    c10::List<bool> wanted;
    wanted.push_back(in.requires_grad());
    for (const Variable& parameter : parameters) {
      wanted.push_back(parameter.requires_grad());
      values.push_back(parameter);
    }
    context->saved_data["wanted"] = wanted;
    context->saved_data["curve"] = curve;
    context->save_for_backward(values);
    return out;
  }

  // One gradient for each argument: the input, the parameters, and none for the curve.
  static variable_list backward(AutogradContext* context, variable_list out_gradients) {
    const variable_list saved = context->get_saved_variables();
    const c10::List<bool> wanted = context->saved_data["wanted"].toBoolList();
    const auto curve = static_cast<Curve>(context->saved_data["curve"].toInt());
    const std::size_t layers = saved.size() / 3;
    std::vector<at::Tensor> values(saved.begin(), saved.begin() + static_cast<std::ptrdiff_t>(layers));
    values[0] = values[0].contiguous();
    const at::Tensor* const parameters = saved.data() + layers;
    const at::NoGradGuard no_grad;
    variable_list gradients(2 + 2 * layers);
    std::size_t lowest = layers;
    for (std::size_t i = gradients.size() - 1; i-- > 0;) {
      if (!wanted[i]) continue;
      gradients[i] = at::empty_like(i == 0 ? values[0] : parameters[i - 1], at::MemoryFormat::Contiguous);
      lowest = i == 0 ? 0 : (i - 1) / 2;
    }
    const at::Tensor all = out_gradients[0].contiguous();
    for_blocks(all.size(0), [&](std::int64_t row, std::int64_t rows) {
      at::Tensor gradient = all.narrow(0, row, rows);
      for (std::size_t l = layers; l-- > lowest;) {
        at::Tensor &weight = gradients[1 + 2 * l], &bias = gradients[2 + 2 * l];
        const at::Tensor x = values[l].narrow(0, row, rows);
        if (weight.defined()) add_weight_gradient(weight, gradient, x, row == 0);
        if (bias.defined()) add_bias_gradient(bias, gradient, row == 0);
        if (l == lowest && !gradients[0].defined()) break;
        at::Tensor below = l == 0 ? gradients[0].narrow(0, row, rows) : at::empty_like(x);
        run_layer_back(below, gradient, parameters[2 * l].detach().contiguous(), x, l > 0 ? curve : Curve::none);
        gradient = below;
      }
    });
    return gradients;
  }
};

}  // namespace

bool has_mlp_pass(const std::string& activation) { return curve_of(activation) != Curve::none; }

at::Tensor mlp_pass(const at::Tensor& in, const std::vector<MlpLayer>& layers, const std::string& activation) {
  variable_list parameters;
  for (const MlpLayer& layer : layers) {
    parameters.push_back(layer.weight);
    parameters.push_back(layer.bias);
  }
  if (!at::GradMode::is_enabled()) return run(in, parameters, curve_of(activation)).back();
  return MlpPass::apply(in, at::TensorList(parameters), static_cast<std::int64_t>(curve_of(activation)));
}

}  // namespace ekman
