// The entry points of the Fortran module: descriptors become views and strings, absent optionals are null pointers, and
// a call without ierr ends the job when it fails.
#include <ISO_Fortran_binding.h>
#include <mpi.h>

#include <algorithm>
#include <vector>

#include "coupler/api/boundary.hpp"
#include "coupler/api/fortran_view.hpp"
#include "coupler/base/log.hpp"
#include "coupler/comm/handshake.hpp"

namespace {

using namespace ekman;

// A Fortran character(len=*), trailing blanks cut; absent: "".
std::string text_of(const CFI_cdesc_t* text) {
  if (text == nullptr || text->base_addr == nullptr) return "";
  std::string value(static_cast<const char*>(text->base_addr), text->elem_len);
  value.erase(value.find_last_not_of(' ') + 1);
  return value;
}

// A scalar integer of any kind; absent: `otherwise`.
std::int64_t integer_of(const CFI_cdesc_t* number, std::int64_t otherwise) {
  if (number == nullptr || number->base_addr == nullptr) return otherwise;
  const ElementKind kind = kind_of(*number);
  if (kind == ElementKind::int32) return *static_cast<const std::int32_t*>(number->base_addr);
  if (kind == ElementKind::int64) return *static_cast<const std::int64_t*>(number->base_addr);
  throw Error(ErrorCode::usage, "first=, levels= and step= take an integer of 32 or 64 bits; pass int32 or int64");
}

// To a scalar integer of any kind.
void put_integer(const CFI_cdesc_t& to, std::int64_t value) {
  const ElementKind kind = kind_of(to);
  if (kind == ElementKind::int32) {
    *static_cast<std::int32_t*>(to.base_addr) = static_cast<std::int32_t>(value);
  } else if (kind == ElementKind::int64) {
    *static_cast<std::int64_t*>(to.base_addr) = value;
  } else {
    throw Error(ErrorCode::usage, "step takes an integer of 32 or 64 bits; pass int32 or int64");
  }
}

// To a scalar real of any kind.
void put_real(const CFI_cdesc_t& to, double value) {
  const ElementKind kind = kind_of(to);
  if (kind == ElementKind::real32) {
    *static_cast<float*>(to.base_addr) = static_cast<float>(value);
  } else if (kind == ElementKind::real64) {
    *static_cast<double*>(to.base_addr) = value;
  } else {
    throw Error(ErrorCode::usage, "value takes a real of 32 or 64 bits; pass real32 or real64");
  }
}

// A logical scalar of any kind; absent: false.
bool is_true(const CFI_cdesc_t* flag) {
  if (flag == nullptr || flag->base_addr == nullptr) return false;
  const auto* byte = static_cast<const unsigned char*>(flag->base_addr);
  return std::any_of(byte, byte + flag->elem_len, [](unsigned char b) { return b != 0; });
}

template <class Call>
void run(int* ierr, Call call) {
  bool printed = false;
  const int code = guard_boundary(call, &printed);
  if (ierr != nullptr) {
    *ierr = code;
  } else if (code != 0) {
    fail_job(printed);
  }
}

Coupler& checked(ekman_coupler** handle) {
  if (*handle == nullptr) throw Error(ErrorCode::usage, "the coupler is not initialised; call ekman_init first");
  return (*handle)->coupler;
}

// first= counts from 1 in Fortran.
Part part_of(const CFI_cdesc_t* first) {
  const std::int64_t number = integer_of(first, 0);
  if (first != nullptr && number < 1) {
    throw Error(ErrorCode::usage, "first= is " + std::to_string(number) + "; points count from 1");
  }
  return {number - 1};
}

void start(ekman_coupler** handle, Coupler made, MPI_Fint* local) {
  if (local != nullptr) *local = MPI_Comm_c2f(made.local_comm());
  *handle = new ekman_coupler{std::move(made)};
}

}  // namespace

