// Implements optimizer_state.hpp.
#include "adapters/torch/optimizer_state.hpp"

#include <deque>
#include <utility>

#include "adapters/torch/optimizer_members.hpp"

namespace ekman {
namespace {

namespace optim = torch::optim;

std::string path_of(const std::string& member) { return "optimizer/" + member; }

// Members in an archive: numbers, vectors that are cut by parameter, vectors and histories that are whole. `always`
// says whether an optimizer that has stepped has the member for sure.
class MemberWriter {
 public:
  MemberWriter(ArrayWriter& writer, const FlatParameters& flat) : writer_(writer), flat_(flat) {}

  template <class Number>
  void number(const char* name, Number& value) {
    writer_(path_of(name), value);
  }
  void cut(const char* name, const at::Tensor& values, bool /*always*/) {
    if (!values.defined()) return;
    const std::vector<at::Tensor> parts = flat_.cut(values.detach());
    for (std::size_t i = 0; i < parts.size(); ++i) writer_(path_of(name) + "/" + flat_.parameters()[i].name, parts[i]);
  }
  void whole(const char* name, const at::Tensor& values) {
    if (values.defined()) writer_(path_of(name), values.to(flat_.values().scalar_type()));
  }
  void history(const char* name, const std::deque<at::Tensor>& values) {
    if (!values.empty()) writer_(path_of(name), at::stack(std::vector<at::Tensor>(values.begin(), values.end())));
  }

 private:
  ArrayWriter& writer_;
  const FlatParameters& flat_;
};

class MemberReader {
 public:
  MemberReader(ArrayReader& reader, const FlatParameters& flat) : reader_(reader), flat_(flat) {}

  template <class Number>
  void number(const char* name, Number& value) {
    reader_(path_of(name), value);
  }
  void cut(const char* name, at::Tensor& values, bool always) {
    if (!always) return;
    values = at::empty_like(flat_.values().detach());
    const std::vector<at::Tensor> parts = flat_.cut(values);
    for (std::size_t i = 0; i < parts.size(); ++i)
      parts[i].copy_(reader_.read(path_of(name) + "/" + flat_.parameters()[i].name, parts[i]));
  }
  void whole(const char* name, at::Tensor& values) {
    if (!reader_.has(path_of(name))) return;
    const at::Tensor flat = flat_.values().detach();
    values = reader_.read(path_of(name), std::string(name) == "H_diag" ? flat.select(0, 0) : flat);
  }
  void history(const char* name, std::deque<at::Tensor>& values) {
    if (!reader_.has(path_of(name))) return;
    const at::Tensor flat = flat_.values().detach();
    const at::Tensor rows = reader_.read_rows(path_of(name), std::string(name) == "ro" ? flat.select(0, 0) : flat);
    for (const at::Tensor& row : rows.unbind(0)) values.push_back(row.clone());
  }

 private:
  ArrayReader& reader_;
  const FlatParameters& flat_;
};

}  // namespace

void write_optimizer(ArrayWriter& writer, const OptimizerSpec& spec, optim::Optimizer& optimizer,
                     const FlatParameters& flat) {
  const auto found = optimizer.state().find(compat::state_key(optimizer, flat.values()));
  if (found == optimizer.state().end()) return;
  MemberWriter members(writer, flat);
  with_state_of(spec.kind, [&](auto* type) {
    visit_members(static_cast<std::decay_t<decltype(*type)>&>(*found->second), spec, members);
  });
}

std::unique_ptr<optim::OptimizerParamState> read_optimizer(ArrayReader& reader, const OptimizerSpec& spec,
                                                           const FlatParameters& flat, std::int64_t steps) {
  // Adagrad has its sums, and nobody else has anything, before the first step; without momentum sgd never has.
  const bool none = spec.kind == OptimizerKind::sgd && spec.momentum == 0.0;
  if (none || (steps == 0 && spec.kind != OptimizerKind::adagrad)) return nullptr;
  MemberReader members(reader, flat);
  return with_state_of(spec.kind, [&](auto* type) -> std::unique_ptr<optim::OptimizerParamState> {
    auto state = std::make_unique<std::decay_t<decltype(*type)>>();
    visit_members(*state, spec, members);
    return state;
  });
}

void take_optimizer_state(optim::Optimizer& optimizer, const FlatParameters& flat,
                          std::unique_ptr<optim::OptimizerParamState> state) {
  const auto key = compat::state_key(optimizer, flat.values());
  if (state == nullptr) {
    optimizer.state().erase(key);
  } else {
    optimizer.state()[key] = std::move(state);
  }
}

}  // namespace ekman
