// Half a round trip between ranks 0 and 1, for the platform of `ekman simulate` (docs/simulation.md): the median of
// many, of messages as Ekman sends them between nodes. And how fast a rank makes float32 of float64.
#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <vector>

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  constexpr int k_rounds = 2000;
  for (const int bytes : {8, 1024, 16 * 1024, 60 * 1024}) {
    std::vector<char> data(static_cast<std::size_t>(bytes));
    std::vector<double> times;
    for (int round = 0; round < k_rounds && rank < 2; ++round) {
      const double begin = MPI_Wtime();
      if (rank == 0) MPI_Send(data.data(), bytes, MPI_BYTE, 1, 0, MPI_COMM_WORLD);
      MPI_Recv(data.data(), bytes, MPI_BYTE, 1 - rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      if (rank == 1) MPI_Send(data.data(), bytes, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
      times.push_back((MPI_Wtime() - begin) / 2);
    }
    if (rank != 0) continue;
    std::nth_element(times.begin(), times.begin() + k_rounds / 2, times.end());
    std::printf("%d bytes: %.2f us\n", bytes, 1e6 * times[k_rounds / 2]);
  }
  // A field's messages one behind the other, as a put sends them.
  constexpr int k_bytes = 60 * 1024, k_messages = 40;
  std::vector<char> all(static_cast<std::size_t>(k_bytes) * k_messages);
  std::vector<double> streams;
  for (int round = 0; round < 200 && rank < 2; ++round) {
    std::vector<MPI_Request> requests(k_messages);
    MPI_Sendrecv(nullptr, 0, MPI_BYTE, 1 - rank, 1, nullptr, 0, MPI_BYTE, 1 - rank, 1, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
    const double begin = MPI_Wtime();
    for (int m = 0; m < k_messages; ++m) {
      char* const data = all.data() + static_cast<std::size_t>(m) * k_bytes;
      if (rank == 0) MPI_Isend(data, k_bytes, MPI_BYTE, 1, 2, MPI_COMM_WORLD, &requests[m]);
      if (rank == 1) MPI_Irecv(data, k_bytes, MPI_BYTE, 0, 2, MPI_COMM_WORLD, &requests[m]);
    }
    MPI_Waitall(k_messages, requests.data(), MPI_STATUSES_IGNORE);
    if (rank == 1) MPI_Send(nullptr, 0, MPI_BYTE, 0, 3, MPI_COMM_WORLD);
    if (rank == 0) MPI_Recv(nullptr, 0, MPI_BYTE, 1, 3, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    streams.push_back(MPI_Wtime() - begin);
  }
  if (rank == 0) {
    std::nth_element(streams.begin(), streams.begin() + 100, streams.end());
    std::printf("stream: %.3f GB/s\n", 1e-9 * k_bytes * k_messages / streams[100]);
  }
  // What packing a field does, on both ranks at once.
  constexpr std::size_t k_values = 614400;
  std::vector<double> field(k_values, 1.0);
  std::vector<float> row(k_values);
  std::vector<double> times;
  for (int round = 0; round < 200; ++round) {
    const double begin = MPI_Wtime();
    for (std::size_t i = 0; i < k_values; ++i) row[i] = static_cast<float>(field[i]);
    times.push_back(MPI_Wtime() - begin);
    field[static_cast<std::size_t>(round)] = row[static_cast<std::size_t>(round) + 1];
  }
  std::nth_element(times.begin(), times.begin() + 100, times.end());
  if (rank == 0) std::printf("copies: %.2f GB/s\n", 4e-9 * static_cast<double>(k_values) / times[100]);
  MPI_Finalize();
}
