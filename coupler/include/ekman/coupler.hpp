// Start here. The component side of Ekman in C++: define points and fields, then put, get and advance in every model
// step. The Fortran module and the C header ekman.h are thin faces of this class.
#pragma once

#include <mpi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ekman/array_view.hpp"
#include "ekman/error.hpp"
#include "ekman/facts.hpp"

namespace ekman {

// What a put or get did, apart from whether it failed. Values as in ekman.h.
enum class Info : int {
  coupled = 0,  // an exchange took place
  held = 1,     // between couplings: put fed the time reduction, get returned the last outputs again
  none = 2,  // get: nothing has been computed yet (`lag: 1`), the array was not touched; put: no network uses the field
  fallback = 3,  // the guard gave up points of this array: they hold the fallback field, or were not touched
};

struct FieldOptions {
  std::string units;
  std::int64_t levels = 1;
  std::string axes;    // "p", "pl", "lp", "ppl", "plp", ...; empty: "p", or "pl" with levels > 1
  std::string points;  // name of the point set; empty: the unnamed one
};

// The part of the points that an array holds, in array order; by default all.
struct Part {
  std::int64_t first = -1;  // from 0; < 0: the array holds all points
};

// Collective over `comm`, as Coupler's constructor is for components: this rank serves a network of `plan` (a file's
// path), as `ekman serve` does, until the run is over. Throws Error if the ML library is not there; others end the job.
void serve(MPI_Comm comm, std::string_view plan);

// One component rank's end of the coupler. All calls throw Error; after an error the object refuses further calls with
// the same sentence. Collective calls must be made by all ranks of the component.
class Coupler {
 public:
  // Collective over `comm`, which components, ML ranks and ranks of other couplers share (MPI handshake v1). In a job
  // without ML ranks, whose networks all have `placement: inline`, the environment variable EKMAN_PLAN names the plan.
  Coupler(std::string_view component, MPI_Comm comm);
  // Collective over `comm`, which only Ekman's ranks share; no handshake.
  static Coupler on_own_communicator(std::string_view component, MPI_Comm comm);

  Coupler(Coupler&&) noexcept;
  Coupler& operator=(Coupler&&) noexcept;
  // Without finalize() before it the run did not end well, and the destructor aborts the job.
  ~Coupler();

  // The ranks of this component; owned by the coupler, valid until finalize().
  MPI_Comm local_comm() const;

  // Local. Global ids in array order, any order, sparse if wanted; a negative id marks a slot that is no point.
  void def_points(const std::vector<std::int64_t>& ids, std::string_view name = "");
  void def_points(const ArrayView& ids, std::string_view name = "");
  // Local. Degrees east and north of all slots of a point set defined before, real32 or real64, for recordings.
  void def_coordinates(const ArrayView& longitude, const ArrayView& latitude, std::string_view points = "");
  // Local. A field of the plan, on the points defined before.
  void def_field(std::string_view name, const FieldOptions& options = {});
  // Collective, together with the ML ranks. Definitions and plan are compared, buffers are made; with `resume` in the
  // plan the run goes on from that restart set. `step`, if given, is the step that the model makes next, from 1: an
  // error unless it is the coupler's.
  void enddef(std::int64_t step = 0);
  // Local, after enddef. The step to be made, from 1; after a resume the one that the restart set goes on with.
  std::int64_t step() const;

  // Packs the array; it is the caller's again on return. Thread-safe for disjoint parts.
  Info put(std::string_view field, const ArrayView& array, Part part = {});
  // Blocks until the field is there: with `lag: 1` in the plan that of the exchange before, so it may come before the
  // puts of its step; without, all inputs must be put. Thread-safe for disjoint parts; below MPI_THREAD_MULTIPLE, with
  // ML ranks on other nodes, the thread that made the coupler gets first (an empty part is enough).
  Info get(std::string_view field, const ArrayView& array, Part part = {});
  // Adjoints, for networks with a `tape` in the plan, by the thread that made the coupler, between steps or after the
  // inputs of a step are put. put_adjoint takes the derivative of the model's loss by an output of the last exchange on
  // the tape: of each of its outputs, once for every point. get_adjoint then returns its derivative by an input. What
  // it says of the parameters is added up for the next optimizer step, if the network learns. The exchange leaves the
  // tape, unless `retain` is set: then it takes another adjoint, and they add up.
  void put_adjoint(std::string_view output, const ArrayView& array, Part part = {}, bool retain = false);
  void get_adjoint(std::string_view input, const ArrayView& array, Part part = {});
  // Local; on all ranks between the same calls. Drops what the parameters of a network have accumulated, and its tape.
  void zero_grad(std::string_view network);
  // Collective, by the thread that made the coupler; after the inputs of this step are put. What the ML ranks have
  // learned, by name: "convection/loss", or step, validation_loss, learning_rate, gradient_norm in place of loss. As it
  // was when the outputs of the last exchange were computed: after the optimizer step that came before it, so the same
  // in every run, and on all ranks. NaN if it is not known yet. With a tape there are no losses: they
  // are the model's. Local, from enddef on, of any network: "convection/ml_ranks" (0: inline), "convection/chunks".
  double scalar(std::string_view name);
  // Collective over the component, by the thread that made the coupler. Adds up an array of reals, in one piece, over
  // all ranks, element by element and in place, with the same bits on each.
  void global_sum(const ArrayView& array);
  // Local, from enddef on. Where a network runs: "convection/device" and "convection/node", of each of its ML ranks in
  // their order, such as "cuda:0, cuda:1", once if all are alike; of a network that runs inline, of this rank.
  std::string string(std::string_view name);
  // Local; across nodes it waits until the messages of the exchange before have left. Ends the model step: every input
  // must have been put once for every point.
  void advance();
  // Collective; between steps, after advance and before the first put. Writes what a coupled run needs to go on with
  // the same bits, on other numbers of ranks too; `resume: label` in the plan takes it up. Returns when the set is on
  // disk under its name, in place of an older one of that label. A set that cannot be written ends the job with path
  // and cause.
  void write_restart(std::string_view label);
  // Collective. No call but the destructor may follow. MPI_Finalize then waits until all ranks of the job have called
  // it, so that one that fails before takes the job with it.
  void finalize();

  // Local, from enddef on, for graphs over exchanges.
  FieldFacts facts_of(std::string_view field) const;
  std::vector<TapeFacts> tapes() const;
  // Lives as long as the coupler: a place for what is built on it.
  std::shared_ptr<void>& companion();

 private:
  struct Impl;
  explicit Coupler(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The version of the library, "major.minor.patch".
const char* version();

}  // namespace ekman
