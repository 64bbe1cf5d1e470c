// From global ids to chunks, owners, pieces and messages. Pure: no MPI, no clocks; both sides of an exchange
// compute the same from the same numbers.
#pragma once

#include <cstdint>
#include <vector>

namespace ekman {

// A run of consecutive rows inside one chunk, all of one component rank. `position` is the sorted position of
// its first row in the whole component; `slot` is the chunk's place in its owner's list of chunks.
struct Piece {
  std::int64_t position = 0;
  std::int64_t count = 0;
  int owner = 0;
  std::int64_t slot = 0;
};

// Consecutive pieces of one (component rank, ML rank) pair that travel as one message.
struct PieceGroup {
  std::int64_t first = 0;  // index of the first piece
  std::int64_t count = 0;  // pieces
};

// Cuts `pieces` into groups of at most `bytes`, but for single pieces that are longer.
std::vector<PieceGroup> group_pieces(const std::vector<Piece>& pieces, std::int64_t row_bytes, std::int64_t bytes);

// The same pieces, none of more than `bytes`, but for single rows that are longer.
std::vector<Piece> cut_pieces(const std::vector<Piece>& pieces, std::int64_t row_bytes, std::int64_t bytes);

// Chunks needed for `points` rows.
std::int64_t chunk_count(std::int64_t points, std::int64_t rows_per_chunk);

// Sorted positions [result[r], result[r+1]) are looked up by directory r of `directories`; cut at chunk
// boundaries, even to one chunk.
std::vector<std::int64_t> directory_bounds(std::int64_t points, std::int64_t rows_per_chunk, int directories);

// Of one chunk, the rows that ranks on one node hold. Nodes are any integers.
struct NodeVote {
  std::int64_t chunk = 0;
  int node = 0;
  std::int64_t rows = 0;
};

// The owner (ML rank) of each of `chunks` chunks: one on the node with most of its rows where there is room,
// else the first with room; loads differ by one chunk at most. `node_of_owner[r]` is the node of ML rank r.
std::vector<int> assign_owners(std::int64_t chunks, const std::vector<NodeVote>& votes,
                               const std::vector<int>& node_of_owner);

// What one directory finds for the ids it was sent: pieces[s] of source s, in the order of its sorted ids;
// owner and slot not yet set. `ids[s]`: ascending ids of source s that fall into this directory, none of them
// twice. `first_position`: sorted position of the least.
std::vector<std::vector<Piece>> make_directory(const std::vector<std::vector<std::int64_t>>& ids,
                                               std::int64_t first_position, std::int64_t rows_per_chunk);

// A global id that came more than once, with two of its sources.
struct Duplicate {
  std::int64_t id;
  int source_a;
  int source_b;
};

// `ids[s]`: ids of source s, in any order. At most 8 duplicates are returned.
std::vector<Duplicate> find_duplicates(const std::vector<std::vector<std::int64_t>>& ids);

// How many of the ascending `ids` are <= id: the local half of the search for the splitters between
// directories.
std::int64_t count_up_to(const std::vector<std::int64_t>& ids, std::int64_t id);

}  // namespace ekman
