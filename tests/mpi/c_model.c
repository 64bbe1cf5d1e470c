/* The C interface: global ids beyond 32 bits, strided arrays of both kinds, parts, info, and codes instead of an end of
 * the job. With the argument "mistake" it ends the job itself, with the coupler's own sentence. */
#include <ekman/ekman.h>
#include <stdio.h>
#include <string.h>

enum { points = 9, levels = 3, wide = 4 };

static void check(int code) {
  if (code != EKMAN_OK) ekman_abort(ekman_last_error());
}

int main(int argc, char** argv) {
  ekman_coupler* coupler = NULL;
  const char* names[] = {"ekman"};
  MPI_Comm comm, local;
  int rank, ranks, wrong = 0, info = -1;
  int64_t step = 0;
  char label[32], node[256];
  int64_t ids[points];
  float in[points][wide]; /* levels 0..2 of rows of 4 */
  double out[levels][points], longitude[points], latitude[points];
  const ekman_array whole = {in, EKMAN_REAL32, 2, {points, levels}, {wide * sizeof(float), sizeof(float)}};
  ekman_array head = {out, EKMAN_REAL64, 2, {4, levels}, {sizeof(double), points * sizeof(double)}};
  ekman_array tail = {&out[0][4], EKMAN_REAL64, 2, {points - 4, levels}, {sizeof(double), points * sizeof(double)}};

  MPI_Init(&argc, &argv);
  check(ekman_handshake(MPI_COMM_WORLD, 1, names, &comm));
  check(ekman_init_comm(&coupler, "ocean", comm, &local));
  MPI_Comm_rank(local, &rank);
  for (int i = 0; i < points; ++i) {
    ids[i] = i == 2 ? -1 : 5000000000 - (rank * points + i);
    for (int l = 0; l < wide; ++l) in[i][l] = (float)(100 * rank + 10 * i + l);
    for (int l = 0; l < levels; ++l) out[l][i] = -1.0;
  }
  check(ekman_def_points(coupler, ids, points, "cells"));
  for (int i = 0; i < points; ++i) longitude[i] = latitude[i] = i;
  check(ekman_def_coordinates(coupler, longitude, latitude, points, "cells"));
  check(ekman_def_field(coupler, "t", "K", levels, "pl", "cells"));
  check(ekman_def_field(coupler, "dt", "K s-1", levels, NULL, "cells"));
  check(ekman_enddef_at(coupler, 1));
  check(ekman_get_string(coupler, "echo/node", node, sizeof node));
  if (strlen(node) == 0 || ekman_get_string(coupler, "echo/node", node, 1) == EKMAN_OK) ++wrong;
  if (argc > 1 && strcmp(argv[1], "mistake") == 0) {
    if (ekman_put(coupler, "t", &head, 7, NULL) == EKMAN_OK) return 3;
    if (strstr(ekman_last_error(), "goes from point 8 to 11") == NULL) return 3;
    if (ekman_put(coupler, "t", &whole, -1, NULL) == EKMAN_OK) return 3; /* refused after an error */
    ekman_abort(ekman_last_error());
  }
  check(ekman_put(coupler, "t", &whole, -1, NULL));
  check(ekman_get(coupler, "dt", &tail, 4, &info));
  check(ekman_get(coupler, "dt", &head, 0, NULL));
  check(ekman_advance(coupler));
  MPI_Comm_size(local, &ranks);
  snprintf(label, sizeof label, "c_model_%d", ranks);
  check(ekman_write_restart(coupler, label));
  check(ekman_get_step(coupler, &step));
  check(ekman_finalize(&coupler));
  for (int i = 0; i < points; ++i) {
    for (int l = 0; l < levels; ++l) wrong += out[l][i] != (ids[i] < 0 ? -1.0 : (double)in[i][l]);
  }
  if (info != EKMAN_COUPLED || step != 2 || coupler != NULL) ++wrong;
  printf("c_model: %d wrong values\n", wrong);
  MPI_Comm_free(&comm);
  MPI_Finalize();
  return wrong != 0;
}
