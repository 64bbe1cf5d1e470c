/* The C face of Ekman. Conventions: every function returns 0, or an error code (enum ekman_error); the sentence is then
 * in ekman_last_error(). Strings end with a null. Points count from 0. Nothing keeps an address after it has returned.
 */
#ifndef EKMAN_H
#define EKMAN_H

#include <mpi.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ekman_coupler ekman_coupler;

enum ekman_error {
  EKMAN_OK = 0,
  EKMAN_USAGE = 1,
  EKMAN_PLAN = 2,
  EKMAN_NETWORK = 3,
  EKMAN_MPI = 4,
  EKMAN_INTERNAL = 5
};

/* What a put or get did. */
enum ekman_info { EKMAN_COUPLED = 0, EKMAN_HELD = 1, EKMAN_NONE = 2, EKMAN_FALLBACK = 3 };

enum ekman_kind { EKMAN_REAL32 = 1, EKMAN_REAL64 = 2, EKMAN_INT32 = 3, EKMAN_INT64 = 4 };

#define EKMAN_MAX_RANK 15

/* A strided array. Axis 0 varies fastest in a contiguous Fortran array; strides are in bytes. */
typedef struct ekman_array {
  void* data;
  int kind; /* enum ekman_kind */
  int rank;
  int64_t extent[EKMAN_MAX_RANK];
  int64_t stride[EKMAN_MAX_RANK];
} ekman_array;

/* Collective over `comm`, shared with ML ranks and others that speak the MPI handshake v1. *local becomes the
 * component's own communicator, owned by the coupler; it may be NULL. In a job without ML ranks, whose networks all
 * have `placement: inline`, the environment variable EKMAN_PLAN names the plan. */
int ekman_init(ekman_coupler** coupler, const char* component, MPI_Comm comm, MPI_Comm* local);
/* Collective over `comm`, which only Ekman's ranks share; no handshake. */
int ekman_init_comm(ekman_coupler** coupler, const char* component, MPI_Comm comm, MPI_Comm* local);
/* Collective. For ranks of `comm` that take no part in Ekman. */
int ekman_init_dummy(MPI_Comm comm);
/* Collective over `comm`, as ekman_init is for components: this rank serves a network of `plan` (a file's path), as
 * `ekman serve` does, until the run is over. Returns an error if the ML library is not there; others end the job. */
int ekman_serve(MPI_Comm comm, const char* plan);
/* Collective. One round of the MPI handshake v1 for `count` group names; comms[i] is the caller's to free. */
int ekman_handshake(MPI_Comm comm, int count, const char* const* names, MPI_Comm* comms);

/* Local. `name` NULL or "": the unnamed point set. Negative ids mark slots that are no points. */
int ekman_def_points(ekman_coupler* coupler, const int64_t* ids, int64_t count, const char* name);
/* Local. Degrees east and north of all `count` slots of a point set defined before, for recordings. */
int ekman_def_coordinates(ekman_coupler* coupler, const double* longitude, const double* latitude, int64_t count,
                          const char* points);
/* Local. `units`, `axes`, `points` may be NULL. */
int ekman_def_field(ekman_coupler* coupler, const char* name, const char* units, int64_t levels, const char* axes,
                    const char* points);
/* Collective. */
int ekman_enddef(ekman_coupler* coupler);
/* As ekman_enddef; an error unless `step`, which the model makes next, is the coupler's next one, from 1. */
int ekman_enddef_at(ekman_coupler* coupler, int64_t step);
/* Local. The step to be made, from 1; after a resume the one that the restart set goes on with. */
int ekman_get_step(ekman_coupler* coupler, int64_t* step);
/* `first` < 0: the array holds all points of this rank. `info` (enum ekman_info) may be NULL. */
int ekman_put(ekman_coupler* coupler, const char* field, const ekman_array* array, int64_t first, int* info);
int ekman_get(ekman_coupler* coupler, const char* field, const ekman_array* array, int64_t first, int* info);
/* Adjoints, for networks with a `tape` in the plan, between steps or after the inputs of a step are put: the derivative
 * of the model's loss by an output of the last exchange on the tape, of each of its outputs once for every point; then
 * its derivative by an input. The exchange leaves the tape, unless `retain` is not 0: then it takes another adjoint,
 * and they add up. */
int ekman_put_adjoint(ekman_coupler* coupler, const char* output, const ekman_array* array, int64_t first, int retain);
int ekman_get_adjoint(ekman_coupler* coupler, const char* input, const ekman_array* array, int64_t first);
/* Local; on all ranks between the same calls. Drops what the parameters of a network have accumulated, and its tape. */
int ekman_zero_grad(ekman_coupler* coupler, const char* network);
/* Collective, by the thread that called init; after the inputs of this step are put. What the ML ranks have learned:
 * "convection/loss", or step, validation_loss, learning_rate, gradient_norm in place of loss; as it was when the
 * outputs of the last exchange were computed, the same on all ranks; NaN if it is not known yet. Local, from enddef on,
 * of any network: "convection/ml_ranks" (0: inline) and "convection/chunks". */
int ekman_get_scalar(ekman_coupler* coupler, const char* name, double* value);
/* Local, from enddef on. Where a network runs: "convection/device" and "convection/node", of each of its ML ranks in
 * their order, such as "cuda:0, cuda:1", once if all are alike; inline: of this rank. `text` has room for `size`
 * characters, its end included; a text that is longer is an error that says how long. */
int ekman_get_string(ekman_coupler* coupler, const char* name, char* text, int64_t size);
/* Local; across nodes it waits until the messages of the exchange before have left. Ends the model step. */
int ekman_advance(ekman_coupler* coupler);
/* Collective; between steps, after advance and before the first put. Writes the restart set `label`, which `resume:
 * label` in the plan takes up; returns when it is on disk. A set that cannot be written ends the job with path and
 * cause. */
int ekman_write_restart(ekman_coupler* coupler, const char* label);
/* Collective. Frees the coupler and sets *coupler to NULL. MPI_Finalize then waits until all ranks of the job have
 * called it. */
int ekman_finalize(ekman_coupler** coupler);

/* Prints one line and ends the whole job with exit status 1. */
void ekman_abort(const char* text);
/* The sentence of this thread's last error, "" if there was none; valid until its next call. */
const char* ekman_last_error(void);
const char* ekman_version(void);

#ifdef __cplusplus
}
#endif

#endif
