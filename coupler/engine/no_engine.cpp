// The engine of a network that is `none`: nothing is run, since what comes is only recorded.
#include "coupler/engine/engine.hpp"

namespace ekman {
namespace {

class NoEngine final : public Engine {
 public:
  void forward(const std::byte*, std::byte*, std::int64_t) override {}
  std::string describe() const override { return "runs nothing"; }
  std::string arithmetic() const override { return ""; }
  NetworkSize size() const override { return {}; }
};

}  // namespace

std::unique_ptr<Engine> make_no_engine() { return std::make_unique<NoEngine>(); }

}  // namespace ekman
