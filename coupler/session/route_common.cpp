// Implements route_common.hpp.
#include "coupler/session/route_common.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "coupler/base/simulation.hpp"

namespace ekman {

std::int64_t Route::rows_of(const NetworkSpec& spec, std::int64_t slot) const {
  return std::min(spec.rows_per_chunk(), points - chunks[static_cast<std::size_t>(slot)] * spec.rows_per_chunk());
}

void Route::hang_bells(const NetworkSpec& spec, bool shared_cores) {
  if (k_simulated || !shared_cores || spec.is_inline() || spec.transport != Transport::automatic) return;
  bells = Bells(node);
  if (!bells) return;
  bool all_in_window = true;
  std::vector<Message*> messages;
  std::vector<int> peers;
  for (Direction* direction : directions()) {
    for (Message& message : direction->messages) {
      if (message.request >= 0) {
        all_in_window = false;
        continue;
      }
      messages.push_back(&message);
      peers.push_back(message.peer);
    }
  }
  peers = comm.ranks_in(node, peers);
  for (std::size_t i = 0; i < peers.size(); ++i) messages[i]->bell = bells.of(peers[i]);
  if (all_in_window) bell = bells.of(node.rank());
}

std::int64_t Route::points_here(const NetworkSpec& spec) const {
  std::int64_t sum = 0;
  for (std::size_t slot = 0; slot < chunks.size(); ++slot) sum += rows_of(spec, static_cast<std::int64_t>(slot));
  return sum;
}

void Route::copy_results(const NetworkSpec& spec, std::int64_t slot, std::int64_t exchange) {
  if (results.rows == out.buffers) return;
  auto from = results.layout.fields.begin();
  for (const FieldSlot& field : out.layout.fields) {
    while (from->name != field.name) ++from;
    const std::int64_t size = real_size(spec.wire), first = slot * spec.rows_per_chunk();
    const std::byte* row = results.row(first, exchange) + from->offset * size;
    std::byte* to = out.row(first, exchange) + field.offset * size;
    for (std::int64_t i = rows_of(spec, slot); i > 0; --i, row += results.row_bytes, to += out.row_bytes) {
      std::memcpy(to, row, static_cast<std::size_t>(field.levels * size));
    }
  }
}

std::int64_t message_bytes(bool through_window) {
  constexpr std::int64_t k_kibibyte = 1024;
  return through_window ? 256 * k_kibibyte : 60 * k_kibibyte;
}

std::vector<Piece> parts_of(const std::vector<Piece>& pieces, std::int64_t row_bytes, bool through_window) {
  return through_window ? pieces : cut_pieces(pieces, row_bytes, message_bytes(false));
}

SetUpSizes sizes_of(const Route& route, const NetworkSpec& spec) {
  return {route.points, spec.rows_per_chunk(), spec.ranks, route.comm.size() - spec.ranks};
}

namespace {

// The fields of `all` whose flag is not 0, side by side.
RowLayout part_of(const RowLayout& all, const std::vector<std::int64_t>& flags) {
  RowLayout part;
  for (std::size_t i = 0; i < flags.size(); ++i) {
    if (flags[i] != 0) part.fields.push_back({all.fields[i].name, all.fields[i].levels, part.row_len()});
  }
  return part;
}

}  // namespace

void add_requests(Direction& direction, const Communicator& comm, const std::vector<Span>& spans, int tag, bool sends,
                  Message& message) {
  const auto add = [&](const std::vector<Span>& at) {
    return sends ? direction.requests.add_send(comm, at, message.peer, tag)
                 : direction.requests.add_receive(comm, at, message.peer, tag);
  };
  message.request = add(spans);
  if (message.second == 0) return;
  std::vector<Span> second = spans;
  for (Span& span : second) span.data += message.second;
  message.second_request = add(second);
}

void settle_rows(Route& route, const NetworkSpec& spec, const RouteDefinition& mine, bool is_ml) {
  const std::vector<Argument> truth{{truth_fields_of(spec)}};
  const std::vector<std::string> outputs = fields_of(spec.outputs);
  // All component ranks bring the same; the ML ranks learn it. Behind the levels a 1 for each output that goes back.
  std::vector<std::int64_t> levels(all_fields_of(spec).size() + truth.front().fields.size() + outputs.size(),
                                   std::numeric_limits<std::int64_t>::max());
  if (!is_ml) {
    levels = mine.levels;
    levels.insert(levels.end(), mine.gets.begin(), mine.gets.end());
  }
  route.comm.min(levels);
  auto next = levels.begin();
  const auto layout = [&](const std::vector<Argument>& arguments) {
    const auto first = next;
    next += static_cast<std::ptrdiff_t>(fields_of(arguments).size());
    return make_row_layout(arguments, {first, next});
  };
  route.in.layout = layout(spec.inputs);
  route.results.layout = layout(spec.outputs);
  route.results.row_bytes = route.results.layout.row_len() * real_size(spec.wire);
  route.truth.layout = layout(truth);
  route.out.layout = part_of(route.results.layout, {next, levels.end()});
  if (spec.tape > 0) {
    route.adjoint_in.layout = route.results.layout;
    route.adjoint_out.layout = route.in.layout;
  }
  route.out.to_ml = route.adjoint_out.to_ml = false;
  for (Direction* direction : route.directions()) {
    direction->row_bytes = direction->layout.row_len() * real_size(spec.wire);
    direction->used = direction == &route.out || !direction->layout.fields.empty();
  }
}

std::vector<std::int64_t> find_splitters(const Route& route, const NetworkSpec& spec,
                                         const std::vector<std::int64_t>& sorted_ids) {
  return find_splitters(route.comm, route.points, directory_bounds(route.points, spec.rows_per_chunk(), spec.ranks),
                        sorted_ids);
}

std::vector<std::int64_t> find_splitters(const Communicator& comm, std::int64_t points,
                                         const std::vector<std::int64_t>& bounds,
                                         const std::vector<std::int64_t>& sorted_ids) {
  const std::size_t cuts = bounds.size() - 2;
  constexpr std::int64_t k_none = std::numeric_limits<std::int64_t>::max();
  const std::int64_t least = comm.min(sorted_ids.empty() ? k_none : sorted_ids.front());
  const std::int64_t greatest = comm.max(sorted_ids.empty() ? -1 : sorted_ids.back());
  // Splitter r is the least id with at least bounds[r + 1] ids up to it; least - 1 if none belong below.
  std::vector<std::int64_t> low(cuts, least - 1), high(cuts, std::max(greatest, least - 1));
  if (points == 0) return low;
  while (low != high) {
    std::vector<std::int64_t> middle(cuts), counts(cuts);
    for (std::size_t r = 0; r < cuts; ++r) {
      middle[r] = low[r] + (high[r] - low[r]) / 2;
      counts[r] = count_up_to(sorted_ids, middle[r]);
    }
    comm.sum(counts);
    for (std::size_t r = 0; r < cuts; ++r) {
      if (low[r] == high[r]) continue;
      if (counts[r] >= bounds[r + 1]) {
        high[r] = middle[r];
      } else {
        low[r] = middle[r] + 1;
      }
    }
  }
  return low;
}

std::vector<std::vector<std::int64_t>> split_ids(const std::vector<std::int64_t>& sorted_ids,
                                                 const std::vector<std::int64_t>& splitters) {
  std::vector<std::vector<std::int64_t>> parts;
  auto from = sorted_ids.begin();
  for (const std::int64_t splitter : splitters) {
    const auto to = std::upper_bound(from, sorted_ids.end(), splitter);
    parts.emplace_back(from, to);
    from = to;
  }
  parts.emplace_back(from, sorted_ids.end());
  return parts;
}

}  // namespace ekman
