// Adjoints on a component rank: what the model's loss says of a network's outputs goes to the ML ranks, and what
// follows for its inputs comes back. A pass belongs to the last exchange that is on the tape.
#pragma once

#include <cstdint>
#include <vector>

#include "coupler/session/coverage.hpp"
#include "coupler/session/row_receiver.hpp"
#include "coupler/session/row_sender.hpp"

namespace ekman {

// For the init thread alone. A rank without points has no part: its puts need not come, so that it knows of no
// exchange.
class ComponentAdjoint {
 public:
  // `inputs` and `outputs`: numbers of the fields, see FieldNumbers. `slots`: of the point set on this rank.
  ComponentAdjoint(Route& route, const RowContext& context, std::int64_t slots, const std::vector<int>& inputs,
                   const std::vector<int>& outputs);

  // Packs slots [first, first + count) of the adjoint of output `field`. A put after all points of all outputs were put
  // begins a new pass, of moment `when`. Throws Error: nothing on the tape, a point put twice, or another `retain` than
  // that of the pass. The rows are posted.
  void put(int field, const ColumnView& columns, std::int64_t first, std::int64_t count, bool retain,
           const RowMoment& when);
  // Waits for the adjoint of input `field` in the pass whose adjoints are all put; throws Error if they are not.
  void get(int field, const ColumnView& columns, std::int64_t first, std::int64_t count);

  // An exchange is on the tape now. Throws Error if there is no room.
  void record(std::int64_t step);
  void require_room(std::int64_t step) const;
  // Throws Error, for `call`, if the adjoints of some outputs are put in this pass, and not of all.
  void require_whole(const char* call) const;
  // Nothing is on the tape.
  void clear();
  // Steps of the exchanges on the tape, the last one taken off first.
  const std::vector<std::int64_t>& taped() const { return taped_; }
  // Passes begun, this one included.
  std::int64_t passes() const { return passes_; }
  // Tells the ML ranks that nothing follows.
  void finish();

 private:
  bool whole() const;

  const NetworkSpec& spec_;
  std::int64_t slots_;
  RowSender sender_;
  RowReceiver receiver_;
  std::vector<Coverage> put_;  // by output field, in this pass
  RowMoment moment_;           // of this pass
  std::int64_t passes_ = 0;
  std::vector<std::int64_t> taped_;
};

}  // namespace ekman
