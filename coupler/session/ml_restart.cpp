// Implements ml_restart.hpp.
#include "coupler/session/ml_restart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "coupler/base/log.hpp"
#include "coupler/exchange/wire.hpp"
#include "coupler/session/restart_rows.hpp"
#include "coupler/session/route_common.hpp"
#include "ekman/error.hpp"

namespace ekman {

MlRestart::MlRestart(const Route& route, const NetworkSpec& spec, RestartSetting setting)
    : route_(route), spec_(spec), setting_(std::move(setting)) {
  for (std::size_t m = 0; m < route_.in.messages.size(); ++m) {
    const int rank = route_.in.messages[m].peer;
    if (sources_.empty() || sources_.back().rank != rank) sources_.push_back({rank, {}});
    sources_.back().messages.push_back(static_cast<int>(m));
  }
}

template <class Visit>
void MlRestart::for_pieces(const Source& source, Visit visit) const {
  for (const int m : source.messages) {
    for (const Piece& piece : route_.in.messages[m].pieces) {
      visit(first_row(piece.slot) + piece.position % spec_.rows_per_chunk(), piece.count);
    }
  }
}

RestartHeader MlRestart::describe() const {
  RestartHeader header;
  header.component = spec_.component;
  header.network = spec_.name;
  header.points = route_.points;
  header.period = setting_.period;
  header.time_reduction = spec_.time_reduction;
  header.lag = spec_.lag;
  header.wire = spec_.wire;
  header.inputs = restart_fields(route_.in.layout);
  header.outputs = restart_fields(route_.results.layout);
  header.truth = restart_fields(route_.truth.layout);
  header.weights = spec_.training.weights;
  header.learning.given = spec_.training.given;
  return header;
}

std::int64_t MlRestart::rows_of(std::int64_t chunk) const {
  return std::min(spec_.rows_per_chunk(), route_.points - chunk * spec_.rows_per_chunk());
}

std::vector<int> MlRestart::other_owners() const {
  std::set<int> owners(route_.owners.begin(), route_.owners.end());
  owners.erase(writer());
  return {owners.begin(), owners.end()};
}

bool MlRestart::poll() {
  const int source = route_.comm.find_message(k_tag_restart);
  if (source < 0) return false;
  const RestartRequest request = read_request(route_.comm.receive(source, k_tag_restart));
  if (!request.publish) {
    requests_[source] = request;
    return true;
  }
  setting_.store->publish(request.label, spec_.component, setting_.networks);
  log_line(fmt::format("restart set \"{}\" of component \"{}\" is written", request.label, spec_.component));
  route_.comm.send({0}, source, k_tag_written);
  return false;
}

// All ranks of the component must have asked for the same; the writer compares the other owners' too.
void MlRestart::settle_request() const {
  const auto require_same = [&](const RestartRequest& other, int rank) {
    if (other == request()) return;
    throw Error(
        ErrorCode::usage,
        fmt::format("ranks of component \"{}\" do not agree on a restart set in network \"{}\": rank {} asks for "
                    "\"{}\" before {}, {} for \"{}\" before {}, or their inputs are not of the same kind, or not all "
                    "called zero_grad; every "
                    "rank must call write_restart with the same label between the same steps",
                    spec_.component, spec_.name, asker(), request().label, setting_.clock.name(request().step),
                    rank < 0 ? "another" : fmt::format("rank {}", rank), other.label, setting_.clock.name(other.step)));
  };
  for (const auto& [source, other] : requests_) require_same(other, source - spec_.ranks);
  if (!writes()) return route_.comm.send(to_words(request()), writer(), k_tag_rows);
  for (const int owner : other_owners()) require_same(read_request(route_.comm.receive(owner, k_tag_rows)), -1);
}

void MlRestart::write(const LearningRestart* learning) {
  settle_request();
  RestartHeader header = describe();
  header.learning = learning == nullptr ? RestartLearning{} : learning->describe();
  header.step = request().step;
  header.kinds = request().kinds;
  if (header.kinds.size() != reduction_arrays(header).size()) {
    throw_unreadable("a request for a restart set has other reductions than its step");
  }
  std::unique_ptr<RestartWriter> file;
  if (writes()) file = setting_.store->create(request().label, header);
  gather(ids_array(), file.get(), [&](std::int64_t slot, std::int64_t row, std::int64_t count, std::byte* to) {
    std::memcpy(to, route_.ids.data() + first_row(slot) + row, static_cast<std::size_t>(count) * sizeof(std::int64_t));
  });
  const std::int64_t kept = header.exchanges_kept(), first = request().exchanges - kept;
  for (std::int64_t i = 0; i < kept; ++i) {
    std::int64_t field = 0;
    for (const RestartArray& array : output_arrays(header, i)) gather_output(array, field++, first + i, file.get());
  }
  for (const RestartArray& array : reduction_arrays(header)) gather_reduction(array, file.get());
  if (learning != nullptr) learning->write(file.get(), request().exchanges);
  if (writes()) {
    file->finish();
    for (const int owner : other_owners()) route_.comm.send({0}, owner, k_tag_rows);
  } else {
    route_.comm.receive(writer(), k_tag_rows);
  }
  requests_.clear();
  for (const Source& source : sources_) route_.comm.send({0}, source.rank, k_tag_written);
}

// Chunk after chunk, so that the writer holds one part at a time. `fill` gives rows of an owned slot.
void MlRestart::gather(const RestartArray& array, RestartWriter* file, const FillRows& fill) const {
  const std::int64_t part = rows_of_part(array);
  std::vector<std::byte> rows;
  std::int64_t slot = 0;
  for (std::size_t chunk = 0; chunk < route_.owners.size(); ++chunk) {
    const int owner = route_.owners[chunk];
    const bool mine = owner == route_.comm.rank();
    if (!mine && file == nullptr) continue;
    const auto number = static_cast<std::int64_t>(chunk);
    for (std::int64_t row = 0; row < rows_of(number); row += part) {
      const std::int64_t count = std::min(part, rows_of(number) - row), bytes = count * array.row_bytes();
      rows.resize(static_cast<std::size_t>(bytes));
      if (mine) {
        fill(slot, row, count, rows.data());
      } else {
        route_.comm.receive_bytes(rows.data(), bytes, owner, k_tag_rows);
      }
      if (file == nullptr) {
        route_.comm.send_bytes(rows.data(), bytes, writer(), k_tag_rows);
      } else {
        file->write(array, number * spec_.rows_per_chunk() + row, count, rows.data());
      }
    }
    if (mine) ++slot;
  }
}

void MlRestart::gather_output(const RestartArray& array, std::int64_t field, std::int64_t exchange,
                              RestartWriter* file) const {
  const std::int64_t offset = route_.results.layout.fields[field].offset * real_size(spec_.wire);
  gather(array, file, [&](std::int64_t slot, std::int64_t row, std::int64_t count, std::byte* to) {
    const std::byte* from = route_.results.row(first_row(slot) + row, exchange) + offset;
    for (std::int64_t i = 0; i < count; ++i, from += route_.results.row_bytes, to += array.row_bytes()) {
      std::memcpy(to, from, static_cast<std::size_t>(array.row_bytes()));
    }
  });
}

void MlRestart::gather_reduction(const RestartArray& array, RestartWriter* file) const {
  const std::int64_t size = array.row_bytes() / array.levels;
  std::vector<std::byte> values(
      static_cast<std::size_t>(first_row(static_cast<std::int64_t>(route_.chunks.size())) * array.row_bytes()));
  for (const Source& source : sources_) {
    const std::vector<std::int64_t> words = route_.comm.receive(source.rank, k_tag_reduction);
    auto word = words.begin();
    for_pieces(source, [&](std::int64_t row, std::int64_t count) {
      if (words.end() - word < count * array.levels) throw_unreadable("a partial reduction is cut off");
      std::byte* to = values.data() + row * array.row_bytes();
      for (std::int64_t i = 0; i < count * array.levels; ++i, to += size) {
        std::memcpy(to, &*word++, static_cast<std::size_t>(size));
      }
    });
  }
  gather(array, file, [&](std::int64_t slot, std::int64_t row, std::int64_t count, std::byte* to) {
    std::memcpy(to, values.data() + (first_row(slot) + row) * array.row_bytes(),
                static_cast<std::size_t>(count * array.row_bytes()));
  });
}

bool MlRestart::open(const std::string& label) {
  if (route_.points == 0) return false;
  reader_ = setting_.store->open({label, spec_.component, spec_.name});
  require_fit(set(), describe(), label, path());
  check_beginning_of_learning();
  check_ids();
  return true;
}

// Targets of the exchange to come would be those of fewer steps than its inputs.
void MlRestart::check_beginning_of_learning() const {
  if (set().learning.given || set().steps_reduced() == 0 || route_.truth.layout.fields.empty()) return;
  throw Error(
      ErrorCode::plan,
      fmt::format("restart set {} was written without `training`, {} step{} after those of an exchange: it has the "
                  "inputs that were reduced since, but no targets; begin to train from a set that was written "
                  "right after a step with an exchange, or leave `training` out",
                  path(), set().steps_reduced(), set().steps_reduced() == 1 ? "" : "s"));
}

void MlRestart::check_ids() {
  for (std::size_t slot = 0; slot < route_.chunks.size(); ++slot) {
    const std::int64_t chunk = route_.chunks[slot], rows = rows_of(chunk);
    std::vector<std::int64_t> ids(static_cast<std::size_t>(rows));
    reader_->read(ids_array(), chunk * spec_.rows_per_chunk(), rows, reinterpret_cast<std::byte*>(ids.data()));
    const auto mine = route_.ids.begin() + first_row(static_cast<std::int64_t>(slot));
    const auto differs = std::mismatch(ids.begin(), ids.end(), mine);
    if (differs.first == ids.end()) continue;
    throw Error(ErrorCode::plan, fmt::format("restart set {} has the global id {} where component \"{}\" "
                                             "has {}, counted from the least; resume with the points that "
                                             "it was written with",
                                             path(), *differs.first, spec_.component, *differs.second));
  }
}

void MlRestart::restore() {
  for (std::int64_t i = 0; i < set().exchanges_kept(); ++i) {
    std::int64_t field = 0;
    for (const RestartArray& array : output_arrays(set(), i)) read_output(array, field++, i);
  }
  RestartRequest told;
  told.step = set().step;
  told.kinds = set().kinds;
  for (const Source& source : sources_) route_.comm.send(to_words(told), source.rank, k_tag_restart);
  for (const RestartArray& array : reduction_arrays(set())) send_reduction(array);
}

void MlRestart::read_output(const RestartArray& array, std::int64_t field, std::int64_t exchange) {
  const std::int64_t offset = route_.results.layout.fields[field].offset * real_size(spec_.wire);
  const std::int64_t part = rows_of_part(array);
  std::vector<std::byte> rows;
  for (std::size_t slot = 0; slot < route_.chunks.size(); ++slot) {
    const std::int64_t chunk = route_.chunks[slot];
    for (std::int64_t row = 0; row < rows_of(chunk); row += part) {
      const std::int64_t count = std::min(part, rows_of(chunk) - row);
      rows.resize(static_cast<std::size_t>(count * array.row_bytes()));
      reader_->read(array, chunk * spec_.rows_per_chunk() + row, count, rows.data());
      std::byte* to = route_.results.row(first_row(static_cast<std::int64_t>(slot)) + row, exchange) + offset;
      for (std::int64_t i = 0; i < count; ++i, to += route_.results.row_bytes) {
        std::memcpy(to, rows.data() + i * array.row_bytes(), static_cast<std::size_t>(array.row_bytes()));
      }
    }
  }
}

void MlRestart::send_reduction(const RestartArray& array) {
  const std::int64_t size = array.row_bytes() / array.levels;
  std::vector<std::byte> values(
      static_cast<std::size_t>(first_row(static_cast<std::int64_t>(route_.chunks.size())) * array.row_bytes()));
  for (std::size_t slot = 0; slot < route_.chunks.size(); ++slot) {
    const std::int64_t chunk = route_.chunks[slot];
    reader_->read(array, chunk * spec_.rows_per_chunk(), rows_of(chunk),
                  values.data() + first_row(static_cast<std::int64_t>(slot)) * array.row_bytes());
  }
  std::vector<std::vector<std::int64_t>> words(sources_.size());
  std::vector<MPI_Request> requests;
  for (std::size_t s = 0; s < sources_.size(); ++s) {
    for_pieces(sources_[s], [&](std::int64_t row, std::int64_t count) {
      const std::byte* from = values.data() + row * array.row_bytes();
      for (std::int64_t i = 0; i < count * array.levels; ++i, from += size) {
        std::int64_t word = 0;
        std::memcpy(&word, from, static_cast<std::size_t>(size));
        words[s].push_back(word);
      }
    });
    requests.push_back(route_.comm.isend(words[s], sources_[s].rank, k_tag_reduction));
  }
  wait_all(requests);
}

}  // namespace ekman
