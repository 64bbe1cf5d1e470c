// The route of a network that runs inline: no message goes anywhere, so a rank has one in each direction, whose rows
// lie at their places in tiles of its own. See route_setup.hpp.
#include <algorithm>

#include "coupler/session/route_common.hpp"

namespace ekman {

namespace {

// Ranks of the component that look ids up: enough to share the work, and so few that everybody may write to each.
constexpr int k_most_directories = 64;
constexpr std::int64_t k_align = 64;

std::int64_t align(std::int64_t bytes) { return (bytes + k_align - 1) / k_align * k_align; }

// Collective. The sorted positions of this rank's sorted ids, as pieces that no tile cuts, ascending.
std::vector<Piece> find_positions(const Route& route, const std::vector<std::int64_t>& ids, std::int64_t tile) {
  const int ranks = route.comm.size(), directories = std::min(ranks, k_most_directories);
  const std::vector<std::int64_t> bounds = directory_bounds(route.points, tile, directories);
  std::vector<std::vector<std::int64_t>> questions =
      split_ids(ids, find_splitters(route.comm, route.points, bounds, ids));
  questions.resize(static_cast<std::size_t>(ranks));
  std::vector<std::vector<std::int64_t>> answers(static_cast<std::size_t>(ranks));
  const std::vector<std::vector<std::int64_t>> asked = route.comm.all_to_all(questions);
  if (route.comm.rank() < directories) {
    const std::vector<std::vector<Piece>> found = make_directory(asked, bounds[route.comm.rank()], tile);
    for (std::size_t source = 0; source < found.size(); ++source) {
      for (const Piece& piece : found[source])
        answers[source].insert(answers[source].end(), {piece.position, piece.count});
    }
  }
  std::vector<Piece> pieces;
  for (const std::vector<std::int64_t>& told : route.comm.all_to_all(answers)) {
    for (std::size_t i = 0; i < told.size(); i += 2) pieces.push_back({told[i], told[i + 1], 0, 0});
  }
  return pieces;
}

// Headers of both messages, then the tiles of inputs, then those of outputs; all zero.
void allocate(Route& route, std::int64_t rows) {
  const std::int64_t headers = 2 * static_cast<std::int64_t>(sizeof(MessageHeader));
  const std::int64_t in_bytes = align(rows * route.in.row_bytes), out_bytes = align(rows * route.out.row_bytes);
  route.heap.emplace_back(static_cast<std::size_t>(headers + in_bytes + out_bytes + k_align));
  std::byte* base = route.heap.back().data();
  base += align(reinterpret_cast<std::int64_t>(base)) - reinterpret_cast<std::int64_t>(base);
  auto* header = reinterpret_cast<MessageHeader*>(base);
  for (Direction* direction : {&route.in, &route.out}) direction->messages.front().header = header++;
  route.in.buffers = base + headers;
  route.out.buffers = route.results.rows = base + headers + in_bytes;
}

}  // namespace

Route make_inline_route(Communicator comm, const NetworkSpec& spec, const RouteDefinition& mine, std::int64_t tile) {
  Route route;
  route.comm = std::move(comm);
  settle_rows(route, spec, mine, false);
  const SortedPoints points = sort_points(mine.ids);
  route.points = route.comm.sum(static_cast<std::int64_t>(points.ids.size()));
  Message message;
  message.pieces = find_positions(route, points.ids, tile);
  message.rows = static_cast<std::int64_t>(points.ids.size());
  if (message.rows == 0) return route;
  for (Piece& piece : message.pieces) {
    const std::int64_t number = piece.position / tile;
    if (route.chunks.empty() || route.chunks.back() != number) route.chunks.push_back(number);
    piece.slot = static_cast<std::int64_t>(route.chunks.size()) - 1;
  }
  const std::int64_t rows = static_cast<std::int64_t>(route.chunks.size()) * tile;
  for (Direction* direction : {&route.in, &route.out}) direction->messages.push_back(message);
  allocate(route, rows);
  route.ids.resize(static_cast<std::size_t>(rows), -1);
  std::int64_t sorted = 0;
  for (const Piece& piece : message.pieces) {
    const std::int64_t row = piece.slot * tile + piece.position % tile;
    for (Direction* direction : {&route.in, &route.out}) {
      add_runs(piece, 0, points, sorted, direction->buffers + row * direction->row_bytes, *direction);
    }
    std::copy_n(points.ids.begin() + sorted, piece.count, route.ids.begin() + row);
    sorted += piece.count;
  }
  for (Direction* direction : {&route.in, &route.out}) sort_runs(*direction);
  return route;
}

}  // namespace ekman
