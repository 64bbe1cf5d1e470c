! online NAMELIST SEED: the network learns while the hybrid runs. Beside the hybrid runs a two-scale reference that is
! kept in sync with it: the subgrid tendency that it has in the states that the hybrid visits is the target. After Rasp
! (2020), GMD 13, 2185-2196. It is hybrid.f90 with a reference and one more put.
program online
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use ekman
  use lorenz96
  use experiment
  use reference
  implicit none
  type(ekman_coupler) :: coupler
  type(MPI_Comm) :: comm
  type(Setting) :: p
  type(TwoScaleRun) :: ref
  real(real64), allocatable :: x(:, :), u(:, :), u_true(:, :)
  integer, allocatable :: ids(:)
  integer :: seed, first, last, member, step, num_steps, i
  character(:), allocatable :: word

  call MPI_Init()
  call ekman_init(coupler, "atmosphere", MPI_COMM_WORLD, comm)
  p = read_setting(argument(1, "the namelist file"))
  word = argument(2, "the seed, an integer")
  read(word, *) seed

  call share_of(p%num_learning, comm, first, last)
  call start_reference(p, seed, first, last, ref)
  x = ref%x
  allocate(u, u_true, mold=x)

  ids = [((first - 1) * p%sys%num_slow + i, i = 1, size(x))]
  call ekman_def_points(coupler, ids)
  call ekman_def_field(coupler, "x", units="1", levels=1, axes="pp")
  call ekman_def_field(coupler, "u", units="1", levels=1, axes="pp")
  call ekman_def_field(coupler, "u_true", units="1", levels=1, axes="pp")
  call ekman_enddef(coupler)

  num_steps = nint(p%online_length / p%model_step)
  do step = 1, num_steps
    call true_tendency(p, ref, u_true)
    call ekman_put(coupler, "x", x)
    call ekman_put(coupler, "u_true", u_true)
    call ekman_get(coupler, "u", u)
    do member = 1, size(x, 2)
      call step_one_scale(p%sys, p%model_step, u(:, member), x(:, member))
    end do
    call advance_reference(p, ref)
    call nudge(p, x, ref)
    call ekman_advance(coupler)
    call report_progress(comm, step, num_steps)
  end do

  call ekman_finalize(coupler)
  call MPI_Finalize()
end program
