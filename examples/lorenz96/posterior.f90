! posterior NAMELIST SEED: the network learns from where its hybrid ends up. Again and again the hybrid starts from
! the truth and makes a few RK4 steps; the loss is the squared distance of its trajectory from the truth's. The adjoint of
! the model, here, and that of the network, on the ML rank, take turns on the way back. The
! loss of each window goes to loss.csv.
program posterior
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use ekman
  use lorenz96
  use experiment
  use reference
  use adjoint
  implicit none
  type(ekman_coupler) :: coupler
  type(MPI_Comm) :: comm
  type(Setting) :: p
  type(TwoScaleRun) :: ref
  real(real64), allocatable, dimension(:, :) :: x, u, x_bar, u_bar, x_bar_network
  real(real64), allocatable, dimension(:, :, :) :: states, closures, errors   ! (slow variable, member, step of the window)
  real(real64) :: loss
  integer, allocatable :: ids(:)
  integer :: seed, first, last, member, step, window, log, i
  character(:), allocatable :: word

  call MPI_Init()
  call ekman_init(coupler, "atmosphere", MPI_COMM_WORLD, comm)
  p = read_setting(argument(1, "the namelist file"))
  word = argument(2, "the seed, an integer")
  read(word, *) seed

  call share_of(p%num_learning, comm, first, last)
  call start_reference(p, seed, first, last, ref)
  allocate(x, u, x_bar, u_bar, x_bar_network, mold=ref%x)
  allocate(states(size(x, 1), size(x, 2), p%window))
  allocate(closures, errors, mold=states)

  ids = [((first - 1) * p%sys%num_slow + i, i = 1, size(x))]
  call ekman_def_points(coupler, ids)
  call ekman_def_field(coupler, "x", units="1", levels=1, axes="pp")
  call ekman_def_field(coupler, "u", units="1", levels=1, axes="pp")
  call ekman_enddef(coupler)

  call open_log("loss.csv", comm, log)
  do window = 1, p%num_windows
    x = ref%x
    do step = 1, p%window
      call ekman_put(coupler, "x", x)
      call ekman_get(coupler, "u", u)
      states(:, :, step) = x
      closures(:, :, step) = u
      do member = 1, size(x, 2)
        call step_one_scale(p%sys, p%model_step, u(:, member), x(:, member))
      end do
      call advance_reference(p, ref)
      errors(:, :, step) = x - ref%x
      call ekman_advance(coupler)
    end do

    ! The loss is a mean over steps, members and k, over those of all ranks.
    x_bar = 0
    do step = p%window, 1, -1
      x_bar = x_bar + 2 * errors(:, :, step) / (p%window * p%num_learning * p%sys%num_slow)
      do member = 1, size(x, 2)
        call adjoint_one_scale(p%sys, p%model_step, states(:, member, step), closures(:, member, step), &
                               x_bar(:, member), u_bar(:, member))
      end do
      call ekman_put_adjoint(coupler, "u", u_bar)
      call ekman_get_adjoint(coupler, "x", x_bar_network)
      x_bar = x_bar + x_bar_network
    end do

    loss = sum(errors**2) / (p%window * p%num_learning * p%sys%num_slow)
    call MPI_Allreduce(MPI_IN_PLACE, loss, 1, MPI_DOUBLE_PRECISION, MPI_SUM, comm)
    call write_loss(log, window, loss)
    call report_progress(comm, window, p%num_windows)
  end do

  call ekman_finalize(coupler)
  call MPI_Finalize()
end program
