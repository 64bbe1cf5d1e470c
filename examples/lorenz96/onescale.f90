! onescale NAMELIST TRUTH OUTPUT [POLYNOMIAL]: the one-scale model from the truth's test members, uncoupled.
! Without POLYNOMIAL there is no parameterisation; with it, Wilks' quartic fit, read from that namelist file.
program onescale
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use lorenz96
  use experiment
  implicit none
  type(Setting) :: p
  type(Record) :: rec
  real(real64), allocatable :: start(:, :), x(:, :), u(:, :)
  real(real64) :: coefficients(0:4)   ! of U = sum_i coefficients(i) X**i
  integer :: first, last, member, step, num_steps

  call MPI_Init()
  p = read_setting(argument(1, "the namelist file"))
  coefficients = 0
  if (command_argument_count() > 3) call read_polynomial(argument(4, "the polynomial's file"), coefficients)

  call read_test_start(argument(2, "the truth's file"), p, MPI_COMM_WORLD, start)
  call share_of(size(start, 2), MPI_COMM_WORLD, first, last)
  x = start(:, first:last)
  allocate(u, mold=x)

  call start_record(p, size(x, 2), rec)
  num_steps = nint(p%length / p%model_step)
  do step = 0, num_steps
    u = coefficients(0) + x * (coefficients(1) + x * (coefficients(2) + x * (coefficients(3) + x * coefficients(4))))
    do member = 1, size(x, 2)
      call keep(p, step, p%model_step, member, x(:, member), u(:, member), rec)
      call step_one_scale(p%sys, p%model_step, u(:, member), x(:, member))
    end do
    call report_progress(MPI_COMM_WORLD, step, num_steps)
  end do

  call write_record(argument(3, "the output file"), p, MPI_COMM_WORLD, rec)
  call MPI_Finalize()

contains

  subroutine read_polynomial(path, coefficients)
    character(*), intent(in) :: path
    real(real64), intent(out) :: coefficients(0:4)
    integer :: unit, status
    namelist /polynomial/ coefficients

    open(newunit=unit, file=path, status="old", action="read", iostat=status)
    if (status /= 0) call stop_all("cannot open the polynomial's file " // path)
    read(unit, nml=polynomial)
    close(unit)
  end subroutine
end program
