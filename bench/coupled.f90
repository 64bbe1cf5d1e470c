! A component coupled to a network, against LibTorch alone: blocks of steps and blocks of forwards take turns. Fields are
! real32, as the network has them, and (points, levels), so that packing transposes.
!
! coupled NAME GOAL TARGET WHO ALLOCATOR FILE LEVELS_IN LEVELS_OUT POINTS NY NX
!   GOAL, TARGET  ">=" or "", and how many times the samples/s of LibTorch alone
!   WHO           one: rank 0 runs all points in one call; each: every rank runs its own
!   ALLOCATOR     tuned, or untouched: that of LibTorch alone
!   POINTS        of all ranks
!   NY, NX        shape of a grid; 0 0: every point is a sample
program coupled
  use, intrinsic :: iso_fortran_env, only: int64, real32, real64
  use mpi
  use by_hand
  use ekman
  implicit none
  integer, parameter :: most_checked = 512
  real(real64), parameter :: block_seconds = 0.12_real64
  type(ekman_coupler) :: c
  character(:), allocatable :: name, goal
  character(160) :: note
  real(real64) :: target
  real(real64), allocatable :: hand(:), ours(:)
  real(real32), allocatable :: x(:, :), y(:, :)
  integer :: comm, rank, ranks, ierror, first, points, pairs, i, l, steps_of_block, total, samples, ny, nx
  logical :: each

  call MPI_Init(ierror)
  name = argument(1)
  goal = argument(2)
  note = argument(3)
  read (note, *) target
  each = argument(4) == "each"
  total = number(9)
  ny = number(10)
  nx = number(11)
  samples = total/max(1, ny*nx)
  call ekman_init(c, "atmosphere", MPI_COMM_WORLD, comm)
  call MPI_Comm_rank(comm, rank, ierror)
  call MPI_Comm_size(comm, ranks, ierror)
  call share_of(total, rank, ranks, first, points)
  allocate (x(points, number(7)), y(points, number(8)))
  do l = 1, size(x, 2)
    do i = 1, points
      x(i, l) = value_of(int(first + i - 1, int64), int(l - 1, int64))
    end do
  end do
  if (each) then
    call open_script(argument(6), first, points, size(x, 2), ny, nx, argument(5) == "tuned", rank == 0)
  else if (rank == 0) then
    call open_script(argument(6), 0, samples, size(x, 2), ny, nx, argument(5) == "tuned", .true.)
  end if
  call ekman_def_points(c, [(int(first + i, int64), i=0, points - 1)])
  call ekman_def_field(c, "x", levels=size(x, 2), axes="pl")
  call ekman_def_field(c, "y", levels=size(y, 2), axes="pl")
  call ekman_enddef(c)
  call choose_count()
  pairs = pairs_of_run()
  allocate (hand(pairs), ours(pairs))
  do i = 1, pairs
    hand(i) = hand_seconds(steps_of_block)
    ours(i) = ekman_seconds(steps_of_block)
  end do
  call compare()
  if (rank == 0) then
    write (note, "(2(a, f0.1), a, i0, a)") "microseconds: Ekman ", 1e6*median_of(ours), ", LibTorch alone ", 1e6*median_of(hand), &
      "; blocks of ", steps_of_block, " steps"
    call print_ratio(name, hand/ours, goal, target, note)
  end if
  call ekman_finalize(c)
  call MPI_Finalize(ierror)

contains

  real(real64) function ekman_seconds(steps)
    integer, intent(in) :: steps
    real(real64) :: begin
    integer :: step
    call MPI_Barrier(comm, ierror)
    begin = MPI_Wtime()
    do step = 1, steps
      call ekman_put(c, "x", x)
      call ekman_get(c, "y", y)
      call ekman_advance(c)
    end do
    ekman_seconds = slowest((MPI_Wtime() - begin)/steps)
  end function ekman_seconds

  real(real64) function hand_seconds(calls)
    integer, intent(in) :: calls
    hand_seconds = 0
    call MPI_Barrier(comm, ierror)
    if (rank == 0 .or. each) hand_seconds = script_seconds(calls)
    hand_seconds = slowest(hand_seconds)
  end function hand_seconds

  real(real64) function slowest(mine)
    real(real64), intent(in) :: mine
    call MPI_Allreduce(mine, slowest, 1, MPI_DOUBLE_PRECISION, MPI_MAX, comm, ierror)
  end function slowest

  ! How often the slower of both fits into a block; both are warm then.
  subroutine choose_count()
    real(real64) :: seconds
    seconds = max(hand_seconds(3), ekman_seconds(3))
    seconds = max(hand_seconds(3), ekman_seconds(10))
    steps_of_block = max(3, min(5000, int(block_of(block_seconds)/seconds)))
  end subroutine choose_count

  ! Both gave the same, to rounding.
  subroutine compare()
    real(real32) :: difference
    integer :: point
    difference = 0
    if (rank == 0) then
      do l = 1, size(y, 2)
        do point = 1, min(points, most_checked)
          difference = max(difference, abs(y(point, l) - script_output(int(point - 1, int64), int(l - 1, int64))))
        end do
      end do
    end if
    if (difference > 1e-4_real32 .or. difference /= difference) call ekman_abort("coupled: outputs differ from LibTorch's")
  end subroutine compare

end program coupled
