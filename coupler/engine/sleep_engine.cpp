// The engine that plays a network of given cost, without LibTorch: it waits, and its outputs are zero.
#include <fmt/format.h>

#include <cstring>

#include "coupler/base/pass_time.hpp"
#include "coupler/engine/engine.hpp"
#include "coupler/plan/builtin_networks.hpp"
#include "coupler/plan/sizes.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

struct SleepCost {
  double per_forward = 0.0;  // seconds
  double per_point = 0.0;
  bool busy = false;
};

class SleepEngine final : public Engine {
 public:
  SleepEngine(const NetworkSpec& spec, SleepCost cost, std::int64_t tile, std::int64_t out_bytes)
      : network_(spec.name),
        cost_(cost),
        tile_(tile),
        tile_rows_(tile * spec.rows_per_sample()),
        rows_per_chunk_(spec.rows_per_chunk()),
        out_bytes_(out_bytes) {}

  // A tile that has points costs what a whole one does, as with LibTorch.
  void forward(const std::byte*, std::byte* out, std::int64_t rows) override {
    const double begin = seconds_now();
    if (rows < 0 || rows > rows_per_chunk_) {
      throw Error(ErrorCode::network,
                  fmt::format("network \"{}\": {} rows asked of a chunk of {} rows; this is a mistake in "
                              "Ekman, report it",
                              network_, rows, rows_per_chunk_));
    }
    if (rows == 0) return;
    const auto tiles = static_cast<double>((rows + tile_rows_ - 1) / tile_rows_);
    std::memset(out, 0, static_cast<std::size_t>(rows * out_bytes_));
    pass_time_until(begin + tiles * tile_seconds(), cost_.busy);
  }

  std::string describe() const override {
    return fmt::format("sleep, {:.6g} ms for each tile of {} sample{}, {}", 1e3 * tile_seconds(), tile_,
                       tile_ == 1 ? "" : "s", cost_.busy ? "busy" : "giving its core away");
  }
  std::string arithmetic() const override { return ""; }
  NetworkSize size() const override { return {}; }

 private:
  double tile_seconds() const { return cost_.per_forward + static_cast<double>(tile_rows_) * cost_.per_point; }

  std::string network_;
  SleepCost cost_;
  std::int64_t tile_;
  std::int64_t tile_rows_;
  std::int64_t rows_per_chunk_;
  std::int64_t out_bytes_;  // of a row
};

}  // namespace

std::unique_ptr<Engine> make_sleep_engine(const NetworkSpec& spec, const RowLayout& outputs,
                                          const std::string& device) {
  const SleepCost cost{real_argument(spec.source, "seconds_per_forward"),
                       real_argument(spec.source, "seconds_per_point"), text_argument(spec.source, "busy") == "on"};
  return std::make_unique<SleepEngine>(spec, cost, tile_samples(spec, device != "cpu"),
                                       outputs.row_len() * real_size(spec.wire));
}

}  // namespace ekman
