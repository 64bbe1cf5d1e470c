! truth NAMELIST SEED OUTPUT: integrates the two-scale system and writes the pairs (X, subgrid tendency).
program truth
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use lorenz96
  use experiment
  implicit none
  type(Setting) :: p
  type(Record) :: rec
  real(real64), allocatable :: x(:, :), y(:, :), u(:)
  integer :: seed, first, last, member, step, num_spin_up, num_steps
  character(:), allocatable :: word

  call MPI_Init()
  p = read_setting(argument(1, "the namelist file"))
  word = argument(2, "the seed, an integer")
  read(word, *) seed

  call share_of(p%num_members, MPI_COMM_WORLD, first, last)
  allocate(x(p%sys%num_slow, first:last), y(p%sys%num_slow * p%sys%num_fast, first:last), u(p%sys%num_slow))
  do member = first, last
    call initial_state(p%sys, seed, member, x(:, member), y(:, member))
  end do

  call start_record(p, last - first + 1, rec)
  num_spin_up = nint(p%spin_up / p%truth_step)
  num_steps = nint(p%length / p%truth_step)
  do step = -num_spin_up, num_steps
    do member = first, last
      call subgrid_tendency(p%sys, y(:, member), u)
      call keep(p, step, p%truth_step, member - first + 1, x(:, member), u, rec)
      call step_two_scale(p%sys, p%truth_step, x(:, member), y(:, member))
    end do
    call report_progress(MPI_COMM_WORLD, step + num_spin_up, num_steps + num_spin_up)
  end do

  call write_record(argument(3, "the output file"), p, MPI_COMM_WORLD, 1, rec)
  call MPI_Finalize()
end program
