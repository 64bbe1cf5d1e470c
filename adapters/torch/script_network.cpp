// Runs a TorchScript file: rows -> arguments of forward() -> outputs -> rows, every shape checked.
#include <fmt/format.h>

#include <algorithm>

#include "adapters/torch/argument_shape.hpp"
#include "adapters/torch/optimized_script.hpp"
#include "adapters/torch/script_file.hpp"
#include "adapters/torch/torch_message.hpp"
#include "adapters/torch/torch_network.hpp"
#include "coupler/base/joined.hpp"
#include "coupler/plan/choices.hpp"
#include "coupler/plan/sizes.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

// By which outputs of an optimised network may differ, of the largest one: float32 through many layers.
constexpr double k_rounding = 1e-4;

std::string text_of(at::IntArrayRef sizes) { return "[" + joined(sizes, ", ") + "]"; }

std::string plural(std::size_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

class ScriptNetwork final : public TorchNetwork {
 public:
  ScriptNetwork(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out, at::Device device,
                at::ScalarType kind)
      : who_(fmt::format("network \"{}\": forward() of {}", spec.name, spec.source.path)),
        kind_(kind),
        inputs_(shape_arguments(spec, spec.inputs, in)),
        outputs_(shape_arguments(spec, spec.outputs, out)),
        output_arguments_(spec.outputs),
        rows_per_sample_(spec.rows_per_sample()),
        in_len_(in.row_len()),
        out_len_(out.row_len()),
        autocast_(autocast_of(spec.compute)),
        module_(load_script(spec, device, kind)),
        size_(size_of(module_)) {
    check_arguments();
    optimize(spec, device);
  }

  void forward(const at::Tensor& in, const at::Tensor& out) override {
    const std::int64_t tile = in.size(0) / rows_per_sample_;
    std::vector<at::IValue> arguments;
    arguments.reserve(inputs_.size());
    for (const ArgumentShape& input : inputs_) arguments.emplace_back(input.from_rows(in));
    const std::vector<at::Tensor> values = tensors_of(call(std::move(arguments), tile));
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      check_output(i, values[i], tile);
      outputs_[i].to_rows(values[i], out);
    }
  }

  NetworkSize size() const override { return size_; }
  std::string speed_up() const override {
    return optimization_ == Optimize::none ? "" : fmt::format("optimize: {}", word_of(optimization_));
  }

  std::vector<NamedParameter> parameters() override { return once(module_.named_parameters()); }
  std::vector<NamedParameter> buffers() override { return once(module_.named_buffers()); }
  const torch::jit::Module* script() const override { return &module_; }

 private:
  template <class NamedTensors>
  static std::vector<NamedParameter> once(const NamedTensors& tensors) {
    std::vector<NamedParameter> all;
    for (const auto& tensor : tensors) {
      if (std::none_of(all.begin(), all.end(), [&](const auto& other) { return other.tensor.is_same(tensor.value); }))
        all.push_back({tensor.name, tensor.value});
    }
    return all;
  }

  // What is done unasked is undone if it changes more than rounding does, or if the network does not stand it.
  void optimize(const NetworkSpec& spec, at::Device device) {
    optimization_ = optimization_of(spec, module_, device);
    if (optimization_ == Optimize::none) return;
    if (spec.optimize != Optimize::automatic) {
      module_ = optimized(spec, module_, optimization_);
      return;
    }
    const torch::jit::Module plain = module_;
    const std::int64_t rows = tile_samples(spec, device.is_cuda()) * rows_per_sample_;
    try {
      const at::Tensor expected = trial(rows);
      module_ = optimized(spec, plain, optimization_);
      const at::Tensor found = trial(rows);
      const at::Tensor bound = expected.abs().max() * k_rounding;
      if (expected.sub(found).abs().le(bound).all().item<bool>()) return;
    } catch (const std::exception&) {  // if it is plain that fails, it says so at its first tile
    }
    module_ = plain;
    optimization_ = Optimize::none;
  }

  // The outputs of made-up rows, side by side.
  at::Tensor trial(std::int64_t rows) {
    const c10::InferenceMode inference;
    const at::TensorOptions options = at::TensorOptions(kind_);
    const at::Tensor in = at::linspace(-1.0, 1.0, rows * in_len_, options).reshape({rows, in_len_});
    at::Tensor out = at::empty({rows, out_len_}, options);
    forward(in, out);
    return out;
  }

  [[noreturn]] void fail(const std::string& what) const { throw Error(ErrorCode::network, who_ + " " + what); }

  void check_arguments() const {
    const auto method = module_.find_method("forward");
    if (!method) fail("does not exist; save a network that has the method forward");
    const auto& all = method->function().getSchema().arguments();
    const std::size_t most = all.size() - 1;  // without self
    const auto optional =
        std::count_if(all.begin() + 1, all.end(), [](const auto& a) { return a.default_value().has_value(); });
    const std::size_t least = most - static_cast<std::size_t>(optional);
    if (inputs_.size() >= least && inputs_.size() <= most) return;
    fail(fmt::format("takes {}, but the plan lists {} under `inputs`; give one entry with fields for each argument",
                     plural(most, "argument"), inputs_.size()));
  }

  at::IValue call(std::vector<at::IValue> arguments, std::int64_t tile) {
    try {
      return module_.forward(std::move(arguments));
    } catch (const std::exception& error) {
      std::string given;
      for (std::size_t i = 0; i < inputs_.size(); ++i) {
        given += fmt::format("{}argument {} of shape {} from {}", i == 0 ? "" : " and ", i + 1,
                             text_of(inputs_[i].sizes(tile)), inputs_[i].fields());
      }
      std::throw_with_nested(Error(
          ErrorCode::network,
          fmt::format(
              "{} fails with {}, {}: {}; make fields, levels and `combine` of `inputs` agree with what the network "
              "was saved for",
              who_, given, at::toString(kind_), torch_message(error))));
    }
  }

  std::vector<at::Tensor> tensors_of(const at::IValue& result) const {
    std::vector<at::Tensor> values;
    const auto take = [&](const at::IValue& value) {
      if (!value.isTensor())
        fail(fmt::format("returns a {} among its outputs; let it return tensors only", value.tagKind()));
      values.push_back(value.toTensor());
    };
    if (result.isTensor()) {
      take(result);
    } else if (result.isTuple()) {
      for (const at::IValue& value : result.toTupleRef().elements()) take(value);
    } else if (result.isList()) {
      for (const at::IValue& value : result.toListRef()) take(value);
    } else if (result.isGenericDict()) {
      for (const at::IValue& value : by_name(result.toGenericDict())) take(value);
    } else {
      fail(fmt::format("returns a {}; it must return a tensor, or a tuple, list or dictionary of tensors",
                       result.tagKind()));
    }
    if (values.size() != outputs_.size()) {
      fail(fmt::format("returns {}, but the plan lists {} under `outputs`; give one entry with fields for each output",
                       plural(values.size(), "tensor"), outputs_.size()));
    }
    return values;
  }

  // Outputs go by the names of their fields.
  std::vector<at::IValue> by_name(const c10::impl::GenericDict& dict) const {
    std::vector<std::string> keys;
    for (const auto& entry : dict) keys.push_back(entry.key().isString() ? entry.key().toStringRef() : "?");
    std::vector<at::IValue> values;
    for (const Argument& output : output_arguments_) {
      const auto found = std::find(keys.begin(), keys.end(), output.fields.front());
      if (output.fields.size() > 1 || found == keys.end()) {
        fail(
            fmt::format("returns a dictionary of {}, but the plan lists {} as one of `outputs`; let each entry of "
                        "`outputs` have one field, named as the dictionary has it",
                        joined(keys, ", "), joined(output.fields, " and ")));
      }
      values.push_back(dict.at(*found));
    }
    return values;
  }

  void check_output(std::size_t i, const at::Tensor& value, std::int64_t tile) const {
    const std::vector<std::int64_t> expected = outputs_[i].sizes(tile);
    if (value.sizes() != at::IntArrayRef(expected)) {
      fail(
          fmt::format("returns output {} with shape {}, but its fields {} need {} ({} samples in a tile); make fields, "
                      "levels and `combine` of `outputs` agree with the network",
                      i + 1, text_of(value.sizes()), outputs_[i].fields(), text_of(expected), tile));
    }
    if (value.scalar_type() != kind_ && value.scalar_type() != autocast_) {
      fail(fmt::format("returns output {} ({}) as {}, but `compute` asks for {}; change `compute`, or the network",
                       i + 1, outputs_[i].fields(), at::toString(value.scalar_type()), at::toString(kind_)));
    }
  }

  std::string who_;
  at::ScalarType kind_;
  std::vector<ArgumentShape> inputs_;
  std::vector<ArgumentShape> outputs_;
  std::vector<Argument> output_arguments_;
  std::int64_t rows_per_sample_;
  std::int64_t in_len_;
  std::int64_t out_len_;
  at::ScalarType autocast_;  // kUndefined: none
  torch::jit::Module module_;
  Optimize optimization_ = Optimize::none;
  NetworkSize size_;  // before it is frozen
};

}  // namespace

std::unique_ptr<TorchNetwork> load_script_network(const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
                                                  at::Device device, at::ScalarType kind) {
  return std::make_unique<ScriptNetwork>(spec, in, out, device, kind);
}

}  // namespace ekman
