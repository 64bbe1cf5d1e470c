! A step and its way back: an exchange and the adjoint of it by hand, and the same with tensors. Blocks take turns.
!
! backward NAME POINTS LEVELS_IN LEVELS_OUT
!   POINTS  of all ranks
! NAME_of_forward: the way back with tensors over the way there; NAME_by_hand: both ways with tensors over both by hand.
program backward_bench
  use, intrinsic :: iso_fortran_env, only: int64, real32, real64
  use mpi
  use by_hand
  use ekman
  use ekman_tensor
  implicit none
  real(real64), parameter :: block_seconds = 0.12_real64
  type(ekman_coupler) :: c
  type(tensor) :: state, result, loss
  character(:), allocatable :: name
  character(200) :: note
  real(real64), dimension(:), allocatable :: hand, there, back
  real(real32), allocatable :: x(:, :), y(:, :), x_bar(:, :)
  integer :: comm, me, ranks, ierror, first, points, pairs, total, i, l, steps

  call MPI_Init(ierror)
  name = argument(1)
  total = number(2)
  call ekman_init(c, "atmosphere", MPI_COMM_WORLD, comm)
  call MPI_Comm_rank(comm, me, ierror)
  call MPI_Comm_size(comm, ranks, ierror)
  call share_of(total, me, ranks, first, points)
  allocate (x(points, number(3)), x_bar(points, number(3)), y(points, number(4)))
  do l = 1, size(x, 2)
    do i = 1, points
      x(i, l) = value_of(int(first + i - 1, int64), int(l - 1, int64))
    end do
  end do
  call ekman_def_points(c, [(int(first + i, int64), i=0, points - 1)])
  call ekman_def_field(c, "x", levels=size(x, 2), axes="pl")
  call ekman_def_field(c, "y", levels=size(y, 2), axes="pl")
  call ekman_enddef(c)
  state = from_array(x, requires_grad=.true.)
  pairs = pairs_of_run()
  allocate (hand(pairs), there(pairs), back(pairs))
  call choose_count()
  do i = 1, pairs
    hand(i) = hand_seconds()
    call tensor_seconds(there(i), back(i))
  end do
  call compare()
  if (me == 0) then
    write (note, "(3(a, f0.1), a, i0, a)") "microseconds: there ", 1e6*median_of(there), ", back ", 1e6*median_of(back), &
      ", both by hand ", 1e6*median_of(hand), "; blocks of ", steps, " steps"
    call print_ratio(name//"_of_forward", back/there, "", 0.0_real64, note)
    call print_ratio(name//"_by_hand", (there + back)/hand, "", 0.0_real64, note)
  end if
  call ekman_finalize(c)
  call MPI_Finalize(ierror)

contains

  ! The loss is the sum of y**2/2.
  real(real64) function hand_seconds()
    real(real64) :: begin
    integer :: step
    call MPI_Barrier(comm, ierror)
    begin = MPI_Wtime()
    do step = 1, steps
      call ekman_put(c, "x", x)
      call ekman_get(c, "y", y)
      call ekman_advance(c)
      call ekman_put_adjoint(c, "y", y)
      call ekman_get_adjoint(c, "x", x_bar)
    end do
    hand_seconds = slowest((MPI_Wtime() - begin)/steps)
  end function hand_seconds

  subroutine tensor_seconds(there, back)
    real(real64), intent(out) :: there, back
    real(real64) :: begin, turn
    integer :: step
    there = 0
    back = 0
    call MPI_Barrier(comm, ierror)
    do step = 1, steps
      call zero_grad(state)
      begin = MPI_Wtime()
      call ekman_put_tensor(c, "x", state)
      call ekman_get_tensor(c, "y", result)
      call ekman_advance(c)
      turn = MPI_Wtime()
      there = there + turn - begin
      loss = sum(result**2)/2
      call backward(loss)
      back = back + MPI_Wtime() - turn
    end do
    there = slowest(there/steps)
    back = slowest(back/steps)
  end subroutine tensor_seconds

  real(real64) function slowest(mine)
    real(real64), intent(in) :: mine
    call MPI_Allreduce(mine, slowest, 1, MPI_DOUBLE_PRECISION, MPI_MAX, comm, ierror)
  end function slowest

  subroutine choose_count()
    real(real64) :: seconds
    steps = 10
    seconds = hand_seconds()
    call tensor_seconds(there(1), back(1))
    seconds = max(hand_seconds(), there(1) + back(1))
    steps = max(3, min(5000, int(block_of(block_seconds)/seconds)))
  end subroutine choose_count

  subroutine compare()
    real(real32), allocatable :: gradients(:, :)
    allocate (gradients, mold=x_bar)
    call get_gradient(state, gradients)
    if (maxval(abs(gradients - x_bar)) > 1e-5*maxval(abs(x_bar))) call ekman_abort("backward: gradients are not those by hand")
  end subroutine compare

end program backward_bench
