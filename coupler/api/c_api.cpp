// Implements ekman.h.
#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <vector>

#include "coupler/api/boundary.hpp"
#include "coupler/base/log.hpp"
#include "coupler/comm/handshake.hpp"
#include "ekman/ekman.h"

namespace ekman {

std::string& last_error() {
  thread_local std::string text;
  return text;
}

void fail_job(bool printed) {
  if (!printed) log_line("error: " + last_error());
  abort_world(1);
}

namespace {

std::string text_of(const char* text) { return text == nullptr ? "" : text; }

Coupler& checked(ekman_coupler* coupler) {
  if (coupler == nullptr) throw Error(ErrorCode::usage, "the coupler is null; call ekman_init first");
  return coupler->coupler;
}

ArrayView view_of(const ekman_array* array) {
  if (array == nullptr) throw Error(ErrorCode::usage, "the array is null; pass the address of an ekman_array");
  if (array->rank < 1 || array->rank > k_max_rank) {
    throw Error(ErrorCode::usage, "the array has rank " + std::to_string(array->rank) +
                                      "; its rank must be from 1 to " + std::to_string(k_max_rank));
  }
  ArrayView view;
  view.data = static_cast<std::byte*>(array->data);
  view.kind = static_cast<ElementKind>(array->kind);
  view.rank = array->rank;
  for (int axis = 0; axis < array->rank; ++axis) {
    view.extent[axis] = array->extent[axis];
    view.stride[axis] = array->stride[axis];
  }
  return view;
}

int start(ekman_coupler** coupler, Coupler made, MPI_Comm* local) {
  if (local != nullptr) *local = made.local_comm();
  *coupler = new ekman_coupler{std::move(made)};
  return 0;
}

}  // namespace
}  // namespace ekman

using namespace ekman;

extern "C" {

int ekman_init(ekman_coupler** coupler, const char* component, MPI_Comm comm, MPI_Comm* local) {
  return guard_boundary([&] { start(coupler, Coupler(text_of(component), comm), local); });
}

int ekman_init_comm(ekman_coupler** coupler, const char* component, MPI_Comm comm, MPI_Comm* local) {
  return guard_boundary([&] { start(coupler, Coupler::on_own_communicator(text_of(component), comm), local); });
}

int ekman_init_dummy(MPI_Comm comm) {
  return guard_boundary([&] { handshake(comm, {}); });
}

int ekman_serve(MPI_Comm comm, const char* plan) {
  return guard_boundary([&] { serve(comm, text_of(plan)); });
}

int ekman_handshake(MPI_Comm comm, int count, const char* const* names, MPI_Comm* comms) {
  return guard_boundary([&] {
    std::vector<std::string> list(names, names + count);
    const std::vector<MPI_Comm> found = handshake_for_model(comm, list);
    std::copy(found.begin(), found.end(), comms);
  });
}

int ekman_def_points(ekman_coupler* coupler, const int64_t* ids, int64_t count, const char* name) {
  return guard_boundary([&] { checked(coupler).def_points(contiguous_view(ids, {count}), text_of(name)); });
}

int ekman_def_coordinates(ekman_coupler* coupler, const double* longitude, const double* latitude, int64_t count,
                          const char* points) {
  return guard_boundary([&] {
    checked(coupler).def_coordinates(contiguous_view(longitude, {count}), contiguous_view(latitude, {count}),
                                     text_of(points));
  });
}

int ekman_def_field(ekman_coupler* coupler, const char* name, const char* units, int64_t levels, const char* axes,
                    const char* points) {
  return guard_boundary([&] {
    checked(coupler).def_field(text_of(name), {text_of(units), levels, text_of(axes), text_of(points)});
  });
}

int ekman_enddef(ekman_coupler* coupler) {
  return guard_boundary([&] { checked(coupler).enddef(); });
}

int ekman_enddef_at(ekman_coupler* coupler, int64_t step) {
  return guard_boundary([&] { checked(coupler).enddef(require_step(step)); });
}

int ekman_get_step(ekman_coupler* coupler, int64_t* step) {
  return guard_boundary([&] { *step = checked(coupler).step(); });
}

int ekman_put(ekman_coupler* coupler, const char* field, const ekman_array* array, int64_t first, int* info) {
  return guard_boundary([&] {
    const Info did = checked(coupler).put(text_of(field), view_of(array), {first});
    if (info != nullptr) *info = static_cast<int>(did);
  });
}

int ekman_get(ekman_coupler* coupler, const char* field, const ekman_array* array, int64_t first, int* info) {
  return guard_boundary([&] {
    const Info did = checked(coupler).get(text_of(field), view_of(array), {first});
    if (info != nullptr) *info = static_cast<int>(did);
  });
}

int ekman_put_adjoint(ekman_coupler* coupler, const char* output, const ekman_array* array, int64_t first, int retain) {
  return guard_boundary([&] { checked(coupler).put_adjoint(text_of(output), view_of(array), {first}, retain != 0); });
}

int ekman_get_adjoint(ekman_coupler* coupler, const char* input, const ekman_array* array, int64_t first) {
  return guard_boundary([&] { checked(coupler).get_adjoint(text_of(input), view_of(array), {first}); });
}

int ekman_zero_grad(ekman_coupler* coupler, const char* network) {
  return guard_boundary([&] { checked(coupler).zero_grad(text_of(network)); });
}

int ekman_get_scalar(ekman_coupler* coupler, const char* name, double* value) {
  return guard_boundary([&] { *value = checked(coupler).scalar(text_of(name)); });
}

int ekman_get_string(ekman_coupler* coupler, const char* name, char* text, int64_t size) {
  return guard_boundary([&] {
    const std::string value = checked(coupler).string(text_of(name));
    require_room(text_of(name), value, size - 1);
    std::memcpy(text, value.c_str(), value.size() + 1);
  });
}

int ekman_advance(ekman_coupler* coupler) {
  return guard_boundary([&] { checked(coupler).advance(); });
}

int ekman_write_restart(ekman_coupler* coupler, const char* label) {
  return guard_boundary([&] { checked(coupler).write_restart(text_of(label)); });
}

int ekman_finalize(ekman_coupler** coupler) {
  return guard_boundary([&] {
    if (coupler == nullptr) throw Error(ErrorCode::usage, "the coupler is null; call ekman_init first");
    checked(*coupler).finalize();
    delete *coupler;
    *coupler = nullptr;
  });
}

void ekman_abort(const char* text) {
  log_line("error: " + text_of(text));
  abort_world(1);
}

const char* ekman_last_error(void) { return last_error().c_str(); }

const char* ekman_version(void) { return version(); }

}  // extern "C"
