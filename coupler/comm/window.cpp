// Implements window.hpp.
#include "coupler/comm/window.hpp"

#include <cstring>
#include <utility>

namespace ekman {

namespace {

// MPI aligns segments to 8 bytes or so; headers want a cache line of their own.
constexpr std::uintptr_t k_cache_line = 64;

}  // namespace

SharedWindow::SharedWindow(const Communicator& node, std::int64_t bytes) {
  void* mine = nullptr;
  MPI_Info info = MPI_INFO_NULL;
  check_mpi(MPI_Info_create(&info), "MPI_Info_create");
  // Each segment on pages of its own: its owner touches it first, so it lies in the owner's NUMA domain.
  check_mpi(MPI_Info_set(info, "alloc_shared_noncontig", "true"), "MPI_Info_set");
  const std::int64_t room = bytes > 0 ? bytes + static_cast<std::int64_t>(k_cache_line) : 0;
  check_mpi(MPI_Win_allocate_shared(room, 1, info, node.get(), &mine, &window_), "MPI_Win_allocate_shared");
  check_mpi(MPI_Info_free(&info), "MPI_Info_free");
  check_mpi(MPI_Win_set_errhandler(window_, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler");
  if (bytes > 0) std::memset(mine, 0, static_cast<std::size_t>(room));
  check_mpi(MPI_Win_lock_all(MPI_MODE_NOCHECK, window_), "MPI_Win_lock_all");
  check_mpi(MPI_Win_sync(window_), "MPI_Win_sync");
  node.barrier();
}

SharedWindow::SharedWindow(SharedWindow&& other) noexcept : window_(std::exchange(other.window_, MPI_WIN_NULL)) {}

SharedWindow& SharedWindow::operator=(SharedWindow&& other) noexcept {
  if (this != &other) {
    release();
    window_ = std::exchange(other.window_, MPI_WIN_NULL);
  }
  return *this;
}

SharedWindow::~SharedWindow() { release(); }

void SharedWindow::release() noexcept {
  if (window_ != MPI_WIN_NULL && may_free_collectively()) {
    MPI_Win_unlock_all(window_);
    MPI_Win_free(&window_);
  }
  window_ = MPI_WIN_NULL;
}

std::byte* SharedWindow::segment(int rank) const {
  MPI_Aint size = 0;
  int unit = 0;
  void* base = nullptr;
  check_mpi(MPI_Win_shared_query(window_, rank, &size, &unit, &base), "MPI_Win_shared_query");
  // Ranks map whole pages, so all of them skip the same bytes.
  const std::uintptr_t skip = (k_cache_line - reinterpret_cast<std::uintptr_t>(base) % k_cache_line) % k_cache_line;
  return static_cast<std::byte*>(base) + skip;
}

}  // namespace ekman
