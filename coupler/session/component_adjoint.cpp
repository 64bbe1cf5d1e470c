// Implements component_adjoint.hpp.
#include "coupler/session/component_adjoint.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ekman/error.hpp"

namespace ekman {

namespace {

[[noreturn]] void misuse(const std::string& text) { throw Error(ErrorCode::usage, text); }

}  // namespace

ComponentAdjoint::ComponentAdjoint(Route& route, const RowContext& context, std::int64_t slots,
                                   const std::vector<int>& inputs, const std::vector<int>& outputs)
    : spec_(context.spec),
      slots_(slots),
      sender_(route.adjoint_in, context, outputs),
      receiver_(route.adjoint_out, context, inputs, false, Call::get_adjoint),
      put_(outputs.size()) {
  taped_.reserve(static_cast<std::size_t>(spec_.tape));
}

bool ComponentAdjoint::whole() const {
  return std::all_of(put_.begin(), put_.end(), [&](const Coverage& put) { return put.covered() == slots_; });
}

void ComponentAdjoint::put(int field, const ColumnView& columns, std::int64_t first, std::int64_t count, bool retain,
                           const RowMoment& when) {
  if (slots_ == 0) return;
  const std::string& name = sender_.direction().layout.fields[field].name;
  if (passes_ == 0 || whole()) {
    if (taped_.empty()) {
      misuse(
          fmt::format("put_adjoint of \"{}\": no exchange of network \"{}\" is on the tape; an exchange takes one "
                      "adjoint, or more with retain, and `tape` in the plan says how many exchanges are kept",
                      name, spec_.name));
    }
    if (passes_ > 0) {
      sender_.end_exchange(Call::put_adjoint);
      sender_.begin_exchange();
      receiver_.begin_exchange();
    }
    ++passes_;
    moment_ = when;
    moment_.turn.retain = retain ? 1 : 0;
    for (Coverage& coverage : put_) coverage.clear();
  }
  const bool retains = moment_.turn.retain != 0;
  if (retain != retains) {
    misuse(
        fmt::format("put_adjoint of \"{}\" {} retain, the others of this pass {}; give all outputs of one pass the "
                    "same",
                    name, retain ? "with" : "without", retains ? "with" : "without"));
  }
  if (!put_[field].add(first, count)) {
    misuse(
        fmt::format("put_adjoint of \"{}\" came twice for points among {} to {} (counted from 1) before those of "
                    "the other outputs of network \"{}\"; put the adjoint of every output once for every point",
                    name, first + 1, first + count, spec_.name));
  }
  receiver_.start();
  sender_.pack(field, columns, first, count, moment_, Call::put_adjoint);
  sender_.post();
  if (whole() && !retains) taped_.pop_back();
}

void ComponentAdjoint::get(int field, const ColumnView& columns, std::int64_t first, std::int64_t count) {
  if (slots_ == 0) return;
  if (passes_ == 0 || !whole()) {
    misuse(
        fmt::format("get_adjoint of \"{}\" came before the adjoints of all outputs of network \"{}\" were put; put "
                    "those of every output first",
                    receiver_.direction().layout.fields[field].name, spec_.name));
  }
  receiver_.get(field, columns, first, count, true, nullptr);
}

void ComponentAdjoint::require_room(std::int64_t step) const {
  const auto length = static_cast<std::int64_t>(taped_.size());
  if (slots_ == 0 || length < spec_.tape) return;
  misuse(
      fmt::format("the tape of network \"{}\" is full in step {} (tape: {}); put the adjoints of its exchanges first, "
                  "give the plan a "
                  "longer `tape`, or drop it with zero_grad",
                  spec_.name, step, length));
}

void ComponentAdjoint::record(std::int64_t step) {
  require_room(step);
  if (slots_ > 0) taped_.push_back(step);
}

void ComponentAdjoint::clear() { taped_.clear(); }

void ComponentAdjoint::require_whole(const char* call) const {
  if (passes_ == 0 || whole()) return;
  misuse(fmt::format(
      "{}: adjoints of some outputs of network \"{}\" were put, and not of all; put those of every output, or none",
      call, spec_.name));
}

void ComponentAdjoint::finish() {
  if (passes_ > 0) {
    sender_.end_exchange(Call::finalize);
    sender_.begin_exchange();
  }
  receiver_.finish(Call::finalize);
  sender_.finish();
}

}  // namespace ekman
