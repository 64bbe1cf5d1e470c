! learn NAMELIST OUTPUT: new random fields in each step; the solver finds their pressures, and the network learns from
! them. What the network says of a field is judged before it has learned from it, so each line of OUTPUT is of a field
! never seen.
program learn
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use ekman
  use grid
  use pressure
  use experiment
  implicit none
  type(Aquifer) :: a
  real(real64), allocatable :: p(:, :, :), p_true(:, :, :), mean(:, :)
  real(real64) :: error, mean_error
  integer, allocatable :: iterations(:)
  integer :: unit, sample, step, num_steps, f

  call MPI_Init()
  call start_aquifer(a, [character(13) :: "pressure", "pressure_true"])
  allocate(p, p_true, mold=a%k)
  allocate(mean(a%b%nx, a%b%ny), iterations(a%p%batch))
  mean = 0
  unit = open_output(a%b%comm, argument(2, "the output file"), "sample,relative_l2,relative_l2_of_mean,iterations")

  num_steps = a%p%num_samples / a%p%batch
  do step = 1, num_steps
    call draw(a, a%p%batch * (step - 1) + 1)
    call put_inputs(a)                            ! the network answers while the solver is at work
    p_true = 0
    do f = 1, a%p%batch
      call solve(a%b, a%p%solver, a%k(:, :, f), p_true(:, :, f), iterations(f))
    end do
    call ekman_get(a%coupler, "pressure", p)
    call ekman_put(a%coupler, "pressure_true", p_true)
    do f = 1, a%p%batch
      sample = a%p%batch * (step - 1) + f
      error = relative_error(a%b, p(:, :, f), p_true(:, :, f))
      mean_error = relative_error(a%b, mean, p_true(:, :, f))
      if (unit /= -1) write(unit, "(i0, 2(',', es12.5), ',', i0)") sample, error, mean_error, iterations(f)
      mean = mean + (p_true(:, :, f) - mean) / sample
    end do
    call ekman_advance(a%coupler)                 ! it learns while the next fields are drawn
    call report_progress(a%b%comm, step, num_steps)
  end do

  if (unit /= -1) close(unit)
  call ekman_finalize(a%coupler)
  call MPI_Finalize()
end program
