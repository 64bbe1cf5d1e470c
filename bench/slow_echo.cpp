// A network of one's own that takes its time: returns what it is given after `rounds` rounds of arithmetic in each
// call, which Ekman makes once for a tile.
#include "bench/arithmetic.hpp"
#include "ekman/network.hpp"

namespace {

class SlowEcho final : public ekman::NetworkModule {
 public:
  explicit SlowEcho(std::int64_t rounds) : rounds_(rounds) {}
  at::Tensor forward(const at::Tensor& x) override {
    bench::work(rounds_);
    return x;
  }

 private:
  std::int64_t rounds_;
};

std::shared_ptr<ekman::NetworkModule> make_slow_echo(const ekman::NetworkArguments& arguments,
                                                     const ekman::NetworkShape&, std::uint64_t) {
  return std::make_shared<SlowEcho>(arguments.integer("rounds"));
}

}  // namespace

const ekman::NetworkTable* ekman_networks() {
  static const ekman::NetworkTable table{{"slow_echo", make_slow_echo}};
  return &table;
}
