! Makes one mistake, named on the command line, to see how the job ends.
program misuse_model
  use mpi_f08
  use omp_lib, only: omp_get_thread_num
  use, intrinsic :: iso_c_binding, only: c_int
  use ekman
  implicit none
  interface
    integer(c_int) function raise_signal(number) bind(c, name="raise")
      import c_int
      integer(c_int), value :: number
    end function
  end interface
  type(ekman_coupler) :: c
  type(MPI_Comm) :: comm
  character(32) :: mistake
  character(400) :: text
  integer :: rank, i, code, provided, whole(10, 5) = 1
  real(8) :: t(10, 5), s(10), dt(10, 5), ds(10), loss

  call get_command_argument(1, mistake)
  t = 1
  s = 2
  dt = 3
  ds = 4
  call MPI_Init_thread(MPI_THREAD_FUNNELED, provided)
  if (mistake == "component") then
    call ekman_init(c, "atmosfere", MPI_COMM_WORLD, comm)
  else
    call ekman_init(c, "atmosphere", MPI_COMM_WORLD, comm)
  end if
  call MPI_Comm_rank(comm, rank)
  if (mistake == "put_early") call ekman_put(c, "t", t)
  if (mistake == "twins") then
    call ekman_def_points(c, [(i, i=1, 10)])
  else
    call ekman_def_points(c, [(10*rank + i, i=1, 10)])
  end if
  if (mistake == "latitude") call ekman_def_coordinates(c, s, [(real(88 + i), i=1, 10)])
  if (mistake == "longitudes") call ekman_def_coordinates(c, s(:9), s)
  if (mistake == "levels") then
    call ekman_def_field(c, "t", levels=4 + rank)
  else
    call ekman_def_field(c, "t", levels=5)
  end if
  if (mistake /= "missing_field") call ekman_def_field(c, "s")
  call ekman_def_field(c, "dt", levels=5)
  if (mistake == "units") then
    call ekman_def_field(c, "ds", units=merge("kg", "m ", rank == 0))
  else
    call ekman_def_field(c, "ds")
  end if
  call ekman_enddef(c)
  select case (mistake)
  case ("get_early")
    call ekman_put(c, "t", t)
    if (rank == 1) call ekman_get(c, "dt", dt)
  case ("no_put")
    call ekman_put(c, "t", t)
    if (rank == 0) call ekman_put(c, "s", s)
    call ekman_advance(c)
  case ("double_put")
    call ekman_put(c, "s", s)
    call ekman_put(c, "s", s(3:4), first=3)
  case ("shape")
    call ekman_put(c, "t", t(:, 1:4))
  case ("kind")
    call ekman_put(c, "t", whole)
  case ("stop")
    if (rank == 1) stop
  case ("error_stop")
    if (rank == 1) error stop 7
  case ("killed")
    if (rank == 1) code = raise_signal(9_c_int)
  case ("name")
    call ekman_put(c, "temperature", t)
  case ("code")   ! with ierr the call returns, and the coupler refuses what follows
    call ekman_put(c, "temperature", t, ierr=code)
    call ekman_last_error(text)
    if (code == 0 .or. index(text, "temperature") == 0) stop 3
    call ekman_put(c, "t", t, ierr=code)
    call ekman_last_error(text)
    if (code == 0 .or. index(text, "temperature") == 0) stop 3
    call ekman_abort("gave up: "//trim(text))
  case ("thread_get")   ! the init thread is not there, and nobody else may receive
    call ekman_put(c, "t", t)
    call ekman_put(c, "s", s)
    !$omp parallel num_threads(2)
    if (omp_get_thread_num() == 1) call ekman_get(c, "dt", dt)
    !$omp end parallel
  case ("full_tape")
    call exchange()
    call exchange()
  case ("get_adjoint_alone")
    call exchange()
    call ekman_get_adjoint(c, "t", t)
  case ("thread_adjoint")
    call exchange()
    !$omp parallel num_threads(2)
    if (omp_get_thread_num() == 1) call ekman_put_adjoint(c, "dt", dt)
    !$omp end parallel
  case ("half_adjoint_zero")
    call exchange()
    call ekman_put_adjoint(c, "dt", dt)
    call ekman_zero_grad(c, "echo")
  case ("adjoint_shape")
    call exchange()
    call ekman_put_adjoint(c, "dt", dt(:, 1:4))
  case ("zero_no_tape")
    call ekman_zero_grad(c, "echo")
  case ("loss_of_adjoints")
    call ekman_put(c, "t", t)
    call ekman_put(c, "s", s)
    call ekman_get_scalar(c, "echo/loss", loss)
  case ("no_mistake")   ! unusual, and allowed: an exchange while the tape is emptied in part, and its adjoint before its get
    call exchange()
    call exchange()
    call go_back(20.0d0)
    call ekman_put(c, "t", 3*t)
    call ekman_put(c, "s", s)
    call go_back(30.0d0)
    call ekman_get(c, "dt", dt)
    if (any(dt /= 3*t)) error stop "the outputs are not those of this step"
    call ekman_advance(c)
    call go_back(10.0d0)
  case ("scalar", "scalar_without_training")
    call ekman_get_scalar(c, "echo/los", loss)
  case ("empty_tape", "no_tape")
    call ekman_put_adjoint(c, "dt", dt)
  case ("adjoint_twice")
    call exchange()
    call ekman_put_adjoint(c, "dt", dt)
    call ekman_put_adjoint(c, "dt", dt(3:4, :), first=3)
  case ("second_adjoint")   ! the exchange has left the tape
    call exchange()
    call ekman_put_adjoint(c, "dt", dt)
    call ekman_put_adjoint(c, "ds", ds)
    call ekman_put_adjoint(c, "dt", dt)
  case ("get_adjoint_early")
    call exchange()
    call ekman_put_adjoint(c, "dt", dt)
    call ekman_get_adjoint(c, "t", t)
  case ("adjoint_name")
    call exchange()
    call ekman_put_adjoint(c, "du", dt)
  case ("adjoint_of_input")
    call exchange()
    call ekman_put_adjoint(c, "t", t)
  case ("adjoint_by_output")
    call exchange()
    call ekman_put_adjoint(c, "dt", dt)
    call ekman_put_adjoint(c, "ds", ds)
    call ekman_get_adjoint(c, "dt", dt)
  case ("adjoint_between")
    call ekman_put(c, "t", t)
    call ekman_put_adjoint(c, "dt", dt)
  case ("half_adjoint")
    call exchange()
    call ekman_put_adjoint(c, "dt", dt)
    call ekman_put(c, "t", t)
  case ("half_adjoint_end")
    call exchange()
    call ekman_put_adjoint(c, "dt", dt)
    call ekman_finalize(c)
  case ("unlike_retain")
    call exchange()
    call ekman_put_adjoint(c, "dt", dt, retain=.true.)
    call ekman_put_adjoint(c, "ds", ds)
  case ("zero_name")
    call ekman_zero_grad(c, "ecco")
  case ("unlike_turns")
    if (rank == 1) call ekman_zero_grad(c, "echo")
    call exchange()
    call ekman_put_adjoint(c, "dt", dt, retain=.true.)
    call ekman_put_adjoint(c, "ds", ds, retain=.true.)
    call ekman_get_adjoint(c, "t", t)
  case ("tape_restart")
    call exchange()
    call ekman_write_restart(c, "cut")
  end select
  do i = 1, merge(3, 2, mistake == "early_end" .and. rank == 0)
    call ekman_put(c, "t", t)
    call ekman_put(c, "s", s)
    if (mistake /= "early_end") call ekman_get(c, "dt", dt)
    call ekman_advance(c)
  end do
  if (mistake /= "no_finalize") call ekman_finalize(c)
  if (mistake == "killed_late" .and. rank == 1) code = raise_signal(9_c_int)   ! the other is in MPI_Finalize
  if (mistake == "put_late") call ekman_put(c, "t", t)
  call MPI_Finalize()

contains

  subroutine exchange()
    call ekman_put(c, "t", t)
    call ekman_put(c, "s", s)
    call ekman_advance(c)
  end subroutine exchange

  subroutine go_back(adjoint)
    real(8), intent(in) :: adjoint
    real(8) :: found(10, 5)
    dt = adjoint
    ds = adjoint
    call ekman_put_adjoint(c, "dt", dt)
    call ekman_put_adjoint(c, "ds", ds)
    call ekman_get_adjoint(c, "t", found)
    if (any(found /= adjoint)) error stop "the echo of an adjoint is another"
  end subroutine go_back

end program misuse_model
