// The engine that returns its input: the reference of every exchange test, without LibTorch.
#include <fmt/format.h>

#include <cstring>

#include "coupler/engine/engine.hpp"
#include "coupler/engine/tape.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

// Its adjoint is an echo too, and needs no graph.
class EchoEngine final : public Engine, public Tape {
 public:
  EchoEngine(std::int64_t row_bytes, std::int64_t rows_per_chunk, std::string network, bool has_tape)
      : row_bytes_(row_bytes), rows_per_chunk_(rows_per_chunk), network_(std::move(network)), has_tape_(has_tape) {}

  void forward(const std::byte* in, std::byte* out, std::int64_t rows) override {
    if (rows < 0 || rows > rows_per_chunk_) {
      throw Error(ErrorCode::network,
                  fmt::format("network \"{}\": {} rows asked of a chunk of {} rows; this is a mistake in "
                              "Ekman, report it",
                              network_, rows, rows_per_chunk_));
    }
    if (rows > 0) std::memcpy(out, in, static_cast<std::size_t>(rows * row_bytes_));
  }

  std::string describe() const override { return "echo"; }
  std::string arithmetic() const override { return ""; }
  NetworkSize size() const override { return {}; }

  Tape* tape() override { return has_tape_ ? this : nullptr; }
  void forward(std::int64_t, const std::byte* in, std::byte* out, std::int64_t rows) override {
    forward(in, out, rows);
  }
  void backward(std::int64_t, const std::byte* out_adjoint, std::byte* in_adjoint, std::int64_t rows, bool) override {
    forward(out_adjoint, in_adjoint, rows);
  }
  void clear() override {}

 private:
  std::int64_t row_bytes_;
  std::int64_t rows_per_chunk_;
  std::string network_;
  bool has_tape_;
};

}  // namespace

std::unique_ptr<Engine> make_echo_engine(const NetworkSpec& spec, const RowLayout& inputs, const RowLayout& outputs) {
  if (inputs.row_len() != outputs.row_len()) {
    throw Error(ErrorCode::network,
                fmt::format("network \"{}\" is an echo, which needs input and output rows of one length, but its "
                            "inputs have {} values a point and its outputs {}; make the levels of the fields "
                            "agree",
                            spec.name, inputs.row_len(), outputs.row_len()));
  }
  return std::make_unique<EchoEngine>(inputs.row_len() * real_size(spec.wire), spec.rows_per_chunk(), spec.name,
                                      spec.tape > 0);
}

}  // namespace ekman
