// Memory that the ranks of one node share: each rank gives a segment, all can address it.
#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>

#include "coupler/comm/communicator.hpp"

namespace ekman {

// Move-only; the memory lives as long as the object. Every rank may read and write; order between ranks is made
// with atomics in the memory itself.
class SharedWindow {
 public:
  SharedWindow() = default;
  // Collective over `node`, a communicator of split_node(). `bytes` may be 0. The memory is zero.
  SharedWindow(const Communicator& node, std::int64_t bytes);
  SharedWindow(SharedWindow&& other) noexcept;
  SharedWindow& operator=(SharedWindow&& other) noexcept;
  SharedWindow(const SharedWindow&) = delete;
  SharedWindow& operator=(const SharedWindow&) = delete;
  // Collective.
  ~SharedWindow();

  // Local. The segment of `rank` of the node communicator, as this rank sees it; at the start of a cache line.
  std::byte* segment(int rank) const;

 private:
  void release() noexcept;
  MPI_Win window_ = MPI_WIN_NULL;
};

}  // namespace ekman
