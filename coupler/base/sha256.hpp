// SHA-256 (FIPS 180-4), for the plan's promise that a network file is the one that was meant, and for checkpoints.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace ekman {

// Of bytes that come in pieces.
class Sha256 {
 public:
  void add(const void* bytes, std::size_t count);
  // 64 lower-case hexadecimal digits. Ends the sum: nothing is added after it.
  std::string digits();

 private:
  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> rest_{};  // begins with what is less than a block
  std::size_t held_ = 0;
  std::uint64_t total_ = 0;
};

// 64 lower-case hexadecimal digits; throws std::runtime_error when the file cannot be read.
std::string sha256_of_file(const std::string& path);

}  // namespace ekman
