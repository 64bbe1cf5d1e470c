// Implements optimizer_file.hpp.
#include "adapters/tensor/optimizer_file.hpp"

#include <fmt/format.h>

#include <deque>
#include <memory>
#include <utility>

#include "adapters/tensor/boundary.hpp"
#include "adapters/tensor/whole_file.hpp"
#include "adapters/torch/optimizer_members.hpp"
#include "coupler/plan/choices.hpp"

namespace ekman {

namespace {

// What a state fits.
std::string label_of(OptimizerKind kind, const std::vector<at::Tensor>& parameters) {
  std::string label = word_of(kind);
  for (const at::Tensor& parameter : parameters) label += " " + shape_text(parameter);
  return label;
}

template <class Archive>
void visit_options(Archive& archive, OptimizerSpec& spec, LbfgsSearch& search) {
  archive("options/lr", spec.lr);
  archive("options/weight_decay", spec.weight_decay);
  archive("options/momentum", spec.momentum);
  archive("options/dampening", spec.dampening);
  archive("options/nesterov", spec.nesterov);
  archive("options/beta1", spec.beta1);
  archive("options/beta2", spec.beta2);
  archive("options/eps", spec.eps);
  archive("options/amsgrad", spec.amsgrad);
  archive("options/alpha", spec.alpha);
  archive("options/centered", spec.centered);
  archive("options/lr_decay", spec.lr_decay);
  archive("options/initial_accumulator", spec.initial_accumulator);
  archive("options/history_size", spec.history);
  archive("options/tolerance_grad", spec.tolerance_grad);
  archive("options/tolerance_change", spec.tolerance_change);
  archive("options/max_iter", search.max_iter);
  archive("options/strong_wolfe", search.strong_wolfe);
}

std::string path_of(std::size_t place) { return fmt::format("state/{}/", place + 1); }

class Writer {
 public:
  Writer(ArrayWriter& archive, std::string path) : archive_(archive), path_(std::move(path)) {}

  template <class Number>
  void number(const char* name, Number& value) {
    archive_(path_ + name, value);
  }
  void cut(const char* name, const at::Tensor& values, bool /*always*/) { whole(name, values); }
  void whole(const char* name, const at::Tensor& values) {
    if (values.defined()) archive_(path_ + name, values);
  }
  void history(const char* name, const std::deque<at::Tensor>& values) {
    if (!values.empty()) archive_(path_ + name, at::stack(std::vector<at::Tensor>(values.begin(), values.end())));
  }

 private:
  ArrayWriter& archive_;
  std::string path_;
};

// `parameter` is that of the state, `all` a vector as long as all of them together.
class Reader {
 public:
  Reader(ArrayReader& archive, std::string path, at::Tensor parameter, at::Tensor all)
      : archive_(archive), path_(std::move(path)), parameter_(std::move(parameter)), all_(std::move(all)) {}

  template <class Number>
  void number(const char* name, Number& value) {
    archive_(path_ + name, value);
  }
  void cut(const char* name, at::Tensor& values, bool /*always*/) { read(name, parameter_, values); }
  void whole(const char* name, at::Tensor& values) {
    read(name, std::string(name) == "H_diag" ? all_.select(0, 0) : all_, values);
  }
  void history(const char* name, std::deque<at::Tensor>& values) {
    if (!archive_.has(path_ + name)) return;
    const at::Tensor like = std::string(name) == "ro" ? all_.select(0, 0) : all_;
    for (const at::Tensor& row : archive_.read_rows(path_ + name, like).unbind(0)) values.push_back(row.clone());
  }

 private:
  void read(const char* name, const at::Tensor& like, at::Tensor& values) {
    if (archive_.has(path_ + name)) values = archive_.read(path_ + name, like);
  }

  ArrayReader& archive_;
  std::string path_;
  at::Tensor parameter_, all_;
};

}  // namespace

void write_optimizer_file(const std::string& path, const OptimizerSpec& spec, const LbfgsSearch& search,
                          torch::optim::Optimizer& optimizer, const std::vector<at::Tensor>& parameters) {
  LearnedState state;
  state.network = label_of(spec.kind, parameters);
  ArrayWriter archive(state.arrays);
  OptimizerSpec options = spec;
  LbfgsSearch search_options = search;
  visit_options(archive, options, search_options);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto found = optimizer.state().find(compat::state_key(optimizer, parameters[i]));
    archive(path_of(i) + "is_there", found != optimizer.state().end());
    if (found == optimizer.state().end()) continue;
    Writer members(archive, path_of(i));
    with_state_of(spec.kind, [&](auto* type) {
      visit_members(static_cast<std::decay_t<decltype(*type)>&>(*found->second), spec, members);
    });
  }
  write_whole(path, state);
}

OptimizerFile::OptimizerFile(const std::string& path, OptimizerKind kind, const std::vector<at::Tensor>& parameters)
    : checkpoint_(read_checkpoint_file(path)), reader_("here", checkpoint_.state.arrays) {
  const std::string here = label_of(kind, parameters);
  if (checkpoint_.state.network == here) return;
  throw Error(ErrorCode::usage,
              fmt::format("{} is the state of {}, and this optimizer is {}; load it into one of the same kind, with "
                          "parameters of the same shapes in the same order",
                          path, checkpoint_.state.network, here));
}

void OptimizerFile::read_options(OptimizerSpec& spec, LbfgsSearch& search) { visit_options(reader_, spec, search); }

void OptimizerFile::read_state(const OptimizerSpec& spec, torch::optim::Optimizer& optimizer,
                               const std::vector<at::Tensor>& parameters) {
  std::int64_t values = 0;
  for (const at::Tensor& parameter : parameters) values += parameter.numel();
  const at::Tensor all = at::empty({values}, parameters.front().options().requires_grad(false));
  optimizer.state().clear();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    bool is_there = false;
    reader_(path_of(i) + "is_there", is_there);
    if (!is_there) continue;
    Reader members(reader_, path_of(i), parameters[i].detach(), all);
    optimizer.state()[compat::state_key(optimizer, parameters[i])] =
        with_state_of(spec.kind, [&](auto* type) -> std::unique_ptr<torch::optim::OptimizerParamState> {
          auto state = std::make_unique<std::decay_t<decltype(*type)>>();
          visit_members(*state, spec, members);
          return state;
        });
  }
  reader_.finish();
}

}  // namespace ekman