extern "C" {

void ekman_f_init(ekman_coupler** handle, const CFI_cdesc_t* component, const MPI_Fint* comm, MPI_Fint* local,
                  int* ierr) {
  run(ierr, [&] { start(handle, Coupler(text_of(component), MPI_Comm_f2c(*comm)), local); });
}

void ekman_f_init_comm(ekman_coupler** handle, const CFI_cdesc_t* component, const MPI_Fint* comm, MPI_Fint* local,
                       int* ierr) {
  run(ierr, [&] { start(handle, Coupler::on_own_communicator(text_of(component), MPI_Comm_f2c(*comm)), local); });
}

void ekman_f_init_dummy(const MPI_Fint* comm, int* ierr) {
  run(ierr, [&] { handshake(MPI_Comm_f2c(*comm), {}); });
}

void ekman_f_serve(const MPI_Fint* comm, const CFI_cdesc_t* plan, int* ierr) {
  run(ierr, [&] { serve(MPI_Comm_f2c(*comm), text_of(plan)); });
}

void ekman_f_handshake(const MPI_Fint* comm, const CFI_cdesc_t* names, MPI_Fint* comms, int* ierr) {
  run(ierr, [&] {
    std::vector<std::string> list;
    for (CFI_index_t i = 0; i < names->dim[0].extent; ++i) {
      CFI_cdesc_t one = *names;
      one.base_addr = static_cast<char*>(names->base_addr) + i * names->dim[0].sm;
      list.push_back(text_of(&one));
    }
    for (const MPI_Comm found : handshake_for_model(MPI_Comm_f2c(*comm), list)) *comms++ = MPI_Comm_c2f(found);
  });
}

void ekman_f_def_points(ekman_coupler** handle, const CFI_cdesc_t* ids, const CFI_cdesc_t* name, int* ierr) {
  run(ierr, [&] { checked(handle).def_points(view_of(*ids), text_of(name)); });
}

void ekman_f_def_coordinates(ekman_coupler** handle, const CFI_cdesc_t* longitude, const CFI_cdesc_t* latitude,
                             const CFI_cdesc_t* points, int* ierr) {
  run(ierr, [&] { checked(handle).def_coordinates(view_of(*longitude), view_of(*latitude), text_of(points)); });
}

void ekman_f_def_field(ekman_coupler** handle, const CFI_cdesc_t* name, const CFI_cdesc_t* units,
                       const CFI_cdesc_t* levels, const CFI_cdesc_t* axes, const CFI_cdesc_t* points, int* ierr) {
  run(ierr, [&] {
    checked(handle).def_field(text_of(name), {text_of(units), integer_of(levels, 1), text_of(axes), text_of(points)});
  });
}

void ekman_f_enddef(ekman_coupler** handle, const CFI_cdesc_t* step, int* ierr) {
  run(ierr, [&] { checked(handle).enddef(step == nullptr ? 0 : require_step(integer_of(step, 0))); });
}

void ekman_f_get_step(ekman_coupler** handle, const CFI_cdesc_t* step, int* ierr) {
  run(ierr, [&] { put_integer(*step, checked(handle).step()); });
}

void ekman_f_put(ekman_coupler** handle, const CFI_cdesc_t* field, const CFI_cdesc_t* array, const CFI_cdesc_t* first,
                 int* info, int* ierr) {
  run(ierr, [&] {
    const Info did = checked(handle).put(text_of(field), view_of(*array), part_of(first));
    if (info != nullptr) *info = static_cast<int>(did);
  });
}

void ekman_f_get(ekman_coupler** handle, const CFI_cdesc_t* field, const CFI_cdesc_t* array, const CFI_cdesc_t* first,
                 int* info, int* ierr) {
  run(ierr, [&] {
    const Info did = checked(handle).get(text_of(field), view_of(*array), part_of(first));
    if (info != nullptr) *info = static_cast<int>(did);
  });
}

void ekman_f_put_adjoint(ekman_coupler** handle, const CFI_cdesc_t* output, const CFI_cdesc_t* array,
                         const CFI_cdesc_t* first, const CFI_cdesc_t* retain, int* ierr) {
  run(ierr, [&] { checked(handle).put_adjoint(text_of(output), view_of(*array), part_of(first), is_true(retain)); });
}

void ekman_f_get_adjoint(ekman_coupler** handle, const CFI_cdesc_t* input, const CFI_cdesc_t* array,
                         const CFI_cdesc_t* first, int* ierr) {
  run(ierr, [&] { checked(handle).get_adjoint(text_of(input), view_of(*array), part_of(first)); });
}

void ekman_f_zero_grad(ekman_coupler** handle, const CFI_cdesc_t* network, int* ierr) {
  run(ierr, [&] { checked(handle).zero_grad(text_of(network)); });
}

void ekman_f_get_scalar(ekman_coupler** handle, const CFI_cdesc_t* name, const CFI_cdesc_t* value, int* ierr) {
  run(ierr, [&] { put_real(*value, checked(handle).scalar(text_of(name))); });
}

void ekman_f_get_string(ekman_coupler** handle, const CFI_cdesc_t* name, const CFI_cdesc_t* text, int* ierr) {
  run(ierr, [&] {
    const std::string value = checked(handle).string(text_of(name));
    require_room(text_of(name), value, static_cast<std::int64_t>(text->elem_len));
    char* const to = static_cast<char*>(text->base_addr);
    std::fill_n(std::copy(value.begin(), value.end(), to), text->elem_len - value.size(), ' ');
  });
}

void ekman_f_advance(ekman_coupler** handle, int* ierr) {
  run(ierr, [&] { checked(handle).advance(); });
}

void ekman_f_write_restart(ekman_coupler** handle, const CFI_cdesc_t* label, int* ierr) {
  run(ierr, [&] { checked(handle).write_restart(text_of(label)); });
}

void ekman_f_finalize(ekman_coupler** handle, int* ierr) {
  run(ierr, [&] {
    checked(handle).finalize();
    delete *handle;
    *handle = nullptr;
  });
}

void ekman_f_abort(const CFI_cdesc_t* text) {
  log_line("error: " + text_of(text));
  abort_world(1);
}

// Fills `text` with blanks after the sentence; a longer sentence is cut.
void ekman_f_last_error(CFI_cdesc_t* text) {
  char* to = static_cast<char*>(text->base_addr);
  const std::string& sentence = last_error();
  for (std::size_t i = 0; i < text->elem_len; ++i) to[i] = i < sentence.size() ? sentence[i] : ' ';
}

void ekman_f_version(CFI_cdesc_t* text) {
  char* to = static_cast<char*>(text->base_addr);
  const std::string number = version();
  for (std::size_t i = 0; i < text->elem_len; ++i) to[i] = i < number.size() ? number[i] : ' ';
}

}  // extern "C"

// Communicators of mpi_f08 are a type of one integer, so its entry points take the same bytes. They have names of their
// own because one C name may not have two Fortran interfaces.
extern "C" {

void ekman_f_init_f08(ekman_coupler** handle, const CFI_cdesc_t* component, const MPI_Fint* comm, MPI_Fint* local,
                      int* ierr) {
  ekman_f_init(handle, component, comm, local, ierr);
}

void ekman_f_init_comm_f08(ekman_coupler** handle, const CFI_cdesc_t* component, const MPI_Fint* comm, MPI_Fint* local,
                           int* ierr) {
  ekman_f_init_comm(handle, component, comm, local, ierr);
}

void ekman_f_init_dummy_f08(const MPI_Fint* comm, int* ierr) { ekman_f_init_dummy(comm, ierr); }

void ekman_f_serve_f08(const MPI_Fint* comm, const CFI_cdesc_t* plan, int* ierr) { ekman_f_serve(comm, plan, ierr); }

void ekman_f_handshake_f08(const MPI_Fint* comm, const CFI_cdesc_t* names, MPI_Fint* comms, int* ierr) {
  ekman_f_handshake(comm, names, comms, ierr);
}

}  // extern "C"
