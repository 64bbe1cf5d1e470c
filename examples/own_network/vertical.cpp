// A network that Ekman has not: convolutions along the levels of each column, so that one set of weights serves all
// levels. Its arguments stand in plan.yaml.
#include <torch/nn/modules/conv.h>

#include <ekman/network.hpp>

namespace {

class Vertical final : public ekman::NetworkModule {
 public:
  Vertical(const ekman::NetworkArguments& arguments, const ekman::NetworkShape& shape)
      : levels_(arguments.integer("levels")), halo_(arguments.integer("halo", 1)) {
    if (shape.inputs % levels_ != 0 || shape.outputs % levels_ != 0)
      throw std::invalid_argument("fields of " + std::to_string(levels_) + " levels are needed; correct `levels`");
    const std::int64_t channels = arguments.integer("channels");
    const auto layer = [&](std::int64_t inputs, std::int64_t outputs) {
      return torch::nn::Conv1d(torch::nn::Conv1dOptions(inputs, outputs, 2 * halo_ + 1).padding(halo_));
    };
    first_ = register_module("first", layer(shape.inputs / levels_, channels));
    last_ = register_module("last", layer(channels, shape.outputs / levels_));
    scale_ = register_buffer("scale", torch::full({}, arguments.real("scale", 1.0)));
  }

  // [columns, fields * levels] -> the same of the outputs.
  at::Tensor forward(const at::Tensor& x) override {
    const at::Tensor profiles = x.reshape({x.size(0), -1, levels_});
    return (last_->forward(at::tanh(first_->forward(profiles))) * scale_).flatten(1);
  }

 private:
  std::int64_t levels_, halo_;
  torch::nn::Conv1d first_{nullptr}, last_{nullptr};
  at::Tensor scale_;
};

std::shared_ptr<ekman::NetworkModule> make_vertical(const ekman::NetworkArguments& arguments,
                                                    const ekman::NetworkShape& shape, std::uint64_t) {
  return std::make_shared<Vertical>(arguments, shape);
}

}  // namespace

const ekman::NetworkTable* ekman_networks() {
  static const ekman::NetworkTable table{{"vertical", make_vertical}};
  return &table;
}
