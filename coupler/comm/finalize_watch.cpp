// Implements finalize_watch.hpp: MPI_Finalize deletes the attributes of MPI_COMM_SELF before anything else.
#include "coupler/comm/finalize_watch.hpp"

#include <mpi.h>

#include <utility>

#include "coupler/base/log.hpp"
#include "coupler/comm/communicator.hpp"

namespace ekman {

namespace {

int on_delete(MPI_Comm, int, void* value, void*) {
  const auto* watch = static_cast<FinalizeWatch::State*>(value);
  if (!watch->armed) return MPI_SUCCESS;
  log_line("error: " + watch->text);
  abort_world(1);
}

}  // namespace

FinalizeWatch::FinalizeWatch(std::string text) : state_(std::make_unique<State>()) {
  state_->text = std::move(text);
  check_mpi(MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, &on_delete, &keyval_, nullptr), "MPI_Comm_create_keyval");
  check_mpi(MPI_Comm_set_attr(MPI_COMM_SELF, keyval_, state_.get()), "MPI_Comm_set_attr");
}

FinalizeWatch::~FinalizeWatch() {
  state_->armed = false;
  if (!mpi_is_running()) return;
  MPI_Comm_delete_attr(MPI_COMM_SELF, keyval_);
  MPI_Comm_free_keyval(&keyval_);
}

}  // namespace ekman
