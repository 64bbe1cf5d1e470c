// Implements layout.hpp.
#include "coupler/layout/layout.hpp"

#include <algorithm>
#include <numeric>

namespace ekman {

std::vector<PieceGroup> group_pieces(const std::vector<Piece>& pieces, std::int64_t row_bytes, std::int64_t bytes) {
  std::vector<PieceGroup> groups;
  std::int64_t here = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::int64_t more = pieces[i].count * row_bytes;
    if (i == 0 || here + more > bytes) {
      groups.push_back({static_cast<std::int64_t>(i), 0});
      here = 0;
    }
    ++groups.back().count;
    here += more;
  }
  return groups;
}

std::vector<Piece> cut_pieces(const std::vector<Piece>& pieces, std::int64_t row_bytes, std::int64_t bytes) {
  if (row_bytes == 0) return pieces;
  const std::int64_t most = std::max<std::int64_t>(bytes / row_bytes, 1);
  std::vector<Piece> parts;
  for (const Piece& piece : pieces) {
    const std::int64_t count = (piece.count + most - 1) / most;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t from = piece.count * i / count, to = piece.count * (i + 1) / count;
      parts.push_back({piece.position + from, to - from, piece.owner, piece.slot});
    }
  }
  return parts;
}

std::int64_t chunk_count(std::int64_t points, std::int64_t rows_per_chunk) {
  return (points + rows_per_chunk - 1) / rows_per_chunk;
}

std::vector<std::int64_t> directory_bounds(std::int64_t points, std::int64_t rows_per_chunk, int directories) {
  const std::int64_t chunks = chunk_count(points, rows_per_chunk);
  std::vector<std::int64_t> bounds(directories + 1);
  for (int r = 0; r <= directories; ++r) {
    const std::int64_t first_chunk = chunks / directories * r + chunks % directories * r / directories;
    bounds[r] = std::min(points, first_chunk * rows_per_chunk);
  }
  return bounds;
}

namespace {
// Places that are left on each ML rank, and the next rank of each node that may have one.
class Room {
 public:
  Room(std::int64_t chunks, const std::vector<int>& node_of_owner) : nodes_(node_of_owner) {
    const std::int64_t owners = static_cast<std::int64_t>(nodes_.size());
    for (std::int64_t r = 0; r < owners; ++r) left_.push_back(chunks / owners + (r < chunks % owners ? 1 : 0));
  }
  // The first ML rank on `node` with room, or -1. Any node: node < 0.
  int take(int node) {
    for (std::size_t r = 0; r < left_.size(); ++r) {
      if (left_[r] > 0 && (node < 0 || nodes_[r] == node)) {
        --left_[r];
        return static_cast<int>(r);
      }
    }
    return -1;
  }

 private:
  const std::vector<int>& nodes_;
  std::vector<std::int64_t> left_;
};
struct Entry {
  std::int64_t id;
  int source;
};

std::vector<Entry> sorted_entries(const std::vector<std::vector<std::int64_t>>& ids) {
  std::vector<Entry> entries;
  for (std::size_t s = 0; s < ids.size(); ++s) {
    for (const std::int64_t id : ids[s]) entries.push_back({id, static_cast<int>(s)});
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.id != b.id ? a.id < b.id : a.source < b.source; });
  return entries;
}

}  // namespace

std::vector<int> assign_owners(std::int64_t chunks, const std::vector<NodeVote>& votes,
                               const std::vector<int>& node_of_owner) {
  std::vector<NodeVote> sorted = votes;
  std::sort(sorted.begin(), sorted.end(), [](const NodeVote& a, const NodeVote& b) {
    if (a.chunk != b.chunk) return a.chunk < b.chunk;
    if (a.rows != b.rows) return a.rows > b.rows;
    return a.node < b.node;
  });
  std::vector<int> owners(chunks, -1);
  Room room(chunks, node_of_owner);
  for (const NodeVote& vote : sorted) {
    if (owners[vote.chunk] < 0) owners[vote.chunk] = room.take(vote.node);
  }
  for (int& owner : owners) {
    if (owner < 0) owner = room.take(-1);
  }
  return owners;
}

std::vector<std::vector<Piece>> make_directory(const std::vector<std::vector<std::int64_t>>& ids,
                                               std::int64_t first_position, std::int64_t rows_per_chunk) {
  const std::vector<Entry> entries = sorted_entries(ids);
  std::vector<std::vector<Piece>> found(ids.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::int64_t position = first_position + static_cast<std::int64_t>(i);
    std::vector<Piece>& pieces = found[entries[i].source];
    const bool extends =
        !pieces.empty() && position % rows_per_chunk != 0 && pieces.back().position + pieces.back().count == position;
    if (extends) {
      ++pieces.back().count;
    } else {
      pieces.push_back({position, 1, 0, 0});
    }
  }
  return found;
}

std::vector<Duplicate> find_duplicates(const std::vector<std::vector<std::int64_t>>& ids) {
  constexpr std::size_t k_most = 8;
  const std::vector<Entry> entries = sorted_entries(ids);
  std::vector<Duplicate> duplicates;
  for (std::size_t i = 1; i < entries.size() && duplicates.size() < k_most; ++i) {
    if (entries[i - 1].id == entries[i].id)
      duplicates.push_back({entries[i].id, entries[i - 1].source, entries[i].source});
  }
  return duplicates;
}

std::int64_t count_up_to(const std::vector<std::int64_t>& ids, std::int64_t id) {
  return std::upper_bound(ids.begin(), ids.end(), id) - ids.begin();
}

}  // namespace ekman
