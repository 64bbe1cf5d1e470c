! truth NAMELIST SEED [TEST]: integrates the two-scale system. The members that are to be learned from put X and the
! subgrid tendency at every recorded time; `ekman serve plan_record.yaml` makes recordings of that. All other members
! are the test set: they go to the file TEST, and Ekman never sees them.
program truth
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use ekman
  use lorenz96
  use experiment
  implicit none
  type(ekman_coupler) :: coupler
  type(MPI_Comm) :: comm
  type(Setting) :: p
  type(Record) :: rec
  real(real64), allocatable :: x(:, :), y(:, :), u(:, :)
  integer, allocatable :: ids(:)
  integer :: seed, first, last, last_learning, first_test, member, step, num_spin_up, num_steps, i
  character(:), allocatable :: word

  call MPI_Init()
  call ekman_init(coupler, "atmosphere", MPI_COMM_WORLD, comm)
  p = read_setting(argument(1, "the namelist file"))
  word = argument(2, "the seed, an integer")
  read(word, *) seed

  call share_of(p%num_members, comm, first, last)
  last_learning = max(first - 1, min(last, p%num_learning))
  first_test = max(first, p%num_learning + 1)
  allocate(x(p%sys%num_slow, first:last), y(p%sys%num_slow * p%sys%num_fast, first:last))
  allocate(u, mold=x)
  do member = first, last
    call initial_state(p%sys, seed, member, x(:, member), y(:, member))
  end do

  ! A point is one X_k of one member. Ids are from 0, so that `block: 36` of the plan's split is a member.
  ids = [(i, i = (first - 1) * p%sys%num_slow, last_learning * p%sys%num_slow - 1)]
  call ekman_def_points(coupler, ids)
  call ekman_def_field(coupler, "x", units="1", levels=1, axes="pp")
  call ekman_def_field(coupler, "u_true", units="1", levels=1, axes="pp")
  call ekman_enddef(coupler)

  call start_record(p, last - first_test + 1, rec)
  num_spin_up = nint(p%spin_up / p%truth_step)
  num_steps = nint(p%length / p%truth_step)
  do step = -num_spin_up, num_steps
    if (is_recorded(p, step, p%truth_step)) then
      do member = first, last
        call subgrid_tendency(p%sys, y(:, member), u(:, member))
      end do
      call ekman_put(coupler, "x", x(:, :last_learning))
      call ekman_put(coupler, "u_true", u(:, :last_learning))
      call ekman_advance(coupler)
    end if
    do member = first, last
      if (member >= first_test) &
        call keep(p, step, p%truth_step, member - first_test + 1, x(:, member), u(:, member), rec)
      call step_two_scale(p%sys, p%truth_step, x(:, member), y(:, member))
    end do
    call report_progress(comm, step + num_spin_up, num_steps + num_spin_up)
  end do

  if (p%num_learning < p%num_members) call write_record(argument(3, "the test members' file"), p, comm, rec)
  call ekman_finalize(coupler)
  call MPI_Finalize()
end program
