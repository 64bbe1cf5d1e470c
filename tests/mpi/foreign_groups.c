/* A program without Ekman in a job that has it: speaks version 1 of the MPI handshake, as YAC, ICON and XIOS do, in
 * code of its own.
 *
 * foreign_groups NAME...   member of these groups; prints how many ranks each has
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int version = 1, rank, size;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Allreduce(MPI_IN_PLACE, &version, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  if (version != 1) MPI_Abort(MPI_COMM_WORLD, 1);
  char* settled = calloc((size_t)argc, 1);
  for (;;) {
    int next = 1;
    while (next < argc && settled[next]) ++next;
    int speaker = next < argc ? rank : size;
    MPI_Allreduce(MPI_IN_PLACE, &speaker, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    if (speaker == size) break;
    int length = speaker == rank ? (int)strlen(argv[next]) : 0;
    MPI_Bcast(&length, 1, MPI_INT, speaker, MPI_COMM_WORLD);
    char* name = calloc((size_t)length + 1, 1);
    if (speaker == rank) memcpy(name, argv[next], (size_t)length);
    MPI_Bcast(name, length, MPI_CHAR, speaker, MPI_COMM_WORLD);
    int mine = 0;
    for (int i = 1; i < argc; ++i) {
      if (!settled[i] && strcmp(argv[i], name) == 0) mine = i;
    }
    MPI_Comm group;
    MPI_Comm_split(MPI_COMM_WORLD, mine ? 0 : MPI_UNDEFINED, rank, &group);
    if (mine) {
      settled[mine] = 1;
      int members;
      MPI_Comm_size(group, &members);
      printf("foreign: group %s has %d ranks\n", name, members);
      MPI_Comm_free(&group);
    }
    free(name);
  }
  free(settled);
  MPI_Finalize();
  return 0;
}
