// Implements recording_words.hpp.
#include "coupler/command/recording_words.hpp"

#include <fmt/format.h>

#include "coupler/base/joined.hpp"
#include "coupler/command/plan_words.hpp"

namespace ekman {

static std::string field_words(const RecordedField& field) {
  return field.name + (field.levels > 1 ? fmt::format("({})", field.levels) : "") +
         (field.units.empty() ? "" : " [" + field.units + "]");
}

std::string fields_words(const RecordingHeader& header) {
  std::vector<std::string> fields;
  for (const RecordedField& field : header.fields) fields.push_back(field_words(field));
  return joined(fields, ", ");
}

std::string sample_words(const RecordingHeader& header) {
  return header.sample == Sample::grid ? fmt::format("{} x {} grid", header.grid_ny, header.grid_nx) : "point";
}

std::string record_words(const RecordingReader& reader) {
  const std::vector<Record>& records = reader.records();
  if (records.empty()) return "no records";
  const StepClock& clock = reader.header().clock;
  std::string text = counted(records.size(), "record") + ": " + clock.name(records.front().step);
  if (records.size() > 1) text += " to " + clock.name(records.back().step);
  return text;
}

}  // namespace ekman
