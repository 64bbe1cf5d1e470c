// Implements finalize_watch.hpp: MPI_Finalize deletes the attributes of MPI_COMM_SELF before anything else.
#include "coupler/comm/finalize_watch.hpp"

#include <mpi.h>

#include <chrono>
#include <thread>
#include <utility>

#include "coupler/base/log.hpp"
#include "coupler/base/simulation.hpp"
#include "coupler/comm/communicator.hpp"

namespace ekman {

namespace {

int on_delete(MPI_Comm, int, void* value, void*) {
  const auto* watch = static_cast<FinalizeWatch::State*>(value);
  if (!watch->armed) return MPI_SUCCESS;
  log_line("error: " + watch->text);
  abort_world(1);
}

// On an error the launcher is left to see how the job ends.
int wait_for_all(MPI_Comm, int, void* value, void*) {
  constexpr std::chrono::milliseconds k_pause(1);
  const std::unique_ptr<Communicator> all(static_cast<Communicator*>(value));
  MPI_Request request = MPI_REQUEST_NULL;
  int done = 0;
  if (MPI_Ibarrier(all->get(), &request) != MPI_SUCCESS) return MPI_SUCCESS;
  while (MPI_Test(&request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && done == 0) std::this_thread::sleep_for(k_pause);
  return MPI_SUCCESS;
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

void finalize_together(Communicator all) {
  if (k_simulated) return;
  int keyval = MPI_KEYVAL_INVALID;
  check_mpi(MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, &wait_for_all, &keyval, nullptr), "MPI_Comm_create_keyval");
  auto kept = std::make_unique<Communicator>(std::move(all));
  check_mpi(MPI_Comm_set_attr(MPI_COMM_SELF, keyval, kept.get()), "MPI_Comm_set_attr");
  kept.release();  // until wait_for_all takes it
  check_mpi(MPI_Comm_free_keyval(&keyval), "MPI_Comm_free_keyval");
}

}  // namespace ekman
