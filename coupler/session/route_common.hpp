// Steps of route set-up that both sides take together, and the layout of an ML rank's segment.
#pragma once

#include <cstdint>
#include <vector>

#include "coupler/session/route_setup.hpp"

namespace ekman {

// Tags on the route communicator. Message i of a pair has tag k_tag_in + 2 i or k_tag_out + 2 i:
// messages are started in any order, and MPI matches those of equal tags in order.
enum RouteTag { k_tag_ids = 1, k_tag_pieces, k_tag_owned, k_tag_segment, k_tag_in = 16, k_tag_out = 17 };

// How an owner tells a source where its messages lie.
struct SegmentNotice {
  std::int64_t through_window = 0;
  std::int64_t node_rank = 0;   // owner's rank in the route's node communicator
  std::int64_t in_header = 0;   // index of the source's first header of each direction
  std::int64_t out_header = 0;
  std::int64_t in_offset = 0;   // bytes from the segment's start to the chunk buffers
  std::int64_t out_offset = 0;
};

std::vector<std::int64_t> to_values(const SegmentNotice& notice);
SegmentNotice to_notice(const std::vector<std::int64_t>& values);

// Collective. Fills both row layouts; ML ranks pass no levels.
void settle_rows(Route& route, const NetworkSpec& spec, const RouteDefinition& mine, bool is_ml);

// Collective. The sorted ids of this rank (none on ML ranks) -> the ids at which the directories of the ML ranks end:
// ids <= result[r] belong to directory r or an earlier one. Needs at most 64 reductions of `ranks - 1` numbers.
std::vector<std::int64_t> find_splitters(const Route& route, const NetworkSpec& spec,
                                         const std::vector<std::int64_t>& sorted_ids);

}  // namespace ekman
