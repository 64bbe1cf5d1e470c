// The ML ranks' half of route set-up; see route_setup.hpp. Each ML rank is first a directory for a range of ids, then
// the owner of chunks.
#include <algorithm>
#include <map>
#include <utility>

#include "coupler/session/route_common.hpp"

namespace ekman {

namespace {

constexpr std::int64_t k_align = 64;
std::int64_t align(std::int64_t bytes) { return (bytes + k_align - 1) / k_align * k_align; }

// What the ids of all sources say, as this rank sees it.
struct Census {
  std::vector<int> node_of_source;
  std::vector<std::vector<std::int64_t>> ids;  // ascending, of each source; this directory's only
  std::vector<std::vector<Piece>> pieces;      // of each source
};

Census take_census(const Route& route, const NetworkSpec& spec) {
  find_splitters(route, spec, {});
  const int sources = route.comm.size() - spec.ranks;
  Census census;
  census.ids.resize(static_cast<std::size_t>(sources));
  for (int s = 0; s < sources; ++s) {
    SourceIds part = read_ids(route.comm.receive(spec.ranks + s, k_tag_ids));
    census.node_of_source.push_back(part.node);
    census.ids[s] = std::move(part.ids);
  }
  const auto bounds = directory_bounds(route.points, spec.rows_per_chunk(), spec.ranks);
  census.pieces = make_directory(census.ids, bounds[route.comm.rank()], spec.rows_per_chunk());
  return census;
}

// Every ML rank computes all owners from the votes of all directories.
std::vector<int> choose_owners(const Route& route, const Communicator& ml, const NetworkSpec& spec,
                               const Census& census) {
  std::map<std::pair<std::int64_t, int>, std::int64_t> rows;
  for (std::size_t s = 0; s < census.pieces.size(); ++s) {
    for (const Piece& piece : census.pieces[s]) {
      rows[{piece.position / spec.rows_per_chunk(), census.node_of_source[s]}] += piece.count;
    }
  }
  std::vector<NodeVote> mine;
  for (const auto& [key, count] : rows) mine.push_back({key.first, key.second, count});
  std::vector<NodeVote> votes;
  for (const std::string& part : ml.all_gather(write_votes(mine))) {
    const std::vector<NodeVote> found = read_votes(part, sizes_of(route, spec));
    votes.insert(votes.end(), found.begin(), found.end());
  }
  std::vector<std::int64_t> nodes(spec.ranks, 0);
  nodes[route.comm.rank()] = route.node_id;
  ml.sum(nodes);
  return assign_owners(chunk_count(route.points, spec.rows_per_chunk()), votes, {nodes.begin(), nodes.end()});
}

// Tells sources and owners what the directory found. Returns, by source, the pieces that this rank owns.
std::vector<std::vector<Piece>> spread_pieces(Route& route, const NetworkSpec& spec, Census& census,
                                              const std::vector<int>& owners) {
  std::vector<std::int64_t> slot_of_chunk(owners.size()), owned(spec.ranks, 0);
  for (std::size_t chunk = 0; chunk < owners.size(); ++chunk) {
    slot_of_chunk[chunk] = owned[owners[chunk]]++;
    if (owners[chunk] == route.comm.rank()) route.chunks.push_back(static_cast<std::int64_t>(chunk));
  }
  const int sources = static_cast<int>(census.pieces.size());
  std::vector<std::vector<std::int64_t>> to_source(sources), to_owner(spec.ranks);
  std::vector<MPI_Request> requests;
  for (int s = 0; s < sources; ++s) {
    auto id = census.ids[s].begin();
    for (Piece piece : census.pieces[s]) {
      const std::int64_t chunk = piece.position / spec.rows_per_chunk();
      piece.owner = owners[chunk];
      piece.slot = slot_of_chunk[chunk];
      write_piece(piece, to_source[s]);
      write_owned({s, piece, {id, id + piece.count}}, to_owner[piece.owner]);
      id += piece.count;
    }
    requests.push_back(route.comm.isend(to_source[s], spec.ranks + s, k_tag_pieces));
  }
  for (int o = 0; o < spec.ranks; ++o) requests.push_back(route.comm.isend(to_owner[o], o, k_tag_owned));
  std::vector<std::vector<Piece>> mine(sources);
  route.ids.resize(route.chunks.size() * static_cast<std::size_t>(spec.rows_per_chunk()), -1);
  for (int r = 0; r < spec.ranks; ++r) {
    const Values found = route.comm.receive(r, k_tag_owned);
    for (const OwnedPiece& owned : read_owned(found, sizes_of(route, spec), route.comm.rank(), route.chunks, true)) {
      const Piece& piece = owned.piece;
      mine[owned.source].push_back(piece);
      const std::int64_t row = piece.slot * spec.rows_per_chunk() + piece.position % spec.rows_per_chunk();
      std::copy(owned.ids.begin(), owned.ids.end(), route.ids.begin() + row);
    }
  }
  wait_all(requests);
  return mine;
}

// Messages of all sources in one direction, without addresses; `first_of_source[s]` is the index of s's first.
std::vector<std::int64_t> group_messages(Direction& direction, const std::vector<std::vector<Piece>>& pieces,
                                         const std::vector<bool>& through_window, int ml_ranks) {
  std::vector<std::int64_t> first_of_source;
  for (std::size_t s = 0; s < pieces.size(); ++s) {
    first_of_source.push_back(static_cast<std::int64_t>(direction.messages.size()));
    if (!direction.used) continue;
    const std::vector<Piece> parts = parts_of(pieces[s], direction.row_bytes, through_window[s]);
    for (const PieceGroup& group : group_pieces(parts, direction.row_bytes, message_bytes(through_window[s]))) {
      Message message;
      message.peer = ml_ranks + static_cast<int>(s);
      message.pieces.assign(parts.begin() + group.first, parts.begin() + group.first + group.count);
      for (const Piece& piece : message.pieces) message.rows += piece.count;
      direction.messages.push_back(std::move(message));
    }
  }
  return first_of_source;
}

// `number` of the direction.
void add_all_requests(Route& route, const NetworkSpec& spec, int number,
                      const std::vector<std::int64_t>& first_of_source, const std::vector<bool>& through_window) {
  Direction& direction = *route.directions()[number];
  const std::int64_t chunk_bytes = spec.rows_per_chunk() * direction.row_bytes;
  for (std::size_t i = 0; i < direction.messages.size(); ++i) {
    Message& message = direction.messages[i];
    const std::size_t source = message.peer - spec.ranks;
    if (through_window[source]) continue;
    std::vector<Span> spans{{reinterpret_cast<std::byte*>(&message.header->step), k_travelling_header_bytes}};
    for (const Piece& piece : message.pieces) {
      if (direction.row_bytes == 0) break;
      const std::int64_t row = piece.position % spec.rows_per_chunk();
      spans.push_back({direction.buffers + piece.slot * chunk_bytes + row * direction.row_bytes,
                       piece.count * direction.row_bytes});
    }
    const int tag = message_tag(number, static_cast<std::int64_t>(i) - first_of_source[source]);
    add_requests(direction, route.comm, spans, tag, !direction.to_ml, message);
  }
}

// All outputs go back, or some stay here.
void place_results(Route& route, std::int64_t rows) {
  route.results.rows = route.out.buffers;
  route.results.second = route.out.second;
  if (route.results.row_bytes == route.out.row_bytes) return;
  const std::int64_t bytes = align(rows * route.results.row_bytes);
  if (route.out.second > 0) route.results.second = bytes;
  route.heap.emplace_back(static_cast<std::size_t>(bytes + route.results.second + k_align));
  route.results.rows = reinterpret_cast<std::byte*>(align(reinterpret_cast<std::int64_t>(route.heap.back().data())));
}

// The segment: headers of all messages, direction after direction, then their chunk buffers; with lag all of it twice.
SegmentNotice allocate_segment(Route& route, const NetworkSpec& spec) {
  const std::int64_t rows = static_cast<std::int64_t>(route.chunks.size()) * spec.rows_per_chunk();
  SegmentNotice notice;
  std::int64_t headers = 0;
  for (int d = 0; d < k_directions; ++d) {
    notice.header[d] = headers;
    headers += static_cast<std::int64_t>(route.directions()[d]->messages.size());
  }
  std::int64_t bytes = align(headers * static_cast<std::int64_t>(sizeof(MessageHeader)));
  for (int d = 0; d < k_directions; ++d) {
    notice.offset[d] = bytes;
    bytes += align(rows * route.directions()[d]->row_bytes);
  }
  if (spec.lag > 0) notice.second = std::exchange(bytes, 2 * bytes);
  std::byte* base = nullptr;
  if (spec.transport == Transport::automatic) {
    route.window = SharedWindow(route.node, bytes);
    base = route.window.segment(route.node.rank());
  } else {
    route.heap.emplace_back(static_cast<std::size_t>(bytes + k_align));
    base = reinterpret_cast<std::byte*>(align(reinterpret_cast<std::int64_t>(route.heap.back().data())));
  }
  auto* header = reinterpret_cast<MessageHeader*>(base);
  for (int d = 0; d < k_directions; ++d) {
    Direction& direction = *route.directions()[d];
    for (Message& message : direction.messages) {
      message.header = header++;
      message.second = notice.second;
    }
    direction.buffers = base + notice.offset[d];
    direction.second = notice.second;
  }
  place_results(route, rows);
  notice.node_rank = route.node.rank();
  return notice;
}

}  // namespace

Route make_ml_route(Communicator comm, const NetworkSpec& spec) {
  Route route;
  route.comm = std::move(comm);
  route.node = route.comm.split_node();
  route.node_id = route.node.min(route.comm.rank());
  settle_rows(route, spec, {}, true);
  route.points = route.comm.sum(std::int64_t{0});
  Census census = take_census(route, spec);
  // The ML ranks among themselves: a group of the route's communicator, without its components.
  const Communicator ml = route.comm.split_group(spec.ranks);
  const std::vector<int> owners = choose_owners(route, ml, spec, census);
  const std::vector<std::vector<Piece>> pieces = spread_pieces(route, spec, census, owners);
  route.owners = owners;
  route.learners = ml.split(route.chunks.empty() ? -1 : 0, ml.rank());
  std::vector<bool> through_window;
  for (const int node : census.node_of_source) {
    through_window.push_back(spec.transport == Transport::automatic && node == route.node_id);
  }
  std::array<std::vector<std::int64_t>, k_directions> first_of_source;
  for (int d = 0; d < k_directions; ++d) {
    first_of_source[d] = group_messages(*route.directions()[d], pieces, through_window, spec.ranks);
  }
  const SegmentNotice segment = allocate_segment(route, spec);

  std::vector<std::vector<std::int64_t>> notices(pieces.size());
  std::vector<MPI_Request> requests;
  for (std::size_t s = 0; s < pieces.size(); ++s) {
    if (pieces[s].empty()) continue;
    SegmentNotice notice = segment;
    notice.through_window = through_window[s] ? 1 : 0;
    for (int d = 0; d < k_directions; ++d) notice.header[d] += first_of_source[d][s];
    notices[s] = to_values(notice);
    requests.push_back(route.comm.isend(notices[s], spec.ranks + static_cast<int>(s), k_tag_segment));
  }
  for (int d = 0; d < k_directions; ++d) add_all_requests(route, spec, d, first_of_source[d], through_window);
  wait_all(requests);
  return route;
}

}  // namespace ekman
