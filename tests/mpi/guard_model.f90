! Bad values through an echo with a guard: clipped, replaced by a field of ours, or left alone, as guard.yaml.in says; or they end the job.
!
! guard_model [lag]
!   lag  what comes back is of the step before, but the fallback is that of this step
program guard_model
  use, intrinsic :: iso_fortran_env, only: real64
  use, intrinsic :: ieee_arithmetic, only: ieee_value, ieee_quiet_nan, ieee_positive_inf
  use mpi_f08
  use ekman
  implicit none
  integer, parameter :: n = 20, nlev = 3, steps = 5
  type(ekman_coupler) :: c
  type(MPI_Comm) :: comm
  integer :: rank, i, step, failures, info, point, lag
  real(real64) :: a(n, nlev), a_back(n, nlev), b(n), b_back(n), other(n), d(nlev, n), d_back(nlev, n)

  lag = command_argument_count()
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
    call make_values(step)
    other = [(1000*step + i, i=1, n)]
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
    call make_values(step - lag)
    call ekman_get(c, "b_back", b_back, info=info)
    call expect(info, is_wrong(step - lag))
    call ekman_get(c, "d_back", d_back, info=info)
    call expect(info, is_wrong(step - lag))
    if (is_wrong(step - lag)) then
      a(point, 2) = -2        ! clipped
      b(point) = other(point) ! replaced
      d(:, point) = 99        ! left alone, all levels
    end if
    if (step == lag) then     ! nothing is there yet
      a = 99
      b = 99
      d = 99
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

  ! Every other step something is, at one point of each field.
  logical function is_wrong(of)
    integer, intent(in) :: of
    is_wrong = of > 0 .and. modulo(of, 2) == 0
  end function is_wrong

  subroutine make_values(of)
    integer, intent(in) :: of
    point = of + 2
    a = 0.25_real64*of
    b = 0.5_real64
    d = -0.75_real64
    if (.not. is_wrong(of)) return
    a(point, 2) = -7
    b(point) = ieee_value(b(1), ieee_quiet_nan)
    d(3, point) = ieee_value(b(1), ieee_positive_inf)
  end subroutine make_values

  subroutine expect(what, fell_back)
    integer, intent(in) :: what
    logical, intent(in) :: fell_back
    integer :: wanted
    wanted = merge(EKMAN_FALLBACK, EKMAN_COUPLED, fell_back)
    if (step == lag) wanted = EKMAN_NONE
    if (what /= wanted) failures = failures + 1
  end subroutine expect

end program guard_model
