// What a field's puts become between couplings: sum, mean, least or greatest value, kept on the component's rank in the
// kind of its array. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "coupler/exchange/pack.hpp"
#include "coupler/plan/plan.hpp"

namespace ekman {

// One input field of one route. Values are combined slot by slot in the order of the steps, so they do not depend on
// the decomposition.
class Reducer {
 public:
  Reducer(std::string field, Reduction reduction, std::int64_t slots, std::int64_t levels)
      : field_(std::move(field)), reduction_(reduction), slots_(slots), levels_(levels) {}

  // Takes in slots [first, first + count) of this step, which are slots [0, count) of `columns`; with `last` the result
  // is then complete there. Thread-safe for disjoint slots. Throws Error(usage) if the kind changes within a period.
  void add(const ColumnView& columns, std::int64_t first, std::int64_t count, bool last);
  // Slots [first, first + count) of the result, for pack.
  ColumnView result(std::int64_t first, std::int64_t count);
  // The same from slot `first` on, as rows in the field's own kind.
  RowSpan rows(std::int64_t first);
  // For restart sets: what is there between two steps, and the same put back. `steps` > 0; the values are then written
  // to rows(0), all slots that are points.
  std::int64_t steps() const { return steps_; }
  Real kind() const { return kind_ == ElementKind::real32 ? Real::float32 : Real::float64; }
  void restore(Real kind, std::int64_t steps);
  // Ends the step; with `coupled` the next one starts afresh.
  void end_step(bool coupled) { steps_ = coupled ? 0 : steps_ + 1; }

 private:
  void choose_kind(ElementKind kind);

  std::string field_;
  Reduction reduction_;
  std::int64_t slots_;
  std::int64_t levels_;
  std::int64_t steps_ = 0;  // in the values, without the current one
  ElementKind kind_ = ElementKind::real64;
  std::vector<std::byte> values_;  // slot after slot, levels side by side
  std::mutex mutex_;
};

}  // namespace ekman
