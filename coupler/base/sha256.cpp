// SHA-256 after FIPS 180-4, section 6.2: names as in the standard.
#include "coupler/base/sha256.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace ekman {
namespace {

using State = std::array<std::uint32_t, 8>;

constexpr std::size_t k_block = 64;  // bytes

constexpr std::array<std::uint32_t, 64> k_constants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

std::uint32_t rotate(std::uint32_t x, int n) { return (x >> n) | (x << (32 - n)); }

std::array<std::uint32_t, 64> schedule_of(const unsigned char* block) {
  std::array<std::uint32_t, 64> w{};
  for (std::size_t t = 0; t < 16; ++t) {
    for (std::size_t byte = 0; byte < 4; ++byte) w[t] = (w[t] << 8) | block[4 * t + byte];
  }
  for (std::size_t t = 16; t < 64; ++t) {
    const std::uint32_t s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ (w[t - 15] >> 3);
    const std::uint32_t s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ (w[t - 2] >> 10);
    w[t] = w[t - 16] + s0 + w[t - 7] + s1;
  }
  return w;
}

void absorb(State& state, const unsigned char* block) {
  const auto w = schedule_of(block);
  auto [a, b, c, d, e, f, g, h] = state;
  for (std::size_t t = 0; t < 64; ++t) {
    const std::uint32_t big1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const std::uint32_t t1 = h + big1 + ((e & f) ^ (~e & g)) + k_constants[t] + w[t];
    const std::uint32_t big0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const std::uint32_t t2 = big0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  const State added = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < state.size(); ++i) state[i] += added[i];
}

// The last bytes, a one bit, zeros, and the length in bits: one or two blocks.
void absorb_end(State& state, std::vector<unsigned char> rest, std::uint64_t total_bytes) {
  rest.push_back(0x80);
  while (rest.size() % k_block != k_block - 8) rest.push_back(0);
  for (int shift = 56; shift >= 0; shift -= 8) {
    rest.push_back(static_cast<unsigned char>((total_bytes * 8) >> shift));
  }
  for (std::size_t i = 0; i < rest.size(); i += k_block) absorb(state, rest.data() + i);
}

}  // namespace

void Sha256::add(const void* bytes, std::size_t count) {
  const auto* next = static_cast<const unsigned char*>(bytes);
  const auto* const end = next + count;
  total_ += count;
  if (held_ > 0) {
    const std::size_t taken = std::min(count, k_block - held_);
    std::copy_n(next, taken, rest_.begin() + static_cast<std::ptrdiff_t>(held_));
    next += taken;
    held_ += taken;
    if (held_ < k_block) return;
    absorb(state_, rest_.data());
    held_ = 0;
  }
  for (; static_cast<std::size_t>(end - next) >= k_block; next += k_block) absorb(state_, next);
  std::copy(next, end, rest_.begin());
  held_ = static_cast<std::size_t>(end - next);
}

std::string Sha256::digits() {
  absorb_end(state_, {rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(held_)}, total_);
  std::string digits;
  for (const std::uint32_t word : state_) digits += fmt::format("{:08x}", word);
  return digits;
}

std::string sha256_of_file(const std::string& path) {
  Sha256 sum;
  std::ifstream file(path, std::ios::binary);
  std::vector<char> buffer(k_block << 14);
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    sum.add(buffer.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (!file.eof()) throw std::runtime_error(path + " cannot be read; check its disk");
  return sum.digits();
}

}  // namespace ekman
