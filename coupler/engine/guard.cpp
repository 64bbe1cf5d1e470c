// Implements guard.hpp.
#include "coupler/engine/guard.hpp"

#include <cmath>

#include "coupler/base/bytes.hpp"

namespace ekman {

namespace {

constexpr std::size_t k_most_kept = 8;  // of one check
constexpr std::uint32_t k_mark_32 = 0x7fc5e4a1u;
constexpr std::uint64_t k_mark_64 = 0x7ff85e4a15e4a15eu;

}  // namespace

void mark_given_up(std::byte* value, Real wire) {
  wire == Real::float32 ? store(value, k_mark_32) : store(value, k_mark_64);
}

bool is_given_up(const std::byte* value, Real wire) {
  return wire == Real::float32 ? load<std::uint32_t>(value) == k_mark_32 : load<std::uint64_t>(value) == k_mark_64;
}

OutputGuard::OutputGuard(const NetworkSpec& spec, const RowLayout& outputs) : wire_(spec.wire) {
  if (!spec.guard.given) return;
  for (const FieldSlot& slot : outputs.fields) {
    const auto found = spec.guard.fields.find(slot.name);
    const FieldGuard guard = found == spec.guard.fields.end() ? FieldGuard{} : found->second;
    rules_.push_back({guard, spec.guard.nonfinite, slot.offset, slot.levels});
  }
}

template <class T>
void OutputGuard::check_field(int field, std::byte* row, std::int64_t number, GuardFindings& findings) const {
  const Rule& rule = rules_[field];
  std::byte* first = row + rule.offset * static_cast<std::int64_t>(sizeof(T));
  const T least = static_cast<T>(rule.guard.min), greatest = static_cast<T>(rule.guard.max);
  bool gives_up = false;
  for (std::int64_t level = 0; level < rule.levels; ++level) {
    std::byte* place = first + level * static_cast<std::int64_t>(sizeof(T));
    const T value = load<T>(place);
    const bool finite = std::isfinite(value);
    if (finite && value >= least && value <= greatest) continue;
    const OnViolation action = finite ? rule.guard.on_violation : rule.nonfinite;
    const bool is_news = !(action == OnViolation::fallback && gives_up);
    if (is_news && (findings.first.size() < k_most_kept || action == OnViolation::abort)) {
      findings.first.push_back({field, number, static_cast<double>(value), action});
    }
    if (action == OnViolation::abort) return;
    if (action == OnViolation::fallback) gives_up = true;
    if (action == OnViolation::clip) {
      store(place, value < least ? least : greatest);
      ++findings.clipped[field];
    }
  }
  if (!gives_up) return;
  mark_given_up(first, wire_);
  ++findings.given_up[field];
  ++findings.points_given_up;
}

GuardFindings OutputGuard::check(std::byte* rows, std::int64_t row_bytes, std::int64_t count) const {
  GuardFindings findings;
  if (rules_.empty()) return findings;
  findings.clipped.assign(rules_.size(), 0);
  findings.given_up.assign(rules_.size(), 0);
  for (std::int64_t row = 0; row < count; ++row) {
    for (std::size_t field = 0; field < rules_.size(); ++field) {
      const int f = static_cast<int>(field);
      wire_ == Real::float32 ? check_field<float>(f, rows + row * row_bytes, row, findings)
                             : check_field<double>(f, rows + row * row_bytes, row, findings);
    }
  }
  return findings;
}

}  // namespace ekman
