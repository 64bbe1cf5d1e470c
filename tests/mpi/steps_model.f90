! The rules of a model step with an echo network: outputs may be fetched, fetched twice, or left; puts go on all the same.
! Gets and puts of parts come from OpenMP threads. Floating-point exceptions halt the program, as with -ffpe-trap.
!
! steps_model LEVEL [lag]
!   LEVEL  funneled: the init thread gets first in each step | multiple: MPI_THREAD_MULTIPLE, nobody has to
!   lag    what comes back is of the step before: nothing in the first one, and in the end it may be fetched without a put
program steps_model
  use, intrinsic :: ieee_exceptions, only: ieee_set_halting_mode, ieee_usual
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi
  use ekman
  implicit none
  integer, parameter :: n = 61, nlev = 4, steps = 31, part = 7
  type(ekman_coupler) :: c
  character(32) :: level
  integer :: comm, rank, ierror, provided, wanted, step, i, l, last, failures, info, lag
  real(real64) :: t(n, nlev), dt(n, nlev)

  call get_command_argument(1, level)
  lag = merge(1, 0, command_argument_count() > 1)
  wanted = merge(MPI_THREAD_MULTIPLE, MPI_THREAD_FUNNELED, level == "multiple")
  call MPI_Init_thread(wanted, provided, ierror)
  if (provided < wanted) call ekman_abort("this MPI has no MPI_THREAD_MULTIPLE")
  call ieee_set_halting_mode(ieee_usual, .true.)   ! not before: Open MPI 5 on Debian 13 divides zero by zero there
  call ekman_init(c, "atmosphere", MPI_COMM_WORLD, comm)
  call MPI_Comm_rank(comm, rank, ierror)
  call ekman_def_points(c, [(rank*n + i, i=1, n)])
  call ekman_def_field(c, "t", levels=nlev)
  call ekman_def_field(c, "dt", levels=nlev)
  call ekman_enddef(c)
  failures = 0
  do step = 1, steps
    do l = 1, nlev
      t(:, l) = [(real(rank*n + i, real64), i=1, n)] + 512*l + 4096*step
    end do
    if (modulo(step, 4) == 2) t = 1e300_real64   ! overflows in float32; this step's outputs are not fetched
    if (modulo(step, 4) == 0) then
      call put_parts()
    else
      call ekman_put(c, "t", t)
    end if
    t = huge(t)   ! the array is ours again
    dt = -1
    select case (modulo(step, 4))
    case (0)      ! from threads
      if (level == "funneled") call ekman_get(c, "dt", dt(:0, :), first=1)
      call get_parts()
      call judge()
    case (1)      ! twice, the second time into another array
      call ekman_get(c, "dt", t, info=info)
      failures = failures + merge(0, 1, info == merge(EKMAN_COUPLED, EKMAN_NONE, step > lag))
      call ekman_get(c, "dt", dt)
      if (step > lag) then
        failures = failures + count(t /= dt)
        call judge()
      else
        failures = failures + count(t /= huge(t)) + count(dt /= -1)
      end if
    case default  ! not at all: the next put must not wait for it, nor the next get show it
    end select
    call ekman_advance(c)
  end do
  if (lag > 0) then
    call ekman_get(c, "dt", dt)
    call judge()
  end if
  call MPI_Allreduce(MPI_IN_PLACE, failures, 1, MPI_INTEGER, MPI_SUM, comm, ierror)
  if (rank == 0) print "(a, i0, a)", "steps_model: ", failures, " wrong values"
  call ekman_finalize(c)
  if (failures /= 0) error stop 1
  call MPI_Finalize(ierror)

contains

  subroutine put_parts()
    !$omp parallel do private(last) schedule(dynamic)
    do i = 1, n, part
      last = min(n, i + part - 1)
      call ekman_put(c, "t", t(i:i - 1, :), first=i)   ! an empty part changes nothing
      call ekman_put(c, "t", t(i:last, :), first=i)
    end do
    !$omp end parallel do
  end subroutine put_parts

  subroutine get_parts()
    !$omp parallel do private(last) schedule(dynamic)
    do i = 1, n, part
      last = min(n, i + part - 1)
      call ekman_get(c, "dt", dt(i:last, :), first=i)
    end do
    !$omp end parallel do
  end subroutine get_parts

  subroutine judge()
    do l = 1, nlev
      failures = failures + count(dt(:, l) /= [(real(rank*n + i, real64), i=1, n)] + 512*l + 4096*(step - lag))
    end do
  end subroutine judge

end program steps_model
