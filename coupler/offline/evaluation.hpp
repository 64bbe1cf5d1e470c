// A network that does not learn is run on one part of the recordings, beside the truth.
#pragma once

#include <functional>
#include <vector>

#include "coupler/engine/engine.hpp"
#include "coupler/offline/data_split.hpp"
#include "coupler/offline/metrics.hpp"
#include "coupler/offline/recordings.hpp"

namespace ekman {

// Outputs of the network that have a target with as many levels, and so can be compared.
struct ComparedField {
  FieldSlot output, target;
};
std::vector<ComparedField> compared_fields(const Recordings& recordings, const NetworkSpec& spec);

// Rows of one lesson after the forward; `counts` of its rows are in the part.
struct Evaluated {
  const RecordedLesson& lesson;
  const LessonRows& rows;
  const std::vector<std::byte>& outputs;
  const std::vector<std::uint8_t>& counts;
};

// Runs those lessons with rows in `part` (none: all rows) for which `is_mine` says so of lesson and number, from 0, in
// the order of time. Throws Error(plan) if there is none, of whoever.
void run_part(const Recordings& recordings, const NetworkSpec& spec, SplitPart part,
              const std::function<bool(const RecordedLesson&, std::int64_t)>& is_mine, Engine& engine,
              const std::function<void(const Evaluated&)>& take);

// Adds up errors of rows that count, weighted as in training; one entry for each of `fields`.
void add_errors(const Evaluated& evaluated, const Recordings& recordings, const NetworkSpec& spec,
                const std::vector<ComparedField>& fields, std::vector<FieldErrors>& errors);

}  // namespace ekman
