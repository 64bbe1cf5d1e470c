// Implements route_description.hpp.
#include "coupler/session/route_description.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "coupler/base/log.hpp"
#include "coupler/exchange/wire.hpp"
#include "coupler/session/route_common.hpp"

namespace ekman {

namespace {

// Of each peer the pieces that travel between it and this rank, by position.
std::map<int, std::vector<Piece>> pieces_of_peers(const Route& route) {
  std::map<int, std::vector<Piece>> pieces;
  for (const Message& message : route.in.messages) {
    std::vector<Piece>& of_peer = pieces[message.peer];
    of_peer.insert(of_peer.end(), message.pieces.begin(), message.pieces.end());
  }
  for (auto& entry : pieces)
    std::sort(entry.second.begin(), entry.second.end(),
              [](const Piece& a, const Piece& b) { return a.position < b.position; });
  return pieces;
}

std::int64_t bits_of(double value) {
  std::int64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

double value_of(std::int64_t bits) {
  double value = 0.0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// Whether all component ranks have coordinates.
bool all_have(const Route& route, const NetworkSpec& spec, bool mine) {
  const std::int64_t count = route.comm.sum(std::int64_t{mine ? 1 : 0}), ranks = route.comm.size() - spec.ranks;
  if (count > 0 && count < ranks && route.comm.rank() == 0)
    log_line(
        fmt::format("warning: {} of {} ranks of component \"{}\" have coordinates of the points of network \"{}\", so "
                    "that its recordings have none; call ekman_def_coordinates on all ranks",
                    count, ranks, spec.component, spec.name));
  return count == ranks;
}

}  // namespace

void tell_description(const Route& route, const NetworkSpec& spec, const std::vector<std::string>& units,
                      const std::vector<std::int64_t>& ids, const Coordinates* coordinates) {
  std::string texts = join_texts(units);
  route.comm.broadcast(texts, spec.ranks);
  if (!all_have(route, spec, coordinates != nullptr)) return;
  // Sorted points follow each other in the pieces of all owners together.
  const SortedPoints points = sort_points(ids);
  std::map<std::int64_t, std::int64_t> first_of_piece;  // position -> number among the sorted points
  const std::map<int, std::vector<Piece>> pieces = pieces_of_peers(route);
  for (const auto& entry : pieces)
    for (const Piece& piece : entry.second) first_of_piece[piece.position] = piece.count;
  std::int64_t sorted = 0;
  for (auto& entry : first_of_piece) sorted += std::exchange(entry.second, sorted);
  std::vector<Values> messages;
  std::vector<MPI_Request> requests;
  messages.reserve(pieces.size());
  for (const auto& [owner, of_owner] : pieces) {
    Values& values = messages.emplace_back();
    for (const Piece& piece : of_owner) {
      for (std::int64_t i = 0; i < piece.count; ++i) {
        const std::int64_t slot = points.slots[first_of_piece[piece.position] + i];
        values.push_back(bits_of(coordinates->longitude[slot]));
        values.push_back(bits_of(coordinates->latitude[slot]));
      }
    }
    requests.push_back(route.comm.isend(values, owner, k_tag_coordinates));
  }
  wait_all(requests);
}

RouteDescription hear_description(const Route& route, const NetworkSpec& spec) {
  RouteDescription description;
  std::string texts;
  route.comm.broadcast(texts, spec.ranks);
  description.units = split_texts(texts);
  if (!all_have(route, spec, false)) return description;
  const auto rows = static_cast<std::size_t>(route.points_here(spec));
  description.longitude.resize(rows);
  description.latitude.resize(rows);
  for (const auto& [source, pieces] : pieces_of_peers(route)) {
    const Values values = route.comm.receive(source, k_tag_coordinates);
    std::size_t next = 0;
    for (const Piece& piece : pieces) {
      const std::int64_t first = piece.slot * spec.rows_per_chunk() + piece.position % spec.rows_per_chunk();
      if (values.size() < next + 2 * static_cast<std::size_t>(piece.count)) throw_unreadable("coordinates are missing");
      for (std::int64_t row = first; row < first + piece.count; ++row) {
        description.longitude[row] = value_of(values[next++]);
        description.latitude[row] = value_of(values[next++]);
      }
    }
  }
  return description;
}

}  // namespace ekman
