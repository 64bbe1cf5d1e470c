! answer NAMELIST OUTPUT FIELDS: held-out fields; the network answers in place of the solver, and the solver runs to
! judge it. OUTPUT has a line for each field, FIELDS permeability, true and answered pressure of each: n x n real64, x
! fastest.
program answer
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use ekman
  use grid
  use pressure
  use experiment
  implicit none
  type(Aquifer) :: a
  real(real64), allocatable :: p(:, :, :), p_true(:, :, :), again(:, :)
  real(real64) :: error, began, network_seconds, solver_seconds
  integer :: unit, fields, status, step, num_steps, f, iterations, iterations_again, rank

  call MPI_Init()
  call start_aquifer(a, ["pressure"])
  allocate(p, p_true, mold=a%k)
  allocate(again(a%b%nx, a%b%ny))
  unit = open_output(a%b%comm, argument(2, "the output file"), &
                     "sample,relative_l2,iterations,iterations_from_answer,network_seconds,solver_seconds")
  call MPI_Comm_rank(a%b%comm, rank)
  if (rank == 0) then
    open(newunit=fields, file=argument(3, "the file of fields"), access="stream", form="unformatted", &
         status="replace", action="write", iostat=status)
    if (status /= 0) call stop_all("cannot write " // argument(3, "the file of fields"))
  end if

  num_steps = a%p%num_held_out / a%p%batch
  do step = 1, num_steps
    call draw(a, held_out + a%p%batch * (step - 1) + 1)
    call MPI_Barrier(a%b%comm)
    began = MPI_Wtime()
    call put_inputs(a)
    call ekman_get(a%coupler, "pressure", p)
    call MPI_Barrier(a%b%comm)
    network_seconds = (MPI_Wtime() - began) / a%p%batch
    call ekman_advance(a%coupler)
    p_true = 0
    do f = 1, a%p%batch
      call MPI_Barrier(a%b%comm)
      began = MPI_Wtime()
      call solve(a%b, a%p%solver, a%k(:, :, f), p_true(:, :, f), iterations)
      call MPI_Barrier(a%b%comm)
      solver_seconds = MPI_Wtime() - began
      again = p(:, :, f)                          ! what would the answer be worth as a first guess?
      call solve(a%b, a%p%solver, a%k(:, :, f), again, iterations_again)
      error = relative_error(a%b, p(:, :, f), p_true(:, :, f))
      if (rank == 0) write(unit, "(i0, ',', es12.5, 2(',', i0), 2(',', es10.3))") &
        held_out + a%p%batch * (step - 1) + f, error, iterations, iterations_again, network_seconds, solver_seconds
      call keep(a%k(:, :, f))
      call keep(p_true(:, :, f))
      call keep(p(:, :, f))
    end do
    call report_progress(a%b%comm, step, num_steps)
  end do

  if (rank == 0) close(unit)
  if (rank == 0) close(fields)
  call ekman_finalize(a%coupler)
  call MPI_Finalize()

contains

  subroutine keep(values)
    real(real64), intent(in) :: values(:, :)
    real(real64), allocatable :: whole(:, :)

    call gather(a%b, values, whole)
    if (rank == 0) write(fields) whole
  end subroutine
end program
