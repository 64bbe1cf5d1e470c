! posterior_tensor NAMELIST SEED: posterior.f90 with tensors in place of arrays, and no adjoint by hand. The model's steps are
! tensor algebra, the loss is a line, and `backward` goes through both and the exchanges between them.
program posterior_tensor
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use ekman
  use ekman_tensor
  use lorenz96
  use experiment
  use reference
  use step_tensor
  implicit none
  type(ekman_coupler) :: coupler
  type(MPI_Comm) :: comm
  type(Setting) :: p
  type(TwoScaleRun) :: ref
  type(tensor) :: x, u, loss
  real(real64) :: value
  integer, allocatable :: ids(:)
  integer :: seed, first, last, step, window, log_unit, i
  character(:), allocatable :: word

  call MPI_Init()
  call ekman_init(coupler, "atmosphere", MPI_COMM_WORLD, comm)
  p = read_setting(argument(1, "the namelist file"))
  word = argument(2, "the seed, an integer")
  read(word, *) seed

  call share_of(p%num_learning, comm, first, last)
  call start_reference(p, seed, first, last, ref)
  ids = [((first - 1) * p%sys%num_slow + i, i = 1, size(ref%x))]
  call ekman_def_points(coupler, ids)
  call ekman_def_field(coupler, "x", units="1", levels=1, axes="pp")
  call ekman_def_field(coupler, "u", units="1", levels=1, axes="pp")
  call ekman_enddef(coupler)

  call open_log("loss.csv", comm, log_unit)
  do window = 1, p%num_windows
    x = from_array(ref%x)
    loss = zeros([integer ::], kind=tensor_real64)
    do step = 1, p%window
      call ekman_put_tensor(coupler, "x", x)
      call ekman_get_tensor(coupler, "u", u, shape=shape(x), kind=tensor_real64)
      x = stepped(p%sys, p%model_step, x, u)
      call advance_reference(p, ref)
      loss = loss + sum((x - from_array(ref%x))**2)
      call ekman_advance(coupler)
    end do

    ! A mean over steps, members and k, over those of all ranks.
    loss = global_sum(coupler, loss) / (p%window * p%num_learning * p%sys%num_slow)
    call backward(loss)
    value = loss
    call write_loss(log_unit, window, value)
    call report_progress(comm, window, p%num_windows)
  end do

  call ekman_finalize(coupler)
  call MPI_Finalize()
end program
