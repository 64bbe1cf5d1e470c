! Components whose networks learn online: real32 fields of (points, levels), 128 inputs, 128 outputs and their targets.
!
! training loop NAME POINTS GETS REQUESTS ANSWERS   samples/s against training_loop.py, which answers in turns
! training waiting NAME POINTS GETS                 the part of a step that the component waits, with physics as long as a
!                                                   step
! training ranks NAME POINTS GETS                   the second rank, component "two" with 2 * POINTS, against twice the
!                                                   samples/s of the first, component "one"
! GETS: get, or none: nobody gets the outputs.
program training
  use, intrinsic :: iso_c_binding, only: c_int, c_int32_t
  use, intrinsic :: iso_fortran_env, only: int64, real32, real64
  use mpi
  use by_hand
  use ekman
  implicit none
  integer, parameter :: levels = 128
  ! Long ones where other ranks wake up at the beginning of each: the kernel takes some steps to give them cores.
  real(real64), parameter :: block_seconds = 0.25_real64, long_block_seconds = 1.0_real64
  type(ekman_coupler) :: c
  character(:), allocatable :: mode, name
  character(160) :: note
  real(real64) :: spent
  real(real64), allocatable :: first(:), second(:)
  real(real32), allocatable :: x(:, :), y(:, :), y_true(:, :)
  integer :: world, components, rank, ierror, points, pairs, i, l, steps_of_block, to, from
  logical :: gets

  call MPI_Init(ierror)
  mode = argument(1)
  name = argument(2)
  points = number(3)
  pairs = pairs_of_run()
  allocate (first(pairs), second(pairs))
  gets = .true.
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierror)
  call join_components(merge(2, 1, mode == "ranks"))
  if (rank == 1) points = 2*points
  gets = argument(4) == "get"
  call define(merge("two", "one", rank == 1))
  select case (mode)
  case ("loop")
    open (newunit=to, file=argument(5), action="write")
    open (newunit=from, file=argument(6), action="read")
    call against_loop()
  case ("waiting")
    call against_physics()
  case ("ranks")
    call against_one_rank()
  end select
  call ekman_finalize(c)
  call MPI_Finalize(ierror)

contains

  ! A communicator of the first ranks of the job, which are the components.
  subroutine join_components(count)
    integer, intent(in) :: count
    integer :: all
    call MPI_Comm_group(MPI_COMM_WORLD, all, ierror)
    call MPI_Group_incl(all, count, [(i, i=0, count - 1)], world, ierror)
    call MPI_Comm_create_group(MPI_COMM_WORLD, world, 0, components, ierror)
  end subroutine join_components

  subroutine define(component)
    character(*), intent(in) :: component
    allocate (x(points, levels), y(points, levels), y_true(points, levels))
    do l = 1, levels
      do i = 1, points
        x(i, l) = value_of(int(i, int64), int(l, int64))
        y_true(i, l) = value_of(int(l, int64), int(i, int64))
      end do
    end do
    call ekman_init(c, component, MPI_COMM_WORLD)
    call ekman_def_points(c, [(i, i=1, points)])
    call ekman_def_field(c, "x", levels=levels, axes="pl")
    if (gets) call ekman_def_field(c, "y", levels=levels, axes="pl")
    call ekman_def_field(c, "y_true", levels=levels, axes="pl")
    call ekman_enddef(c)
  end subroutine define

  subroutine step()
    call ekman_put(c, "x", x)
    call ekman_put(c, "y_true", y_true)
    if (gets) call ekman_get(c, "y", y)
    call ekman_advance(c)
  end subroutine step

  ! Of one step, with `physics` seconds of other work in it; `spent` becomes what the steps took without.
  real(real64) function seconds_of(steps, physics)
    integer, intent(in) :: steps
    real(real64), intent(in) :: physics
    real(real64) :: begin, mark
    integer :: k
    spent = 0
    begin = MPI_Wtime()
    do k = 1, steps
      mark = MPI_Wtime() + physics
      do while (MPI_Wtime() < mark)
      end do
      mark = MPI_Wtime()
      call step()
      spent = spent + MPI_Wtime() - mark
    end do
    seconds_of = (MPI_Wtime() - begin)/steps
    spent = spent/steps
  end function seconds_of

  subroutine choose_steps(seconds)
    real(real64), intent(in) :: seconds
    steps_of_block = max(5, min(2000, int(block_of(merge(long_block_seconds, block_seconds, mode == "ranks"))/seconds)))
  end subroutine choose_steps

  real(real64) function loop_seconds(steps)
    integer, intent(in) :: steps
    write (to, "(i0)") steps
    flush (to)
    read (from, *) loop_seconds
  end function loop_seconds

  subroutine against_loop()
    real(real64) :: seconds
    seconds = loop_seconds(10)
    call choose_steps(loop_seconds(10))
    seconds = seconds_of(10, 0.0_real64)
    do i = 1, pairs
      first(i) = loop_seconds(steps_of_block)
      ! One step more: the first waits for what was left to learn.
      call step()
      second(i) = seconds_of(steps_of_block, 0.0_real64)
    end do
    write (note, "(2(a, f0.1))") "microseconds a step: Ekman ", 1e6*median_of(second), ", loop in Python ", 1e6*median_of(first)
    call print_ratio(name, first/second, ">=", 1.15_real64, note)
  end subroutine against_loop

  subroutine against_physics()
    real(real64) :: alone
    alone = seconds_of(10, 0.0_real64)
    call choose_steps(alone)
    do i = 1, pairs
      call step()
      alone = seconds_of(steps_of_block, 0.0_real64)
      call step()
      first(i) = seconds_of(steps_of_block, alone)
      second(i) = spent
    end do
    write (note, "(2(a, f0.1))") "microseconds a step: ", 1e6*median_of(first), ", of which in Ekman ", 1e6*median_of(second)
    call print_ratio(name, second/first, "<=", 0.1_real64, note)
  end subroutine against_physics

  ! A barrier whose ranks leave the cores to those that are measured meanwhile.
  subroutine sleep_until_all_are_here()
    interface
      integer(c_int) function usleep(microseconds) bind(C)
        import :: c_int, c_int32_t
        integer(c_int32_t), value :: microseconds
      end function usleep
    end interface
    integer :: request, unused
    logical :: done
    call MPI_Ibarrier(components, request, ierror)
    do
      call MPI_Test(request, done, MPI_STATUS_IGNORE, ierror)
      if (done) exit
      unused = usleep(5000_c_int32_t)
    end do
  end subroutine sleep_until_all_are_here

  subroutine against_one_rank()
    real(real64) :: seconds
    seconds = seconds_of(10, 0.0_real64)
    call choose_steps(seconds)
    call MPI_Bcast(steps_of_block, 1, MPI_INTEGER, 0, components, ierror)
    do i = 1, pairs
      call sleep_until_all_are_here()
      if (rank == 0) call step()
      if (rank == 0) first(i) = seconds_of(steps_of_block, 0.0_real64)
      call sleep_until_all_are_here()
      if (rank == 1) call step()
      if (rank == 1) second(i) = seconds_of(steps_of_block, 0.0_real64)
      call sleep_until_all_are_here()
    end do
    call MPI_Bcast(second, pairs, MPI_DOUBLE_PRECISION, 1, components, ierror)
    if (rank /= 0) return
    write (note, "(2(a, f0.1))") "microseconds a step: 1 ML rank ", 1e6*median_of(first), ", 2 ML ranks with twice the points ", &
      1e6*median_of(second)
    call print_ratio(name, first/second, ">=", 0.9_real64, note)
  end subroutine against_one_rank

end program training
