// Implements recorder.hpp.
#include "coupler/session/recorder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "coupler/base/log.hpp"
#include "coupler/engine/row_values.hpp"

namespace ekman {

Recorder::Recorder(const Route& route, const NetworkSpec& spec, RecorderSetting setting, const StepClock& clock,
                   std::int64_t period, StateWriter& state)
    : route_(route), spec_(spec), state_(state), setting_(std::move(setting)), period_(period) {
  header_.component = spec.component;
  header_.network = spec.name;
  header_.clock = clock;
  header_.sample = spec.sample;
  header_.grid_ny = spec.grid_ny;
  header_.grid_nx = spec.grid_nx;
  header_.chunk = spec.chunk;
  header_.wire = spec.wire;
  header_.chunks = route.chunks;
  for (std::size_t slot = 0; slot < route.chunks.size(); ++slot) {
    const auto first = route.ids.begin() + static_cast<std::ptrdiff_t>(slot) * spec.rows_per_chunk();
    header_.ids.insert(header_.ids.end(), first, first + route.rows_of(spec, static_cast<std::int64_t>(slot)));
  }
  header_.longitude = std::move(setting_.description.longitude);
  header_.latitude = std::move(setting_.description.latitude);
  const std::vector<std::string> late = late_fields_of(spec);
  for (std::size_t i = 0; i < setting_.fields.size(); ++i) {
    const std::string& field = setting_.fields[i];
    const bool is_late = std::find(late.begin(), late.end(), field) != late.end();
    const FieldSlot *in = find_slot(route.in.layout, field), *out = find_slot(route.results.layout, field);
    const FieldSlot* found = in != nullptr ? in : out != nullptr ? out : find_slot(route.truth.layout, field);
    const From from = in != nullptr    ? From::inputs
                      : out != nullptr ? From::outputs
                      : is_late        ? From::late_truth
                                       : From::early_truth;
    const std::int64_t row_bytes = in != nullptr    ? route.in.row_bytes
                                   : out != nullptr ? route.results.row_bytes
                                                    : route.truth.row_bytes;
    const std::int64_t size = real_size(spec.wire);
    sources_.push_back({from, found->offset * size, row_bytes, found->levels * size});
    header_.fields.push_back({field, found->levels, setting_.description.units[i]});
    has_early_ = has_early_ || from == From::early_truth;
    has_late_ = has_late_ || from == From::late_truth;
  }
  parts_ = 1 + (has_early_ ? 1 : 0) + (has_late_ ? 1 : 0);
}

bool Recorder::records_outputs() const {
  return std::any_of(sources_.begin(), sources_.end(),
                     [](const Source& source) { return source.from == From::outputs; });
}

void Recorder::take_results(std::int64_t slot, std::int64_t step, const std::byte* inputs, const std::byte* outputs) {
  const std::int64_t exchange = (step - 1) / period_;
  if (!is_recorded(exchange)) return;
  const CallScope call(state_, Call::record);
  Pending& record = pending(exchange);
  record.step = step;
  take(From::inputs, slot, inputs, record);
  take(From::outputs, slot, outputs, record);
  end_part(exchange);
}

void Recorder::take_truth(std::int64_t slot, std::int64_t step, const std::byte* truth) {
  const std::int64_t exchange = (step - 1) / period_, delay = spec_.training.delay;
  if (has_early_ && is_recorded(exchange)) {
    take(From::early_truth, slot, truth, pending(exchange));
    end_part(exchange);
  }
  // Inputs that came before this run have no record.
  const std::int64_t before = exchange - delay;
  if (!has_late_ || before < 0 || !is_recorded(before) || (delay > 0 && pending_.count(before) == 0)) return;
  take(From::late_truth, slot, truth, pending(before));
  end_part(before);
}

Recorder::Pending& Recorder::pending(std::int64_t exchange) {
  const auto found = pending_.find(exchange);
  if (found != pending_.end()) return found->second;
  Pending record;
  if (!free_.empty()) {
    record = std::move(free_.back());
    free_.pop_back();
  } else {
    for (const Source& source : sources_)
      record.values.emplace_back(header_.ids.size() * static_cast<std::size_t>(source.bytes));
  }
  record.missing = parts_ * static_cast<std::int64_t>(route_.chunks.size());
  return pending_.emplace(exchange, std::move(record)).first->second;
}

void Recorder::take(From from, std::int64_t slot, const std::byte* rows, Pending& record) const {
  for (std::size_t field = 0; field < sources_.size(); ++field) {
    const Source& source = sources_[field];
    if (source.from != from) continue;
    std::byte* to = record.values[field].data() + header_.first_row(slot) * source.bytes;
    const std::byte* row = rows + source.offset;
    for (std::int64_t i = route_.rows_of(spec_, slot); i > 0; --i, row += source.row_bytes, to += source.bytes)
      std::memcpy(to, row, static_cast<std::size_t>(source.bytes));
  }
}

// The parts of each slot come in the order of exchanges, and so records become whole.
void Recorder::end_part(std::int64_t exchange) {
  const auto found = pending_.find(exchange);
  if (--found->second.missing > 0) return;
  keep(exchange, found->second);
  free_.push_back(std::move(found->second));
  pending_.erase(found);
}

void Recorder::keep(std::int64_t exchange, const Pending& record) {
  try {
    write(exchange, record);
  } catch (const std::exception& error) {
    log_line(
        fmt::format("warning: network \"{}\", ML rank {} of it: recording stops after {} records, the run goes on: "
                    "{}",
                    spec_.name, setting_.rank, records_, error.what()));
    stop();
  }
}

void Recorder::write(std::int64_t exchange, const Pending& record) {
  if (writer_ == nullptr) {
    path_ = setting_.names.path(setting_.rank, setting_.next);
    writer_ = setting_.store->create(path_, header_);
    ++setting_.next;
    ++num_files_;
    records_in_file_ = 0;
    bytes_before_ = 0;
  }
  for (std::size_t field = 0; field < sources_.size(); ++field) {
    for (std::size_t slot = 0; slot < route_.chunks.size(); ++slot) {
      const std::int64_t first = header_.first_row(static_cast<std::int64_t>(slot)) * sources_[field].bytes;
      writer_->write(static_cast<std::int64_t>(field), static_cast<std::int64_t>(slot),
                     record.values[field].data() + first);
    }
  }
  writer_->end_record({record.step, exchange});
  ++records_;
  ++records_in_file_;
  const std::int64_t bytes = writer_->bytes(), grown = bytes - std::exchange(bytes_before_, bytes);
  const RecordSpec& limits = setting_.record;
  if (limits.max_bytes > 0 && setting_.bytes_used + bytes + grown > limits.max_bytes) {
    close_file();
    log_line(
        fmt::format("network \"{}\", ML rank {} of it: recording stops after {} records, in {} of max_bytes: {}; "
                    "the run goes on, give a greater max_bytes for more",
                    spec_.name, setting_.rank, records_, setting_.bytes_used, limits.max_bytes));
    stop();
  } else if (records_in_file_ == limits.records_per_file) {
    close_file();
  }
}

void Recorder::close_file() {
  writer_->finish();
  setting_.bytes_used += bytes_before_;
  writer_.reset();
}

void Recorder::stop() {
  stopped_ = true;
  writer_.reset();
}

void Recorder::finish() {
  const CallScope call(state_, Call::record);
  try {
    if (writer_ != nullptr) close_file();
  } catch (const std::exception& error) {
    log_line(fmt::format("warning: network \"{}\", ML rank {} of it: the last recording is not finished: {}",
                         spec_.name, setting_.rank, error.what()));
    stop();
  }
  if (route_.learners && route_.learners.rank() == 0 && records_ > 0)
    log_line(fmt::format("network \"{}\": recorded {} exchange{} in {} file{} of each ML rank, the last is {}",
                         spec_.name, records_, records_ == 1 ? "" : "s", num_files_, num_files_ == 1 ? "" : "s",
                         path_));
}

}  // namespace ekman
