! record NAMELIST: random fields and the solver alone, for a plan whose network is `none`: what is put becomes a data
! set.
program record
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use ekman
  use pressure
  use experiment
  implicit none
  type(Aquifer) :: a
  real(real64), allocatable :: p_true(:, :, :)
  integer :: step, num_steps, f, iterations

  call MPI_Init()
  call start_aquifer(a, ["pressure_true"])
  allocate(p_true, mold=a%k)

  num_steps = a%p%num_samples / a%p%batch
  do step = 1, num_steps
    call draw(a, a%p%batch * (step - 1) + 1)
    p_true = 0
    do f = 1, a%p%batch
      call solve(a%b, a%p%solver, a%k(:, :, f), p_true(:, :, f), iterations)
    end do
    call put_inputs(a)
    call ekman_put(a%coupler, "pressure_true", p_true)
    call ekman_advance(a%coupler)
    call report_progress(a%b%comm, step, num_steps)
  end do

  call ekman_finalize(a%coupler)
  call MPI_Finalize()
end program
