// A network in this process: libekman_ml's functions with the manners of C++.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "coupler/engine/engine.hpp"
#include "coupler/engine/ml_functions.hpp"

namespace ekman {

// Loads libekman_ml, if it is not; throws Error(usage) if it cannot be.
using MlLibrary = const MlFunctions& (*)();

// Calls `function(sink)`, a function of libekman_ml. Returns its text; throws Error with it if it failed.
std::string call_ml(const std::function<int(const TextSink* text)>& function);

class InlineNetwork {
 public:
  // Loads network `number` of `plan` on `device` ("cpu" or "cuda:N"). Throws Error.
  InlineNetwork(const MlFunctions& functions, const Plan& plan, int number, const RowLayout& in, const RowLayout& out,
                const std::string& device);
  ~InlineNetwork();
  InlineNetwork(const InlineNetwork&) = delete;
  InlineNetwork& operator=(const InlineNetwork&) = delete;

  // As Engine::describe and Engine::arithmetic.
  const std::string& describe() const { return describe_; }
  const std::string& arithmetic() const { return arithmetic_; }
  // Why LibTorch is slower here than it could be.
  const std::vector<std::string>& warnings() const { return warnings_; }
  // One tile, as Engine::forward of a chunk that is one tile.
  void forward(const std::byte* in, std::byte* out, std::int64_t rows);

  // Restart sets; see MlFunctions.
  void begin_set(const std::string& label, std::int64_t step, std::int64_t points, const std::vector<Real>& kinds);
  void write_rows(int array, std::int64_t first, std::int64_t count, const std::byte* rows);
  void end_set();
  void publish_set(const std::string& label);
  struct Found {
    std::int64_t step = 1;
    std::vector<Real> kinds;
    std::string path;
  };
  Found open_set(std::int64_t points);
  void read_rows(int array, std::int64_t first, std::int64_t count, std::byte* rows);

 private:
  const MlFunctions& functions_;
  void* network_ = nullptr;
  std::string describe_, arithmetic_;
  std::vector<std::string> warnings_;
};

}  // namespace ekman
