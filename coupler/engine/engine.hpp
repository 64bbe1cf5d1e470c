// The port through which an ML rank runs a network: chunk buffers in, chunk buffers out. The echo engine in this
// room is the reference of every exchange test; adapters/torch has the real ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "coupler/plan/plan.hpp"

namespace ekman {

// One field inside a row of the chunk buffer: values [offset, offset + levels) of the row.
struct FieldSlot {
  std::string name;
  std::int64_t levels = 1;
  std::int64_t offset = 0;
};

// The fixed shape of a network's chunk buffers: rows_per_chunk rows of row_len() values of the wire kind, row-major.
struct RowLayout {
  std::vector<FieldSlot> fields;
  std::int64_t row_len() const { return fields.empty() ? 0 : fields.back().offset + fields.back().levels; }
};

// Lays the fields of `arguments` side by side; `levels[i]` belongs to field i in fields_of(arguments).
RowLayout make_row_layout(const std::vector<Argument>& arguments, const std::vector<std::int64_t>& levels);

// Of a network in memory, as it was loaded.
struct NetworkSize {
  std::int64_t parameters = 0;
  std::int64_t bytes = 0;  // of parameters and buffers
};

class Learner;
class Profile;
class Tape;

class Engine {
 public:
  virtual ~Engine() = default;

  // Runs one chunk. `in` has spec.rows_per_chunk() rows of the input layout, `out` as many of the output layout,
  // both of the wire kind. Only the first `rows` hold points; the rows after them are zero on input and may hold
  // anything on return. Throws Error(network) naming the network.
  virtual void forward(const std::byte* in, std::byte* out, std::int64_t rows) = 0;

  // The same of chunk number `chunk`, which the learner gets with these rows before it makes another step: what it
  // would compute again may be kept for it. No bit of `out` or of what is learned depends on which of the two is
  // called.
  virtual void forward_to_learn(std::int64_t /*chunk*/, const std::byte* in, std::byte* out, std::int64_t rows) {
    forward(in, out, rows);
  }

  // Where and on what it runs, for the line at start, for instance "cpu, 4 threads, OpenBLAS SkylakeX".
  virtual std::string describe() const = 0;

  // What the bits of forward depend on besides network and chunk: device model, libraries, threads. Compared over the
  // ML ranks of the network; "" if nothing matters.
  virtual std::string arithmetic() const = 0;

  virtual NetworkSize size() const = 0;

  // From now on it tells the stages that it alone knows: copies to and from a GPU, and of a learner its forward. A GPU
  // is then waited for at the end of each. Null: no more.
  virtual void profile(Profile* /*profile*/) {}

  // What lets the network learn; null if the plan has no `training` for it. Lives as long as the engine.
  virtual Learner* learner() { return nullptr; }

  // What takes adjoints; null if the plan has no `tape` for it. Lives as long as the engine.
  virtual Tape* tape() { return nullptr; }
};

// Input rows copied to output rows, value by value; the two rows must be of the same length.
std::unique_ptr<Engine> make_echo_engine(const NetworkSpec& spec, const RowLayout& inputs, const RowLayout& outputs);

// A network of given cost, `builtin: sleep`: forward takes as long as the plan says of the tiles of its chunk, and
// outputs are zero. Throws Error(network) for a cost that is no number.
std::unique_ptr<Engine> make_sleep_engine(const NetworkSpec& spec, const RowLayout& outputs, const std::string& device);

// Of a network that is `none`: it has no outputs.
std::unique_ptr<Engine> make_no_engine();

}  // namespace ekman
