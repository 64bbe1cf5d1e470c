! hybrid NAMELIST TRUTH OUTPUT: the one-scale model again, its subgrid tendency from a network on ML ranks.
! It is onescale.f90 with the lines that start with "call ekman_" in place of the polynomial.
program hybrid
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
  real(real64), allocatable :: start(:, :), x(:, :), u(:, :)
  integer, allocatable :: ids(:)
  integer :: first, last, member, step, num_steps, i

  call MPI_Init()
  call ekman_init(coupler, "atmosphere", MPI_COMM_WORLD, comm)
  p = read_setting(argument(1, "the namelist file"))

  call read_test_start(argument(2, "the truth's file"), p, comm, start)
  call share_of(size(start, 2), comm, first, last)
  x = start(:, first:last)
  allocate(u, mold=x)
  u = 0

  ! A point is one X_k of one member; the network sees that X_k alone.
  ids = [((first - 1) * p%sys%num_slow + i, i = 1, size(x))]
  call ekman_def_points(coupler, ids)
  call ekman_def_field(coupler, "x", units="1", levels=1, axes="pp")
  call ekman_def_field(coupler, "u", units="1", levels=1, axes="pp")
  call ekman_enddef(coupler)

  call start_record(p, size(x, 2), rec)
  num_steps = nint(p%length / p%model_step)
  do step = 0, num_steps
    call ekman_put(coupler, "x", x)
    call ekman_get(coupler, "u", u)
    do member = 1, size(x, 2)
      call keep(p, step, p%model_step, member, x(:, member), u(:, member), rec)
      call step_one_scale(p%sys, p%model_step, u(:, member), x(:, member))
    end do
    call ekman_advance(coupler)
    call report_progress(comm, step, num_steps)
  end do

  call write_record(argument(3, "the output file"), p, comm, rec)
  call ekman_finalize(coupler)
  call MPI_Finalize()
end program
