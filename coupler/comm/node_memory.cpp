// Implements node_memory.hpp with a file in /dev/shm that has its name only until all ranks have mapped it.
#include "coupler/comm/node_memory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace ekman {

namespace {

constexpr std::int64_t k_cache_line = 64;

// A new file of `bytes` zeros, open; its name in `name`. -1, with errno, if there is none.
int create(std::string& name, std::int64_t bytes) {
  name = "/dev/shm/ekman-XXXXXX";
  const int file = mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) return -1;
  // Not ftruncate: memory that is not there must show now, not at the first store.
  const int code = posix_fallocate(file, 0, bytes);
  if (code == 0) return file;
  unlink(name.c_str());
  close(file);
  errno = code;
  return -1;
}

}  // namespace

NodeMemory::NodeMemory(const Communicator& node, std::int64_t bytes, std::string& problem) {
  stride_ = (bytes + k_cache_line - 1) / k_cache_line * k_cache_line;
  ranks_ = node.size();
  std::string name;
  int file = node.rank() == 0 ? create(name, stride_ * ranks_) : -1;
  if (node.rank() == 0 && file < 0) problem = fmt::format("no file in /dev/shm: {}", std::strerror(errno));
  if (file < 0) name.clear();
  node.broadcast(name, 0);
  if (node.rank() != 0 && !name.empty()) {
    file = open(name.c_str(), O_RDWR | O_CLOEXEC);
    if (file < 0) problem = fmt::format("{} cannot be opened: {}", name, std::strerror(errno));
  }
  if (file >= 0) {
    void* found =
        mmap(nullptr, static_cast<std::size_t>(stride_ * ranks_), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (found == MAP_FAILED) {
      problem = fmt::format("{} cannot be mapped: {}", name, std::strerror(errno));
    } else {
      base_ = static_cast<std::byte*>(found);
    }
    close(file);
  }
  const std::int64_t all_have_it = node.min(std::int64_t{base_ != nullptr});
  if (node.rank() == 0 && !name.empty()) unlink(name.c_str());
  if (all_have_it == 0) release();
}

NodeMemory::NodeMemory(NodeMemory&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), ranks_(other.ranks_), stride_(other.stride_) {}

NodeMemory& NodeMemory::operator=(NodeMemory&& other) noexcept {
  if (this != &other) {
    release();
    base_ = std::exchange(other.base_, nullptr);
    ranks_ = other.ranks_;
    stride_ = other.stride_;
  }
  return *this;
}

NodeMemory::~NodeMemory() { release(); }

void NodeMemory::release() noexcept {
  if (base_ != nullptr) munmap(base_, static_cast<std::size_t>(stride_ * ranks_));
  base_ = nullptr;
}

}  // namespace ekman
