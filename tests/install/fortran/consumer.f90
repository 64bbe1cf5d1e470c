! The least component in Fortran: 10 points a rank, one step, an echo. With a plan as argument the last rank serves it.
program consumer
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use ekman
  implicit none
  integer, parameter :: num_points = 10
  type(ekman_coupler) :: c
  type(MPI_Comm) :: comm
  integer :: rank, ranks, i, info
  character(200) :: plan
  real(real64) :: sst(num_points), flux(num_points)

  call MPI_Init()
  if (command_argument_count() == 1) then
    call get_command_argument(1, plan)
    call MPI_Comm_rank(MPI_COMM_WORLD, rank)
    call MPI_Comm_size(MPI_COMM_WORLD, ranks)
    if (rank == ranks - 1) then
      call ekman_serve(MPI_COMM_WORLD, plan)
      call MPI_Finalize()
      stop
    end if
  end if
  call ekman_init(c, "ocean", MPI_COMM_WORLD, comm)
  call MPI_Comm_rank(comm, rank)
  sst = [(280 + 0.1_real64 * (rank * num_points + i), i = 1, num_points)]
  flux = 0

  call ekman_def_points(c, [(rank * num_points + i, i = 1, num_points)])
  call ekman_def_field(c, "sst", units="K")
  call ekman_def_field(c, "flux", units="W m-2")
  call ekman_enddef(c)
  call ekman_put(c, "sst", sst)
  call ekman_get(c, "flux", flux, info=info)
  call ekman_advance(c)
  call ekman_finalize(c)

  if (all(flux == sst) .and. info == EKMAN_COUPLED) print "(a)", "echo is right"
  call MPI_Finalize()
end program consumer
