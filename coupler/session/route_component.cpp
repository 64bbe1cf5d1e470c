// The component's half of route set-up; see route_setup.hpp.
#include <algorithm>
#include <numeric>

#include "coupler/session/route_common.hpp"

namespace ekman {

SortedPoints sort_points(const std::vector<std::int64_t>& ids) {
  SortedPoints sorted;
  for (std::size_t slot = 0; slot < ids.size(); ++slot) {
    if (ids[slot] >= 0) sorted.slots.push_back(static_cast<std::int64_t>(slot));
  }
  std::sort(sorted.slots.begin(), sorted.slots.end(),
            [&](std::int64_t a, std::int64_t b) { return ids[a] != ids[b] ? ids[a] < ids[b] : a < b; });
  for (const std::int64_t slot : sorted.slots) sorted.ids.push_back(ids[slot]);
  return sorted;
}

void add_runs(const Piece& piece, int message, const SortedPoints& points, std::int64_t sorted, std::byte* row,
              Direction& direction) {
  if (direction.row_bytes == 0) return;
  for (std::int64_t i = 0; i < piece.count; ++i, row += direction.row_bytes) {
    const std::int64_t slot = points.slots[sorted + i];
    Run* last = i > 0 ? &direction.runs.back() : nullptr;
    if (last != nullptr && last->slot + last->count == slot) {
      ++last->count;
    } else {
      direction.runs.push_back({slot, 1, message, row});
    }
  }
}

void sort_runs(Direction& direction) {
  std::sort(direction.runs.begin(), direction.runs.end(), [](const Run& a, const Run& b) { return a.slot < b.slot; });
}

namespace {

// Sends each directory its ids, receives the pieces they make, in sorted order.
std::vector<Piece> look_up(const Route& route, const NetworkSpec& spec, const SortedPoints& points) {
  std::vector<std::vector<std::int64_t>> parts = split_ids(points.ids, find_splitters(route, spec, points.ids));
  std::vector<MPI_Request> requests;
  for (int r = 0; r < spec.ranks; ++r) {
    parts[r].insert(parts[r].begin(), route.node_id);
    requests.push_back(route.comm.isend(parts[r], r, k_tag_ids));
  }
  wait_all(requests);
  std::vector<Piece> pieces;
  for (int r = 0; r < spec.ranks; ++r) {
    const auto rows = static_cast<std::int64_t>(parts[r].size()) - 1;
    const std::vector<Piece> found = read_pieces(route.comm.receive(r, k_tag_pieces), sizes_of(route, spec), rows);
    pieces.insert(pieces.end(), found.begin(), found.end());
  }
  return pieces;
}

// Where the rows and headers of one owner's messages lie, for one direction.
struct Place {
  bool through_window;
  std::byte* segment;
  std::int64_t first_header;
  std::int64_t buffer_offset;
  std::int64_t second;  // bytes to the second ones, see Message
  int direction;        // its number
};

// Rows of `pieces` in memory of this rank, behind one header; `twice` if they are.
std::vector<Span> allocate_local(Route& route, const Direction& direction, Message& message, bool twice) {
  const std::int64_t bytes = message.rows * direction.row_bytes;
  const std::int64_t both = (bytes + static_cast<std::int64_t>(sizeof(MessageHeader)) + 63) / 64 * 64;
  if (twice) message.second = both;
  route.heap.emplace_back(static_cast<std::size_t>(both + message.second + 64));
  auto address = reinterpret_cast<std::uintptr_t>(route.heap.back().data());
  address = (address + 63) / 64 * 64;
  message.header = reinterpret_cast<MessageHeader*>(address);
  std::byte* rows = reinterpret_cast<std::byte*>(message.header + 1);
  return {{reinterpret_cast<std::byte*>(&message.header->step), k_travelling_header_bytes}, {rows, bytes}};
}

// All messages of one direction with one owner. `sorted[i]` is the first sorted point of piece i.
void add_messages(Route& route, const NetworkSpec& spec, Direction& direction, const Place& place,
                  const std::vector<Piece>& pieces, const std::vector<std::int64_t>& sorted,
                  const SortedPoints& points) {
  const std::int64_t chunk_bytes = spec.rows_per_chunk() * direction.row_bytes;
  const std::vector<Piece> parts = parts_of(pieces, direction.row_bytes, place.through_window);
  std::int64_t number = 0;
  std::size_t whole = 0;  // the piece that a part is of
  for (const PieceGroup& group : group_pieces(parts, direction.row_bytes, message_bytes(place.through_window))) {
    Message message;
    message.peer = pieces[0].owner;
    const int index = static_cast<int>(direction.messages.size());
    message.pieces.assign(parts.begin() + group.first, parts.begin() + group.first + group.count);
    for (const Piece& piece : message.pieces) message.rows += piece.count;
    std::byte* local_rows = nullptr;
    if (place.through_window) {
      message.header = reinterpret_cast<MessageHeader*>(place.segment) + place.first_header + number;
      message.second = place.second;
    } else {
      const std::vector<Span> spans = allocate_local(route, direction, message, direction.to_ml || spec.lag > 0);
      local_rows = spans[1].data;
      add_requests(direction, route.comm, spans, message_tag(place.direction, number), direction.to_ml, message);
    }
    for (const Piece& piece : message.pieces) {
      while (piece.position >= pieces[whole].position + pieces[whole].count) ++whole;
      std::byte* row = local_rows;
      if (place.through_window) {
        row = place.segment + place.buffer_offset + piece.slot * chunk_bytes +
              piece.position % spec.rows_per_chunk() * direction.row_bytes;
      } else {
        local_rows += piece.count * direction.row_bytes;
      }
      add_runs(piece, index, points, sorted[whole] + piece.position - pieces[whole].position, row, direction);
    }
    direction.messages.push_back(std::move(message));
    ++number;
  }
}

}  // namespace

Route make_component_route(Communicator comm, const NetworkSpec& spec, const RouteDefinition& mine) {
  Route route;
  route.comm = std::move(comm);
  route.node = route.comm.split_node();
  route.node_id = route.node.min(route.comm.rank());
  settle_rows(route, spec, mine, false);
  const SortedPoints points = sort_points(mine.ids);
  route.points = route.comm.sum(static_cast<std::int64_t>(points.ids.size()));
  const std::vector<Piece> pieces = look_up(route, spec, points);
  if (spec.transport == Transport::automatic) route.window = SharedWindow(route.node, 0);

  std::int64_t sorted = 0;
  std::vector<std::vector<Piece>> by_owner(spec.ranks);
  std::vector<std::vector<std::int64_t>> sorted_by_owner(spec.ranks);
  for (const Piece& piece : pieces) {
    by_owner[piece.owner].push_back(piece);
    sorted_by_owner[piece.owner].push_back(sorted);
    sorted += piece.count;
  }
  for (int owner = 0; owner < spec.ranks; ++owner) {
    if (by_owner[owner].empty()) continue;
    const SegmentNotice notice = read_notice(route.comm.receive(owner, k_tag_segment), route.node.size());
    const bool window = notice.through_window != 0;
    std::byte* segment = window ? route.window.segment(static_cast<int>(notice.node_rank)) : nullptr;
    for (int d = 0; d < k_directions; ++d) {
      Direction& direction = *route.directions()[d];
      if (!direction.used) continue;
      add_messages(route, spec, direction, {window, segment, notice.header[d], notice.offset[d], notice.second, d},
                   by_owner[owner], sorted_by_owner[owner], points);
    }
  }
  for (Direction* direction : route.directions()) sort_runs(*direction);
  return route;
}

}  // namespace ekman
