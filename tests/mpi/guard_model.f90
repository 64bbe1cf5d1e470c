! Bad values through an echo with a guard: clipped, replaced by a field of ours, or left alone, as guard.yaml.in says; or they end the job.
program guard_model
  use, intrinsic :: iso_fortran_env, only: real64
  use, intrinsic :: ieee_arithmetic, only: ieee_value, ieee_quiet_nan, ieee_positive_inf
  use mpi_f08
  use ekman
  implicit none
  integer, parameter :: n = 20, nlev = 3, steps = 5
  type(ekman_coupler) :: c
  type(MPI_Comm) :: comm
  integer :: rank, i, step, failures, info, point
  real(real64) :: a(n, nlev), a_back(n, nlev), b(n), b_back(n), other(n), d(nlev, n), d_back(nlev, n)

  call MPI_Init()
  call ekman_init(c, "atmosphere", MPI_COMM_WORLD, comm)
  call MPI_Comm_rank(comm, rank)
  call ekman_def_points(c, [(100 + rank + 2*i, i=1, n)])
  call ekman_def_field(c, "a", levels=nlev)
  call ekman_def_field(c, "b")
  call ekman_def_field(c, "d", levels=nlev, axes="lp")
  call ekman_def_field(c, "b_other")
  call ekman_def_field(c, "a_back", levels=nlev)
  call ekman_def_field(c, "b_back")
  call ekman_def_field(c, "d_back", levels=nlev, axes="lp")
  call ekman_enddef(c)
  failures = 0
  do step = 1, steps
    point = step + 2
    a = 0.25_real64*step
    b = 0.5_real64
    d = -0.75_real64
    other = [(1000*step + i, i=1, n)]
    if (modulo(step, 2) == 0) then   ! every other step something is wrong, at one point of each field
      a(point, 2) = -7
      b(point) = ieee_value(b(1), ieee_quiet_nan)
      d(3, point) = ieee_value(b(1), ieee_positive_inf)
    end if
    call ekman_put(c, "a", a)
    call ekman_put(c, "b", b)
    call ekman_put(c, "b_other", other(11:), first=11)
    call ekman_put(c, "d", d)
    call ekman_put(c, "b_other", other(:10), first=1)
    a_back = 99
    b_back = 99
    d_back = 99
    call ekman_get(c, "a_back", a_back, info=info)
    call expect(info, .false.)
    call ekman_get(c, "b_back", b_back, info=info)
    call expect(info, modulo(step, 2) == 0)
    call ekman_get(c, "d_back", d_back, info=info)
    call expect(info, modulo(step, 2) == 0)
    if (modulo(step, 2) == 0) then
      a(point, 2) = -2        ! clipped
      b(point) = other(point) ! replaced
      d(:, point) = 99        ! left alone, all levels
    end if
    failures = failures + count(a_back /= a) + count(b_back /= b) + count(d_back /= d)
    call ekman_advance(c)
  end do
  call MPI_Allreduce(MPI_IN_PLACE, failures, 1, MPI_INTEGER, MPI_SUM, comm)
  if (rank == 0) print "(a, i0, a)", "guard_model: ", failures, " wrong values"
  call ekman_finalize(c)
  if (failures /= 0) error stop 1
  call MPI_Finalize()

contains

  subroutine expect(what, fell_back)
    integer, intent(in) :: what
    logical, intent(in) :: fell_back
    if (what /= merge(EKMAN_FALLBACK, EKMAN_COUPLED, fell_back)) failures = failures + 1
  end subroutine expect

end program guard_model
