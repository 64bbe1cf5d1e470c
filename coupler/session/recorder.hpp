// Keeps exchanges of an ML rank in files: the rows that its network gets and returns, and their truth. Chunks come one
// by one, and targets may come exchanges later: a record is in memory until all of it is there. What goes wrong with
// the files ends the recording, and never the run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "coupler/recording/recording.hpp"
#include "coupler/session/recording_names.hpp"
#include "coupler/session/route_description.hpp"
#include "coupler/session/route_setup.hpp"
#include "coupler/session/state_record.hpp"

namespace ekman {

// What the plan says, and what enddef has found.
struct RecorderSetting {
  const RecordingStore* store = nullptr;
  RecordSpec record;
  RecordingNames names;
  std::vector<std::string> fields;  // recorded_fields_of()
  RouteDescription description;
  int rank = 0;                 // of the network
  std::int64_t next = 0;        // number of the first file
  std::int64_t bytes_used = 0;  // by files of earlier runs
};

class Recorder {
 public:
  // All must outlive it. On ranks that own chunks. `period`: steps between exchanges.
  Recorder(const Route& route, const NetworkSpec& spec, RecorderSetting setting, const StepClock& clock,
           std::int64_t period, StateWriter& state);

  // Then they must be computed, though nobody gets them.
  bool records_outputs() const;

  // Of the exchange at model step `step`; the rows of `slot` are copied.
  void take_results(std::int64_t slot, std::int64_t step, const std::byte* inputs, const std::byte* outputs);
  void take_truth(std::int64_t slot, std::int64_t step, const std::byte* truth);
  // At the end of the run. Records that still wait for targets are dropped.
  void finish();

 private:
  enum class From { inputs, outputs, early_truth, late_truth };
  struct Source {
    From from;
    std::int64_t offset;  // bytes in a row
    std::int64_t row_bytes;
    std::int64_t bytes;  // of a point
  };
  struct Pending {
    std::int64_t step = 0;
    std::int64_t missing = 0;                    // parts of slots
    std::vector<std::vector<std::byte>> values;  // by field: all rows of this rank
  };

  bool is_recorded(std::int64_t exchange) const { return !stopped_ && exchange % setting_.record.every == 0; }
  Pending& pending(std::int64_t exchange);
  void take(From from, std::int64_t slot, const std::byte* rows, Pending& record) const;
  void end_part(std::int64_t exchange);
  void keep(std::int64_t exchange, const Pending& record);
  void write(std::int64_t exchange, const Pending& record);
  void close_file();
  void stop();

  const Route& route_;
  const NetworkSpec& spec_;
  StateWriter& state_;
  RecorderSetting setting_;
  std::int64_t period_;
  RecordingHeader header_;
  std::vector<Source> sources_;  // by field
  std::int64_t parts_ = 1;       // of a slot: its results, and truth of either kind
  bool has_early_ = false, has_late_ = false;
  std::map<std::int64_t, Pending> pending_;  // by exchange
  std::vector<Pending> free_;                // their memory is used again
  std::unique_ptr<RecordingWriter> writer_;
  std::string path_;  // of the file that is open
  std::int64_t records_in_file_ = 0;
  std::int64_t bytes_before_ = 0;  // of the open file, before its last record
  std::int64_t records_ = 0, num_files_ = 0;
  bool stopped_ = false;
};

}  // namespace ekman
