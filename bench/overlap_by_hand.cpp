// What bench_overlap measures, written by hand: 2 ranks exchange bytes in persistent messages, each small enough to be
// sent at once over TCP (Open MPI's eager limit there is 64 KiB), while both work.
//
// bench_overlap_by_hand NAME LAG KIB ROUNDS   KIB each way in a step; rank 0 is the component
#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/arithmetic.hpp"
#include "bench/ratio.hpp"

namespace {

constexpr int k_steps = 10;           // of a block
constexpr int k_message = 60 * 1024;  // bytes
constexpr int k_chunks = 16;          // of the network, each with messages of its own

// One direction, in persistent requests.
class Way {
 public:
  Way(int bytes, bool sends) : data_(static_cast<std::size_t>(bytes)) {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    for (int begin = 0; begin < bytes; begin += k_message) {
      const int count = std::min(k_message, bytes - begin), tag = begin / k_message;
      requests_.emplace_back();
      char* const part = data_.data() + begin;
      if (sends) {
        MPI_Send_init(part, count, MPI_BYTE, 1 - rank, tag, MPI_COMM_WORLD, &requests_.back());
      } else {
        MPI_Recv_init(part, count, MPI_BYTE, 1 - rank, tag, MPI_COMM_WORLD, &requests_.back());
      }
    }
  }
  void start() { MPI_Startall(static_cast<int>(requests_.size()), requests_.data()); }
  void wait() { MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE); }
  void free() {
    for (MPI_Request& request : requests_) MPI_Request_free(&request);
  }
  std::vector<char>& data() { return data_; }

 private:
  std::vector<char> data_;
  std::vector<MPI_Request> requests_;
};

struct Pair {
  explicit Pair(int bytes) : in(bytes, false), out(bytes, true) {}
  Way in, out;
};

// Steps of the component; `lag`: outputs are those of the step before.
class Component {
 public:
  Component(int lag, int bytes, std::int64_t rounds)
      : lag_(lag), rounds_(rounds), ways_(bytes), x_(static_cast<std::size_t>(bytes), 'x'), y_(x_.size()) {}

  void step() {
    if (step_ > 0) ways_.out.wait();
    std::copy(x_.begin(), x_.end(), ways_.out.data().begin());
    if (lag_ == 0) ways_.in.start();
    ways_.out.start();
    bench::work(rounds_);
    if (lag_ == 0 || step_ > 0) {
      ways_.in.wait();
      std::copy(ways_.in.data().begin(), ways_.in.data().end(), y_.begin());
    }
    if (lag_ > 0) ways_.in.start();
    ++step_;
  }

  void end() {
    ways_.out.wait();
    if (lag_ > 0) ways_.in.wait();
    ways_.in.free();
    ways_.out.free();
  }

 private:
  int lag_;
  std::int64_t rounds_, step_ = 0;
  Pair ways_;
  std::vector<char> x_, y_;
};

void serve(int bytes, std::int64_t rounds, int steps) {
  Pair ways(bytes);
  for (int step = 0; step < steps; ++step) {
    ways.in.start();
    ways.in.wait();
    for (int chunk = 0; chunk < k_chunks; ++chunk) bench::work(rounds / k_chunks);
    if (step > 0) ways.out.wait();
    std::copy(ways.in.data().begin(), ways.in.data().end(), ways.out.data().begin());
    ways.out.start();
  }
  ways.out.wait();
  ways.in.free();
  ways.out.free();
}

double seconds_of_steps(Component* component, std::int64_t rounds) {
  const double begin = MPI_Wtime();
  for (int step = 0; step < k_steps; ++step) {
    if (component != nullptr) {
      component->step();
    } else {
      bench::work(rounds);
    }
  }
  return (MPI_Wtime() - begin) / k_steps;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0, ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (ranks != 2 || argc != 5) {
    std::fprintf(stderr, "bench_overlap_by_hand NAME LAG KIB ROUNDS, on 2 ranks; there are %d\n", ranks);
    MPI_Abort(MPI_COMM_WORLD, 2);
  }
  const int bytes = 1024 * std::stoi(argv[3]);
  const std::int64_t rounds = std::stoll(argv[4]);
  if (rank == 1) {
    serve(bytes, rounds, bench::pairs() * (k_steps + 1));
  } else {
    Component component(std::stoi(argv[2]), bytes, rounds);
    std::vector<double> ratios, steps;
    for (int pair = 0; pair < bench::pairs(); ++pair) {
      const double alone = seconds_of_steps(nullptr, rounds);
      component.step();  // finds the network idle
      steps.push_back(seconds_of_steps(&component, rounds));
      ratios.push_back(steps.back() / alone);
    }
    component.end();
    std::printf("%s   # step %.2f ms\n", bench::ratio_line(argv[1], ratios).c_str(),
                1e3 * bench::median_of(steps).median);
  }
  MPI_Finalize();
}
