// Steps of route set-up that both sides take together.
#pragma once

#include <cstdint>
#include <vector>

#include "coupler/exchange/set_up_messages.hpp"
#include "coupler/session/route_setup.hpp"

namespace ekman {

// Tags on the route communicator. Message i of a pair in direction d has tag k_tag_first_message + k_directions i + d:
// messages are started in any order, and MPI matches those of equal tags in order.
enum RouteTag {
  k_tag_ids = 1,
  k_tag_pieces,
  k_tag_owned,
  k_tag_segment,
  k_tag_restart,    // what a component rank asks of an owner; at enddef, what an owner tells it of the set
  k_tag_reduction,  // one field's partial reduction on the rows that they share
  k_tag_rows,       // between ML ranks: a part of one array of the set
  k_tag_written,
  k_tag_coordinates,  // of the points that a component rank and an owner share
  k_tag_first_message = 16
};

inline int message_tag(int direction, std::int64_t number) {
  return k_tag_first_message + k_directions * static_cast<int>(number) + direction;
}

// Bytes of rows in one message: through a window about that many, across nodes no more, so that it is sent eagerly (see
// DESIGN.md).
std::int64_t message_bytes(bool through_window);
// `pieces` as they travel: through a window whole, across nodes cut to what a message holds.
std::vector<Piece> parts_of(const std::vector<Piece>& pieces, std::int64_t row_bytes, bool through_window);

// What the readers of set-up messages compare with; `route.points` is known by then.
SetUpSizes sizes_of(const Route& route, const NetworkSpec& spec);

// The request of a message to be sent or received here, and a second one if it is there twice.
void add_requests(Direction& direction, const Communicator& comm, const std::vector<Span>& spans, int tag, bool sends,
                  Message& message);

// Collective. Fills both row layouts; ML ranks pass no levels.
void settle_rows(Route& route, const NetworkSpec& spec, const RouteDefinition& mine, bool is_ml);

// Collective. The sorted ids of this rank (none on ML ranks) -> the ids at which the directories of the ML ranks end:
// ids <= result[r] belong to directory r or an earlier one. Needs at most 64 reductions of `ranks - 1` numbers.
std::vector<std::int64_t> find_splitters(const Route& route, const NetworkSpec& spec,
                                         const std::vector<std::int64_t>& sorted_ids);
// The same for directories that end at the sorted positions bounds[1], bounds[2], ..., over all ranks of `comm`.
std::vector<std::int64_t> find_splitters(const Communicator& comm, std::int64_t points,
                                         const std::vector<std::int64_t>& bounds,
                                         const std::vector<std::int64_t>& sorted_ids);
// The ids of each directory.
std::vector<std::vector<std::int64_t>> split_ids(const std::vector<std::int64_t>& sorted_ids,
                                                 const std::vector<std::int64_t>& splitters);

// Component ranks: array slots that are points, by ascending global id, and their ids.
struct SortedPoints {
  std::vector<std::int64_t> slots;
  std::vector<std::int64_t> ids;
};
SortedPoints sort_points(const std::vector<std::int64_t>& ids);

// Runs of one piece whose first row is at `row` and whose first point is sorted point `sorted`.
void add_runs(const Piece& piece, int message, const SortedPoints& points, std::int64_t sorted, std::byte* row,
              Direction& direction);
// Ascending by slot, when all are there.
void sort_runs(Direction& direction);

}  // namespace ekman
