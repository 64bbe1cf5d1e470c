// Implements durable_file.hpp.
#include "coupler/base/durable_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "ekman/error.hpp"

namespace ekman {
namespace {

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : number_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }
  // Some file systems tell only now that there was no room.
  bool close() {
    const int number = number_;
    number_ = -1;
    return ::close(number) == 0;
  }

 private:
  int number_;
};

}  // namespace

void throw_disk_error(const std::string& doing, const std::string& path, int reason) {
  const char* const cause = std::strerror(reason);
  switch (reason) {
    case ENOSPC:
    case EDQUOT:
      throw Error(ErrorCode::internal,
                  fmt::format("cannot {} {}: {}; make room there, or name another directory", doing, path, cause));
    case EACCES:
    case EPERM:
    case EROFS:
      throw Error(ErrorCode::internal,
                  fmt::format("cannot {} {}: {}; give the ranks leave to write there, or name another directory", doing,
                              path, cause));
    default:
      throw Error(ErrorCode::internal,
                  fmt::format("cannot {} {}: {}; see that it is in a directory on a disk that works, or name "
                              "another one",
                              doing, path, cause));
  }
}

void write_durably(const std::string& path, const std::vector<ByteRange>& pieces) {
  Descriptor file(path, O_WRONLY | O_CREAT | O_TRUNC);
  const auto require = [&](bool well) {
    if (!well) throw_disk_error("write", path, errno);
  };
  require(file.number() >= 0);
  for (const ByteRange& piece : pieces) {
    const char* next = static_cast<const char*>(piece.bytes);
    for (std::size_t left = piece.count; left > 0;) {
      const ssize_t written = ::write(file.number(), next, left);
      if (written < 0 && errno == EINTR) continue;
      require(written >= 0);
      next += written;
      left -= static_cast<std::size_t>(written);
    }
  }
  require(::fsync(file.number()) == 0);
  require(file.close());
}

void sync_path(const std::string& path) {
  const Descriptor file(path, O_RDONLY);
  // Folders of some file systems cannot be synced, and need not be.
  if (file.number() < 0 || (::fsync(file.number()) != 0 && errno != EINVAL)) throw_disk_error("write", path, errno);
}

void rename_path(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) throw_disk_error("rename to", to, errno);
}

void rename_durably(const std::string& from, const std::string& to) {
  rename_path(from, to);
  sync_path(std::filesystem::absolute(to).parent_path().string());
}

void replace_durably(const std::string& path, const std::string& text) {
  const std::string part = path + ".part";
  write_durably(part, {{text.data(), text.size()}});
  rename_durably(part, path);
}

}  // namespace ekman
