// A component whose rank 1 hangs in a way named on the command line, to see what the others say; through the C++
// interface.
//
// timeout_model CASE
//   fields a -> a_back of network "first", b -> b_back of network "second", 100 points a rank, 3 steps; the hang is in
//   step 2
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <ekman/coupler.hpp>
#include <iostream>
#include <string>
#include <vector>

namespace {

constexpr std::int64_t k_points = 100;
constexpr std::int64_t k_hang = 1000;  // seconds, longer than the test

// An array whose reader is stopped by a signal at the first value: it lies in memory that may not be read.
double* trap = nullptr;
void stop_the_reader(int) {
  mprotect(trap, k_points * sizeof(double), PROT_READ | PROT_WRITE);
  raise(SIGSTOP);
}
double* make_trap() {
  void* memory = mmap(nullptr, k_points * sizeof(double), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  trap = static_cast<double*>(memory);
  signal(SIGSEGV, &stop_the_reader);
  return trap;
}

struct Model {
  ekman::Coupler coupler;
  std::string hang;
  int rank;
  std::vector<double> values = std::vector<double>(k_points, 1.0);

  void put(const char* field, const double* from) { coupler.put(field, ekman::contiguous_view(from, {k_points})); }
  void put(const char* field) { put(field, values.data()); }
  void get(const char* field) { coupler.get(field, ekman::contiguous_view(values.data(), {k_points})); }

  // Of network "first", whose exchange of this step is on the tape.
  void go_back() {
    coupler.put_adjoint("a_back", ekman::contiguous_view(values.data(), {k_points}));
    coupler.get_adjoint("a", ekman::contiguous_view(values.data(), {k_points}));
  }

  void step() {
    put("a");
    put("b");
    get("a_back");
    get("b_back");
    coupler.advance();
  }

  // Step 2 of rank 1.
  void hang_in_step() {
    if (hang == "mpi_call") {  // b is not put; nobody else comes to the Allreduce
      put("a");
      int sum = 1;
      MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_INT, MPI_SUM, coupler.local_comm());
    } else if (hang == "stop_in_physics") {
      raise(SIGSTOP);
    } else if (hang == "dead") {
      raise(SIGKILL);
    } else if (hang == "stop_in_put") {
      put("a");
      put("b", make_trap());
    } else if (hang == "slow_physics") {
      sleep(6);
    } else if (hang == "physics") {
      sleep(k_hang);
    } else if (hang == "ring") {
      put("b");
      get("b_back");
    } else if (hang == "late_adjoint") {
      put("a");
      sleep(k_hang);
    } else if (hang == "adjoint_ring") {  // it goes on to step 3
      put("a");
      put("b");
      coupler.advance();
      put("a");
      get("a_back");
    }
  }

  // The same of rank 0, which goes on as it should.
  void go_on_in_step() {
    if (hang == "ring") {
      put("a");
      get("a_back");
    } else if (hang == "late_adjoint" || hang == "adjoint_ring") {
      put("a");
      go_back();
    }
  }
};

// Until the driver has stopped the ML rank, or has suspended the job and let it go on.
void await_driver() {
  std::cout << "ready\n" << std::flush;
  std::string line;
  std::getline(std::cin, line);
}

void run(const std::string& hang) {
  Model model{ekman::Coupler("air", MPI_COMM_WORLD), hang, 0};
  ekman::Coupler& coupler = model.coupler;
  MPI_Comm_rank(coupler.local_comm(), &model.rank);
  const bool hangs = model.rank == 1;
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < k_points; ++i) ids.push_back(2 * i + model.rank);
  coupler.def_points(ids);
  for (const char* field : {"a", "b", "a_back", "b_back"}) coupler.def_field(field);
  if (hang == "no_enddef" && hangs) sleep(k_hang);
  coupler.enddef();
  for (int step = 1; step <= 3; ++step) {
    if ((hang == "stop_ml" || hang == "suspend") && step == 2) {
      MPI_Barrier(coupler.local_comm());  // both have their outputs of step 1
      if (!hangs) await_driver();
      if (!hangs && hang == "suspend") sleep(1);  // what others do about a wait that was suspended, they do now
    }
    if (hang == "long") sleep(2);
    if (step == 2 && hangs) model.hang_in_step();
    if (step == 2 && !hangs) model.go_on_in_step();
    model.step();
  }
  if (hang == "no_finalize" && hangs) sleep(k_hang);
  coupler.finalize();
  if (model.rank == 0) std::cout << "three steps\n" << std::flush;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  const std::string hang = argc > 1 ? argv[1] : "";
  if (hang == "no_init") sleep(k_hang);
  try {
    run(hang);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return 0;
}
