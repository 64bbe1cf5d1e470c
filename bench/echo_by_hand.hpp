// What somebody would write without a coupler: two component ranks pack a column-major float64 field of (ncol, nlev)
// into float32 rows, the last rank sends all rows back, and they are unpacked.
#pragma once

#include <mpi.h>

#include <cstdint>
#include <memory>

namespace bench {

class EchoByHand {
 public:
  virtual ~EchoByHand() = default;
  // On a component rank: there and back.
  virtual void round_trip(const double* in, double* out) = 0;
  // On the last rank: the same.
  virtual void serve() = 0;
};

// Collective over `world`, whose ranks share a node; each component rank has `columns` columns of `levels` values. Rows
// lie in a shared window, and numbers in it say whose turn it is.
std::unique_ptr<EchoByHand> make_window_echo(MPI_Comm world, std::int64_t columns, std::int64_t levels);

// The same by MPI_Isend and MPI_Irecv.
std::unique_ptr<EchoByHand> make_message_echo(MPI_Comm world, std::int64_t columns, std::int64_t levels);

}  // namespace bench
