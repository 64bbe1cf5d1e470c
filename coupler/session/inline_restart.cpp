// Implements inline_restart.hpp.
#include "coupler/session/inline_restart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "coupler/restart/restart_moment.hpp"
#include "coupler/session/agree.hpp"
#include "coupler/session/restart_rows.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

// What `work` throws, as a sentence: the other ranks must be told before anybody throws.
template <class Work>
std::string problem_of(Work work) {
  try {
    work();
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

RestartHeader inline_header(const Plan& plan, const NetworkSpec& spec, const RowLayout& in, const RowLayout& out,
                            std::int64_t points) {
  RestartHeader header;
  header.component = spec.component;
  header.network = spec.name;
  header.points = points;
  header.period = steps_between_exchanges(plan, spec);
  header.time_reduction = spec.time_reduction;
  header.wire = spec.wire;
  header.inputs = restart_fields(in);
  header.outputs = restart_fields(out);
  return header;
}

std::string compare_restart_steps(const Job& job, const std::vector<std::pair<int, std::int64_t>>& told) {
  constexpr std::int64_t k_none = std::numeric_limits<std::int64_t>::max();
  std::vector<std::int64_t> found(job.plan.networks.size(), k_none);
  for (const auto& [network, step] : told) found[static_cast<std::size_t>(network)] = step;
  job.all.min(found);
  NetworkSteps steps;
  for (std::size_t n = 0; n < found.size(); ++n) {
    const NetworkSpec& spec = job.plan.networks[n];
    if (found[n] != k_none) steps[spec.component].push_back({spec.name, found[n]});
  }
  return restart_discord(job.plan, steps);
}

InlineRestart::InlineRestart(const Plan& plan, const NetworkSpec& spec, Route& route, std::int64_t tile,
                             InlineNetwork* network, const Reducers& reducers, bool shared_cores)
    : plan_(plan),
      spec_(spec),
      route_(route),
      tile_(tile),
      network_(network),
      reducers_(reducers),
      shared_cores_(shared_cores) {
  first_ = static_cast<int>(route_.comm.min(has_first_point(route_) ? route_.comm.rank() : route_.comm.size()));
  if (!route_.in.messages.empty()) pieces_ = route_.in.messages.front().pieces;
  header_.step = 0;
}

// Calls visit(first position, number) for parts of an array.
template <class Visit>
void InlineRestart::for_parts(const RestartArray& array, Visit visit) const {
  const std::int64_t part = rows_of_part(array);
  for (std::int64_t first = 0; first < route_.points; first += part)
    visit(first, std::min(part, route_.points - first));
}

// Calls visit(position, number, row of the tiles here) for this rank's rows of a part.
template <class Visit>
void InlineRestart::for_rows(std::int64_t first, std::int64_t count, Visit visit) const {
  auto piece = std::upper_bound(pieces_.begin(), pieces_.end(), first,
                                [](std::int64_t position, const Piece& p) { return position < p.position + p.count; });
  for (; piece != pieces_.end() && piece->position < first + count; ++piece) {
    const std::int64_t from = std::max(first, piece->position);
    const std::int64_t to = std::min(first + count, piece->position + piece->count);
    visit(from, to - from, piece->slot * tile_ + from % tile_);
  }
}

// Where the values of an array lie for each row of the tiles here; null for rows of other ranks.
std::vector<std::byte*> InlineRestart::places_of(int number) const {
  std::vector<std::byte*> places(route_.ids.size(), nullptr);
  const auto outputs = static_cast<int>(output_arrays(header_).size());
  if (number == 0) {
    for (std::size_t row = 0; row < places.size(); ++row) places[row] = reinterpret_cast<std::byte*>(&route_.ids[row]);
  } else if (number <= outputs) {
    const std::int64_t offset = route_.out.layout.fields[number - 1].offset * real_size(spec_.wire);
    for (std::size_t row = 0; row < places.size(); ++row)
      places[row] = route_.out.buffers + static_cast<std::int64_t>(row) * route_.out.row_bytes + offset;
  } else {
    Reducer& reducer = *reducers_[static_cast<std::size_t>(number - 1 - outputs)];
    for (const Run& run : route_.in.runs) {
      const std::int64_t row = (run.row - route_.in.buffers) / route_.in.row_bytes;
      for (std::int64_t i = 0; i < run.count; ++i) places[row + i] = reducer.rows(run.slot + i).first;
    }
  }
  return places;
}

// All ranks must have asked for the same, which is returned. A rank without points knows no kinds of arrays.
RestartRequest InlineRestart::settle_request(const RestartRequest& request) const {
  std::vector<std::int64_t> words = to_words(request);
  std::string theirs(reinterpret_cast<const char*>(words.data()), words.size() * sizeof words[0]);
  route_.comm.broadcast(theirs, first_);
  words.resize(theirs.size() / sizeof words[0]);
  std::memcpy(words.data(), theirs.data(), theirs.size());
  const RestartRequest other = read_request(words);
  RestartRequest mine = request;
  if (pieces_.empty()) mine.kinds = other.kinds;
  const StepClock clock = step_clock(plan_, spec_.component);
  agree(route_.comm, ErrorCode::usage,
        mine == other
            ? ""
            : fmt::format("ranks of component \"{}\" do not agree on a restart set in network \"{}\": rank {} asks for "
                          "\"{}\" before {}, rank {} for \"{}\" before {}, or their inputs are not of the same kind; "
                          "every rank must call write_restart with the same label between the same steps",
                          spec_.component, spec_.name, route_.comm.rank(), mine.label, clock.name(mine.step), first_,
                          other.label, clock.name(other.step)));
  return other;
}

void InlineRestart::write(const RestartRequest& request) {
  if (first_ == route_.comm.size()) return;
  const RestartRequest agreed = settle_request(request);
  header_ = inline_header(plan_, spec_, route_.in.layout, route_.out.layout, route_.points);
  header_.step = agreed.step;
  header_.kinds = agreed.kinds;
  arrays_ = all_arrays(header_);
  std::string problem;
  if (is_first()) {
    problem = problem_of([&] { network_->begin_set(agreed.label, agreed.step, route_.points, agreed.kinds); });
  }
  agree(route_.comm, ErrorCode::internal, problem);
  for (std::size_t array = 0; array < arrays_.size(); ++array) {
    const std::string found = gather(static_cast<int>(array));
    if (problem.empty()) problem = found;
  }
  if (is_first() && problem.empty()) problem = problem_of([&] { network_->end_set(); });
  agree(route_.comm, ErrorCode::internal, problem);
}

// Each part as position, number and rows, again and again, to the rank that writes.
std::string InlineRestart::gather(int number) const {
  const RestartArray& array = arrays_[static_cast<std::size_t>(number)];
  const std::int64_t row_bytes = array.row_bytes();
  const std::vector<std::byte*> places = places_of(number);
  std::string problem;
  for_parts(array, [&](std::int64_t first, std::int64_t count) {
    std::string mine;
    const auto add = [&](const void* bytes, std::int64_t size) {
      mine.append(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
    };
    for_rows(first, count, [&](std::int64_t position, std::int64_t rows, std::int64_t row) {
      add(&position, sizeof position);
      add(&rows, sizeof rows);
      for (std::int64_t i = 0; i < rows; ++i) add(places[row + i], row_bytes);
    });
    const std::vector<std::string> parts = route_.comm.gather(mine, first_, shared_cores_);
    if (!is_first() || !problem.empty()) return;
    std::vector<std::byte> values(static_cast<std::size_t>(count * row_bytes));
    for (const std::string& part : parts) {
      for (std::size_t at = 0; at < part.size();) {
        std::int64_t head[2];
        std::memcpy(head, part.data() + at, sizeof head);
        const auto bytes = static_cast<std::size_t>(head[1] * row_bytes);
        std::memcpy(values.data() + (head[0] - first) * row_bytes, part.data() + at + sizeof head, bytes);
        at += sizeof head + bytes;
      }
    }
    problem = problem_of([&] { network_->write_rows(number, first, count, values.data()); });
  });
  return problem;
}

// The other way round: the rank with the first point reads, and all take their rows out of each part.
std::string InlineRestart::spread(int number, const TakeRows& take) const {
  const RestartArray& array = arrays_[static_cast<std::size_t>(number)];
  std::string problem;
  for_parts(array, [&](std::int64_t first, std::int64_t count) {
    std::vector<std::byte> values(static_cast<std::size_t>(count * array.row_bytes()));
    if (is_first() && problem.empty())
      problem = problem_of([&] { network_->read_rows(number, first, count, values.data()); });
    route_.comm.broadcast_bytes(values.data(), static_cast<std::int64_t>(values.size()), first_, shared_cores_);
    for_rows(first, count, [&](std::int64_t position, std::int64_t rows, std::int64_t row) {
      take(row, rows, values.data() + (position - first) * array.row_bytes());
    });
  });
  return problem;
}

std::string InlineRestart::open() {
  if (first_ == route_.comm.size()) return "";
  InlineNetwork::Found found;
  std::string problem;
  if (is_first()) problem = problem_of([&] { found = network_->open_set(route_.points); });
  std::vector<std::int64_t> words{problem.empty() ? found.step : 0};
  for (const Real kind : found.kinds) words.push_back(real_size(kind));
  std::string bytes(reinterpret_cast<const char*>(words.data()), words.size() * sizeof words[0]);
  route_.comm.broadcast(bytes, first_);
  words.resize(bytes.size() / sizeof words[0]);
  std::memcpy(words.data(), bytes.data(), bytes.size());
  if (words[0] == 0) return problem.empty() ? "" : fmt::format("network \"{}\": {}", spec_.name, problem);
  header_ = inline_header(plan_, spec_, route_.in.layout, route_.out.layout, route_.points);
  header_.step = words[0];
  for (std::size_t i = 1; i < words.size(); ++i) header_.kinds.push_back(words[i] == 4 ? Real::float32 : Real::float64);
  arrays_ = all_arrays(header_);
  path_ = found.path;
  std::string ids_problem;
  problem = spread(0, [&](std::int64_t row, std::int64_t count, std::byte* rows) {
    for (std::int64_t i = 0; i < count && ids_problem.empty(); ++i) {
      std::int64_t id = 0;
      std::memcpy(&id, rows + i * static_cast<std::int64_t>(sizeof id), sizeof id);
      const std::int64_t mine = route_.ids[static_cast<std::size_t>(row + i)];
      if (id == mine) continue;
      ids_problem = fmt::format(
          "restart set \"{}\" has the global id {} where component \"{}\" has {}, counted from "
          "the least; resume with the points that it was written with",
          plan_.resume, id, spec_.component, mine);
    }
  });
  if (problem.empty()) problem = ids_problem;
  return problem.empty() ? "" : fmt::format("network \"{}\": {}", spec_.name, problem);
}

bool InlineRestart::restore() {
  if (header_.step == 0) return false;
  const auto outputs = output_arrays(header_).size();
  std::size_t next = 0;
  for (const auto& reducer : reducers_) {
    if (reducer != nullptr && next < header_.kinds.size())
      reducer->restore(header_.kinds[next++], header_.steps_reduced());
  }
  std::string problem;
  for (std::size_t array = 1; array < arrays_.size(); ++array) {
    const std::vector<std::byte*> places = places_of(static_cast<int>(array));
    const std::int64_t bytes = arrays_[array].row_bytes();
    const std::string found =
        spread(static_cast<int>(array), [&](std::int64_t row, std::int64_t count, std::byte* rows) {
          for (std::int64_t i = 0; i < count; ++i)
            std::memcpy(places[row + i], rows + i * bytes, static_cast<std::size_t>(bytes));
        });
    if (problem.empty()) problem = found;
  }
  agree(route_.comm, ErrorCode::internal, problem);
  return outputs > 0;
}

}  // namespace ekman
