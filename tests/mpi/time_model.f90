! Puts in every step, couples in every third: what comes back of an echo is the reduction of the steps since the last
! exchange, and is held until the next one. One field of each kind.
!
! time_model REDUCTION [lag]
!   REDUCTION  none accumulate average minimum maximum
!   lag        what comes back is of the exchange before: nothing until the second one
program time_model
  use, intrinsic :: iso_fortran_env, only: real32, real64
  use mpi_f08
  use ekman
  implicit none
  integer, parameter :: n = 23, nlev = 3, period = 3, steps = 11
  type(ekman_coupler) :: c
  type(MPI_Comm) :: comm
  character(32) :: reduction
  integer :: rank, i, l, step, since, failures, info
  logical :: lag
  real(real32) :: a(n, nlev), a_back(n, nlev), a_all(n, nlev, period), a_reduced(n, nlev), a_expected(n, nlev)
  real(real64) :: b(nlev, n), b_back(nlev, n), b_all(nlev, n, period), b_reduced(nlev, n), b_expected(nlev, n)

  call get_command_argument(1, reduction)
  lag = command_argument_count() > 1
  call MPI_Init()
  call ekman_init(c, "atmosphere", MPI_COMM_WORLD, comm)
  call MPI_Comm_rank(comm, rank)
  call ekman_def_points(c, [(rank + 2*i, i=1, n)])
  call ekman_def_field(c, "a", levels=nlev)
  call ekman_def_field(c, "b", levels=nlev, axes="lp")
  call ekman_def_field(c, "a_back", levels=nlev)
  call ekman_def_field(c, "b_back", levels=nlev, axes="lp")
  call ekman_enddef(c)
  failures = 0
  since = 0
  a_reduced = -9
  b_reduced = -9
  do step = 1, steps
    do l = 1, nlev
      a(:, l) = [(sin(real(i*step + 7*l + rank, real32)), i=1, n)]
      b(l, :) = [(cos(real(i*step + 7*l + rank, real64)), i=1, n)]
    end do
    since = since + 1
    a_all(:, :, since) = a
    b_all(:, :, since) = b
    call ekman_put(c, "a", a(:9, :), first=1)
    call ekman_put(c, "b", b, info=info)
    call expect(info, merge(EKMAN_COUPLED, EKMAN_HELD, coupled()))
    call ekman_put(c, "a", a(10:, :), first=10)
    a_back = -9
    b_back = -9
    if (coupled() .or. modulo(step, 2) == 0) then   ! not every held value is fetched
      call ekman_get(c, "a_back", a_back, info=info)
      call expect(info, merge(EKMAN_NONE, merge(EKMAN_COUPLED, EKMAN_HELD, coupled()), lag .and. step <= period))
      call ekman_get(c, "b_back", b_back)
    end if
    if (coupled()) then
      if (lag) call expect_reduced()
      call reduce()
      if (.not. lag) call expect_reduced()
      since = 0
    end if
    if (coupled() .or. modulo(step, 2) == 0) then
      failures = failures + count(a_back /= a_expected) + count(b_back /= b_expected)
    end if
    call ekman_advance(c)
  end do
  call MPI_Allreduce(MPI_IN_PLACE, failures, 1, MPI_INTEGER, MPI_SUM, comm)
  if (rank == 0) print "(a, i0, a)", "time_model: ", failures, " wrong values"
  call ekman_finalize(c)
  if (failures /= 0) error stop 1
  call MPI_Finalize()

contains

  logical function coupled()
    coupled = modulo(step - 1, period) == 0
  end function coupled

  subroutine expect(what, wanted)
    integer, intent(in) :: what, wanted
    if (what /= wanted) failures = failures + 1
  end subroutine expect

  subroutine expect_reduced()
    a_expected = a_reduced
    b_expected = b_reduced
  end subroutine expect_reduced

  ! In each field's own kind, step after step. The wire is float64, so nothing is lost.
  subroutine reduce()
    a_reduced = a_all(:, :, 1)
    b_reduced = b_all(:, :, 1)
    do i = 2, since
      select case (reduction)
      case ("none")
        a_reduced = a_all(:, :, i)
        b_reduced = b_all(:, :, i)
      case ("accumulate", "average")
        a_reduced = a_reduced + a_all(:, :, i)
        b_reduced = b_reduced + b_all(:, :, i)
      case ("minimum")
        a_reduced = min(a_reduced, a_all(:, :, i))
        b_reduced = min(b_reduced, b_all(:, :, i))
      case ("maximum")
        a_reduced = max(a_reduced, a_all(:, :, i))
        b_reduced = max(b_reduced, b_all(:, :, i))
      end select
    end do
    if (reduction == "average") then
      a_reduced = a_reduced/real(since, real32)
      b_reduced = b_reduced/real(since, real64)
    end if
  end subroutine reduce

end program time_model
