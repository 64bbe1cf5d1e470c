/* The least component in C: 10 points a rank, one step, an echo. */
#include <ekman/ekman.h>
#include <stdio.h>

enum { num_points = 10 };

static void check(int code) {
  if (code != EKMAN_OK) ekman_abort(ekman_last_error());
}

int main(int argc, char** argv) {
  ekman_coupler* coupler = NULL;
  MPI_Comm local;
  int rank = 0, wrong = 0, info = -1;
  int64_t ids[num_points];
  double sst[num_points], flux[num_points] = {0.0};
  ekman_array put = {sst, EKMAN_REAL64, 1, {num_points}, {sizeof(double)}};
  ekman_array get = {flux, EKMAN_REAL64, 1, {num_points}, {sizeof(double)}};

  MPI_Init(&argc, &argv);
  check(ekman_init(&coupler, "ocean", MPI_COMM_WORLD, &local));
  MPI_Comm_rank(local, &rank);
  for (int i = 0; i < num_points; ++i) {
    ids[i] = rank * num_points + i;
    sst[i] = 280.0 + 0.1 * (double)ids[i];
  }
  check(ekman_def_points(coupler, ids, num_points, NULL));
  check(ekman_def_field(coupler, "sst", "K", 1, NULL, NULL));
  check(ekman_def_field(coupler, "flux", "W m-2", 1, NULL, NULL));
  check(ekman_enddef(coupler));
  check(ekman_put(coupler, "sst", &put, -1, NULL));
  check(ekman_get(coupler, "flux", &get, -1, &info));
  check(ekman_advance(coupler));
  check(ekman_finalize(&coupler));

  for (int i = 0; i < num_points; ++i) wrong += flux[i] != sst[i];
  if (wrong == 0 && info == EKMAN_COUPLED) puts("echo is right");
  MPI_Finalize();
  return wrong;
}
