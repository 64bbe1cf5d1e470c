// Implements guard_log.hpp.
#include "coupler/session/guard_log.hpp"

#include <fmt/format.h>

#include "coupler/base/log.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

constexpr std::int64_t k_most_logged = 5;  // of each field on each ML rank

}  // namespace

GuardLog::GuardLog(const NetworkSpec& spec, const RowLayout& outputs, StepClock clock)
    : spec_(spec), outputs_(outputs), guard_(spec, outputs), clock_(std::move(clock)), totals_(outputs.fields.size()) {}

std::int64_t GuardLog::check(std::byte* rows, std::int64_t row_bytes, std::int64_t count, const std::int64_t* ids,
                             std::int64_t step) {
  const GuardFindings found = guard_.check(rows, row_bytes, count);
  for (const Violation& violation : found.first) {
    Totals& totals = totals_[violation.field];
    const bool aborts = violation.action == OnViolation::abort;
    if (!aborts && totals.logged == k_most_logged) continue;
    ++totals.logged;
    const std::string text =
        fmt::format("guard of network \"{}\": field \"{}\" is {} at global id {} in {}", spec_.name,
                    outputs_.fields[violation.field].name, violation.value, ids[violation.row], clock_.name(step));
    if (aborts) {
      throw Error(ErrorCode::network, text + "; the plan says abort, give a fallback or wider bounds to go on");
    }
    log_line("warning: " + text + (violation.action == OnViolation::clip ? "; clipped" : "; given up") +
             (totals.logged == k_most_logged ? "; more of this field are counted only" : ""));
  }
  for (std::size_t field = 0; field < found.clipped.size(); ++field) {
    if (found.clipped[field] + found.given_up[field] == 0) continue;
    Totals& totals = totals_[field];
    if (totals.first_step == 0) totals.first_step = step;
    totals.last_step = step;
    totals.clipped += found.clipped[field];
    totals.given_up += found.given_up[field];
  }
  return found.points_given_up;
}

void GuardLog::summarise() const {
  for (std::size_t field = 0; field < totals_.size(); ++field) {
    const Totals& totals = totals_[field];
    if (totals.clipped + totals.given_up == 0) continue;
    log_line(
        fmt::format("warning: guard of network \"{}\": field \"{}\": {} values clipped, {} points given up, first in "
                    "{}, last in {}; if these are many, compare the inputs with those that it has learned from",
                    spec_.name, outputs_.fields[field].name, totals.clipped, totals.given_up,
                    clock_.name(totals.first_step), clock_.name(totals.last_step)));
  }
}

}  // namespace ekman
