! A component whose every field comes back unchanged: each form of array in both kinds, all in one job. Values are exact
! in float32 and differ by global id, level, field and step, so a value in the wrong place is seen; with the wire float64
! doubles are not.
!
! echo_model IDS WIRE STEPS [adjoint|lag|many]
!   IDS  blocks (in order, uneven) | cyclic | sparse (beyond 32 bits, backwards; the last rank empty if there are two or
!        more). Blocks of 7 slots; the last one ends with slots that are no points.
!   many  a hundred times the points
!   adjoint  other values go from outputs to inputs in each step, before it ends or after that
!   lag      what comes back is of the step before: nothing in the first one. Fetched after the puts of the step, or before
program echo_model
  use, intrinsic :: ieee_exceptions, only: ieee_set_halting_mode, ieee_usual
  use, intrinsic :: iso_fortran_env, only: int32, int64, real32, real64
  use mpi_f08
  use ekman
  implicit none
  integer, parameter :: nlev = 5, nx = 7, num_forms = 6
  character(3), parameter :: forms(num_forms) = ["p  ", "pl ", "lp ", "pp ", "ppl", "plp"]
  integer, parameter :: levels(num_forms) = [1, nlev, nlev, 1, nlev, nlev]
  real(real64), parameter :: untouched = -1
  type(ekman_coupler) :: c
  type(MPI_Comm) :: comm
  character(32) :: numbering, wire, text
  integer :: rank, ranks, total, ny, steps, step, moment, form, failures
  integer(int64), allocatable :: ids(:, :)
  logical :: adjoint, lag

  call get_command_argument(1, numbering)
  call get_command_argument(2, wire)
  call get_command_argument(3, text)
  read (text, *) steps
  text = ""
  if (command_argument_count() > 3) call get_command_argument(4, text)
  adjoint = text == "adjoint"
  lag = text == "lag"
  total = merge(20300, 203, text == "many")
  call MPI_Init()
  ! As in a program built with -ffpe-trap; from here on, as Open MPI 5 on Debian 13 itself divides zero by zero before.
  call ieee_set_halting_mode(ieee_usual, .true.)
  call ekman_init(c, "atmosphere", MPI_COMM_WORLD, comm)
  call MPI_Comm_rank(comm, rank)
  call MPI_Comm_size(comm, ranks)
  call choose_points()
  if (numbering == "sparse") then
    call ekman_def_points(c, ids)
  else
    call ekman_def_points(c, int(ids, int32))
  end if
  do form = 1, num_forms
    call define("single")
    call define("double")
  end do
  call ekman_enddef(c)
  failures = 0
  do step = 1, steps
    if (lag .and. modulo(step, 2) == 0) call get_all()
    moment = step
    do form = num_forms, 1, -1
      call put_single()
      call put_double()
    end do
    if (.not. lag .or. modulo(step, 2) == 1) call get_all()
    if (adjoint .and. modulo(step, 2) == 0) call pass_adjoints()
    call ekman_advance(c)
    if (adjoint .and. modulo(step, 2) == 1) call pass_adjoints()
  end do
  call MPI_Allreduce(MPI_IN_PLACE, failures, 1, MPI_INTEGER, MPI_SUM, comm)
  if (rank == 0) print "(a, i0, a, i0, a)", "echo_model: ", steps, " steps, ", failures, " wrong values"
  call ekman_finalize(c)
  deallocate (ids)   ! or the leak check of the asan preset sees them
  if (failures /= 0) error stop 1
  call MPI_Finalize()

contains

  ! Points of this rank in blocks, uneven over ranks.
  subroutine choose_points()
    integer :: i, holders, first, last, point
    holders = merge(ranks - 1, ranks, numbering == "sparse" .and. ranks > 1)
    first = 0
    last = -1
    if (rank < holders) then
      first = (total*rank*(rank + 1))/(holders*(holders + 1))
      last = (total*(rank + 1)*(rank + 2))/(holders*(holders + 1)) - 1
    end if
    if (numbering == "cyclic") last = first + (total - rank + ranks - 1)/ranks - 1
    ny = (last - first + nx)/nx
    allocate (ids(nx, ny), source=-1_int64)
    do i = 0, last - first
      select case (numbering)
      case ("cyclic")
        point = rank + i*ranks
        ids(modulo(i, nx) + 1, i/nx + 1) = point
      case ("sparse")
        point = last - i
        ids(modulo(i, nx) + 1, i/nx + 1) = 5000000000_int64 + 977_int64*point
      case default
        point = first + i
        ids(modulo(i, nx) + 1, i/nx + 1) = point
      end select
    end do
  end subroutine choose_points

  function field(kind, direction) result(name)
    character(*), intent(in) :: kind, direction
    character(:), allocatable :: name
    name = trim(forms(form))//"_"//kind//"_"//direction
  end function field

  subroutine define(kind)
    character(*), intent(in) :: kind
    call ekman_def_field(c, field(kind, "in"), levels=levels(form), axes=trim(forms(form)))
    call ekman_def_field(c, field(kind, "out"), levels=levels(form), axes=trim(forms(form)))
  end subroutine define

  ! `moment` is the step in which the values were put; 0: none were.
  subroutine get_all()
    moment = merge(step - 1, step, lag)
    do form = 1, num_forms
      call get_single()
      call get_double()
    end do
  end subroutine get_all

  subroutine pass_adjoints()
    do form = 1, num_forms
      call put_adjoint_single()
      call put_adjoint_double()
    end do
    do form = num_forms, 1, -1
      call get_adjoint_double()
      call get_adjoint_single()
    end do
  end subroutine pass_adjoints

  ! Variants up to num_forms are doubles.
  real(real64) function truth(id, level, variant)
    integer(int64), intent(in) :: id
    integer, intent(in) :: level, variant
    truth = real(modulo(id, 4099_int64), real64) + 0.125_real64*level + 8192.0_real64*modulo(moment*13 + variant, 97)
    if (wire == "float64" .and. variant <= num_forms) truth = truth + 2.0_real64**(-30)
  end function truth

  ! The values of this form in blocks (nx, levels, ny); huge in slots that are no points.
  subroutine fill(variant, values)
    integer, intent(in) :: variant
    real(real64), intent(out) :: values(:, :, :)
    integer :: i, j, l
    do j = 1, ny
      do l = 1, size(values, 2)
        do i = 1, nx
          values(i, l, j) = merge(truth(ids(i, j), l, variant), 1.0e300_real64, ids(i, j) >= 0)
        end do
      end do
    end do
  end subroutine fill

  ! Counts slots where `got` is not what was put, or not left alone where there is no point.
  subroutine judge(variant, got)
    integer, intent(in) :: variant
    real(real64), intent(in) :: got(:, :, :)
    real(real64) :: expected(nx, size(got, 2), ny)
    integer :: l
    call fill(variant, expected)
    do l = 1, size(got, 2)
      where (ids < 0 .or. moment == 0) expected(:, l, :) = untouched
    end do
    failures = failures + count(got /= expected)
  end subroutine judge

! The same for both kinds; only arrays differ.
#define PUT_FIELD ekman_put
#define GET_FIELD ekman_get
#define SOURCE "in"
#define SINK "out"
#define KIND real64
#define PUT put_double
#define GET get_double
#define NAME "double"
#define VARIANT form
#define LIMIT 1.0e300_real64
#include "echo_forms.inc"
#undef KIND
#undef PUT
#undef GET
#undef NAME
#undef VARIANT
#undef LIMIT
#define KIND real32
#define PUT put_single
#define GET get_single
#define NAME "single"
#define VARIANT form + 40
#define LIMIT 1.0e30_real64
#include "echo_forms.inc"
! And back.
#undef PUT_FIELD
#undef GET_FIELD
#undef SOURCE
#undef SINK
#undef PUT
#undef GET
#undef VARIANT
#define PUT_FIELD ekman_put_adjoint
#define GET_FIELD ekman_get_adjoint
#define SOURCE "out"
#define SINK "in"
#define PUT put_adjoint_single
#define GET get_adjoint_single
#define VARIANT form + 60
#include "echo_forms.inc"
#undef KIND
#undef PUT
#undef GET
#undef NAME
#undef VARIANT
#undef LIMIT
#define KIND real64
#define PUT put_adjoint_double
#define GET get_adjoint_double
#define NAME "double"
#define VARIANT -form
#define LIMIT 1.0e300_real64
#include "echo_forms.inc"

end program echo_model
