! A component with a loss of its own: it steps a state forward with the outputs of two networks, compares it with a truth,
! and goes back through the steps with the adjoints of the networks.
!
!   t <- t + 0.1 dt,  s <- s + 0.1 ds du,  with (dt, ds) = first(t, s) and du = second(s, s**2)
!   loss = sum over points of area/2 (|t - t_true|**2 + (s - s_true)**2) after `tape` steps
!
! adjoint_model IDS TAPE WINDOWS OUTPUT [learns] [between] [retain] [zero] [differences] [dot]
!   IDS      blocks (in order, uneven) | cyclic | sparse (one rank without points)
!   OUTPUT   file of each window's final state and adjoint of the initial one, by global id, as hexadecimal bits
!   learns   writes behind that, of each window, what get_scalar gave: step and gradient_norm of both networks
!   between  goes back between two steps, not before the last one ends
!   retain   puts each adjoint in two parts of unequal weight
!   zero     before every other window gathers gradients, and graphs, that are then dropped
!   partly   exchanges once more when the tape is emptied in part, and takes that exchange off it first
!   from N   goes on with window N from the restart set of the plan; what it writes begins with that window
!   cut      writes restart set "cut" behind the last window, and ends there
!   amid     writes it when the tape is not empty
!   differences  one window: prints the slope of the loss along a direction, from differences and from the adjoint
!   dot      prints <J dx, w> and <dx, J^T w> of both networks, which must be linear
program adjoint_model
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use ekman
  use job_of_points
  implicit none
  integer, parameter :: nlev = 3, total = 203
  type(ekman_coupler) :: c
  type(MPI_Comm) :: comm
  character(32) :: numbering, text
  character(256) :: output
  logical :: learns, between, retain, zero, partly, cut, amid, differences, dot
  integer :: rank, ranks, n, i, k, tape, first, windows, window
  integer, allocatable :: ids(:)
  real(real64), allocatable :: t(:, :), s(:), u(:, :), dt(:, :), ds(:), du(:)                  ! forward
  real(real64), allocatable :: kept_s(:, :), kept_ds(:, :), kept_du(:, :)                      ! of each step
  real(real64), allocatable :: lt(:, :), ls(:), gt(:, :), gs(:), gu(:, :), at(:, :), as(:), au(:)   ! adjoints
  real(real64), allocatable :: area(:), all(:, :), scalars(:, :)
  real(real64), parameter :: points(0:total - 1) = [(real(i, real64), i=0, total - 1)]

  call get_command_argument(1, numbering)
  call get_command_argument(2, text)
  read (text, *) tape
  call get_command_argument(3, text)
  read (text, *) windows
  call get_command_argument(4, output)
  learns = has("learns")
  between = has("between")
  retain = has("retain")
  zero = has("zero")
  partly = has("partly")
  cut = has("cut")
  amid = has("amid")
  first = first_window()
  differences = has("differences")
  dot = has("dot")
  call MPI_Init()
  call ekman_init(c, "atmosphere", MPI_COMM_WORLD, comm)
  call MPI_Comm_rank(comm, rank)
  call MPI_Comm_size(comm, ranks)
  ids = ids_of(numbering, total, rank, ranks)
  n = size(ids)
  allocate (t(n, nlev), s(n), u(n, 2), dt(n, nlev), ds(n), du(n), kept_s(n, tape), kept_ds(n, tape), kept_du(n, tape))
  allocate (lt(n, nlev), ls(n), gt(n, nlev), gs(n), gu(n, 2), at(n, nlev), as(n), au(n))
  allocate (area(n), all(0:total - 1, 2*(nlev + 1)*windows), scalars(4, windows))
  area = 1 + 0.5_real64*at_points(sin(0.3_real64*points))
  all = 0
  call ekman_def_points(c, ids)
  call ekman_def_field(c, "t", levels=nlev)
  call ekman_def_field(c, "s")
  call ekman_def_field(c, "dt", levels=nlev)
  call ekman_def_field(c, "ds")
  call ekman_def_field(c, "u", levels=2)
  call ekman_def_field(c, "du")
  call ekman_enddef(c)
  if (dot) then
    call compare_products()
  else if (differences) then
    call compare_slopes()
  else
    do window = first, windows
      if (zero .and. modulo(window, 2) == 1 .and. (window == 1 .or. window > first)) call make_waste()
      call set_state(window)
      call go_forward()
      if (between) call ekman_advance(c)
      if (between .and. amid) call ekman_write_restart(c, "cut")
      call set_adjoints()
      call go_back()
      if (.not. between) call ekman_advance(c)
      do i = 1, n
        all(ids(i), 8*window - 7:8*window) = [t(i, :), s(i), lt(i, :), ls(i)]
      end do
    end do
    if (cut) then
      if (zero) call make_waste()   ! window 3 has no more to drop
      call ekman_write_restart(c, "cut")
    end if
    call write_output()
  end if
  call ekman_finalize(c)
  deallocate (ids, t, s, u, dt, ds, du, kept_s, kept_ds, kept_du, lt, ls, gt, gs, gu, at, as, au, area, all, scalars)
  call MPI_Finalize()

contains

  integer function first_window()
    integer :: argument
    first_window = 1
    do argument = 5, command_argument_count() - 1
      call get_command_argument(argument, text)
      if (text /= "from") cycle
      call get_command_argument(argument + 1, text)
      read (text, *) first_window
    end do
  end function first_window

  subroutine set_state(number)
    integer, intent(in) :: number
    do k = 1, nlev
      t(:, k) = at_points(sin(k*(0.1_real64*points + number)))
    end do
    s = at_points(cos(0.1_real64*points + number))
  end subroutine set_state

  ! Of values of all points those of this rank: bits of sin in a loop depend on the length of the loop.
  function at_points(values)
    real(real64), intent(in) :: values(0:)
    real(real64) :: at_points(n)
    at_points = values(ids)
  end function at_points

  real(real64) function loss()
    loss = sum(area*(sum((t - 0.3_real64)**2, 2) + (s + 0.2_real64)**2))/2
    call MPI_Allreduce(MPI_IN_PLACE, loss, 1, MPI_DOUBLE_PRECISION, MPI_SUM, comm)
  end function loss

  ! Of the loss, by the final state.
  subroutine set_adjoints()
    do k = 1, nlev
      lt(:, k) = area*(t(:, k) - 0.3_real64)
    end do
    ls = area*(s + 0.2_real64)
  end subroutine set_adjoints

  ! Does not end the last step.
  subroutine go_forward()
    do k = 1, tape
      if (k > 1) call ekman_advance(c)
      call exchange()
      kept_s(:, k) = s
      kept_ds(:, k) = ds
      kept_du(:, k) = du
      t = t + 0.1_real64*dt
      s = s + 0.1_real64*ds*du
    end do
    if (.not. learns) return
    call ekman_get_scalar(c, "first/step", scalars(1, window))
    call ekman_get_scalar(c, "first/gradient_norm", scalars(2, window))
    call ekman_get_scalar(c, "second/step", scalars(3, window))
    call ekman_get_scalar(c, "second/gradient_norm", scalars(4, window))
  end subroutine go_forward

  subroutine exchange()
    u(:, 1) = s
    u(:, 2) = s**2
    call ekman_put(c, "u", u)
    call ekman_put(c, "s", s)
    call ekman_put(c, "t", t)
    call ekman_get(c, "dt", dt)
    call ekman_get(c, "du", du)
    call ekman_get(c, "ds", ds)
  end subroutine exchange

  subroutine go_back()
    do k = tape, 1, -1
      gt = 0
      gs = 0
      gu = 0
      if (retain) then
        call pass(0.75_real64, .true.)
        call pass(0.25_real64, .false.)
      else
        call pass(1.0_real64, .false.)
      end if
      lt = lt + gt
      ls = ls + gs + gu(:, 1) + 2*kept_s(:, k)*gu(:, 2)
      if (partly .and. k == 2) call make_detour()
    end do
  end subroutine go_back

  ! Adjoints of the outputs of step k, times `factor`, give what is added to those of its inputs.
  subroutine pass(factor, retain)
    real(real64), intent(in) :: factor
    logical, intent(in) :: retain
    at = factor*0.1_real64*lt
    as = factor*0.1_real64*ls*kept_du(:, k)
    au = factor*0.1_real64*ls*kept_ds(:, k)
    call put_all(retain)
    call ekman_get_adjoint(c, "u", u)
    call ekman_get_adjoint(c, "s", as(n/2 + 1:), first=n/2 + 1)
    call ekman_get_adjoint(c, "s", as(:n/2), first=1)
    call ekman_get_adjoint(c, "t", at)
    gt = gt + at
    gs = gs + as
    gu = gu + u
  end subroutine pass

  subroutine put_all(retain)
    logical, intent(in) :: retain
    call ekman_put_adjoint(c, "dt", at(n/2 + 1:, :), first=n/2 + 1, retain=retain)
    call ekman_put_adjoint(c, "du", au, retain=retain)
    call ekman_put_adjoint(c, "ds", as, retain=retain)
    call ekman_put_adjoint(c, "dt", at(:n/2, :), first=1, retain=retain)
  end subroutine put_all

  ! Adds nothing to any gradient.
  subroutine make_detour()
    call ekman_advance(c)
    call exchange()
    at = 0
    as = 0
    au = 0
    call put_all(.false.)
  end subroutine make_detour

  ! A tape that is emptied, an adjoint that is retained, and an exchange of a step that has not ended: all dropped.
  subroutine make_waste()
    at = 7
    as = 8
    au = 9
    call set_state(window + 100)
    call exchange()
    call ekman_advance(c)
    call put_all(.false.)
    call exchange()
    call ekman_advance(c)
    call put_all(.true.)
    if (tape > 1) call exchange()
    call ekman_zero_grad(c, "first")
    call ekman_zero_grad(c, "second")
    if (tape > 1) call ekman_advance(c)
  end subroutine make_waste

  subroutine compare_slopes()
    real(real64), parameter :: h = 1.0e-5_real64
    real(real64) :: slope(2), side(2)
    integer :: j
    do j = 1, 2
      call set_state(1)
      t = t + (2*j - 3)*h*direction(nlev)
      s = s + (2*j - 3)*h*reshape(direction(1), [n])
      call go_forward()
      side(j) = loss()
      call ekman_advance(c)
      call ekman_zero_grad(c, "first")
      call ekman_zero_grad(c, "second")
    end do
    call set_state(1)
    call go_forward()
    call set_adjoints()
    call go_back()
    call ekman_advance(c)
    slope(1) = (side(2) - side(1))/(2*h)
    slope(2) = global_dot(lt, direction(nlev)) + global_dot(reshape(ls, [n, 1]), direction(1))
    if (rank == 0) call write_numbers(slope)
  end subroutine compare_slopes

  subroutine compare_products()
    real(real64) :: products(4), y(n, nlev + 2)
    call set_state(1)
    t = t + direction(nlev)
    s = s + reshape(direction(1), [n])
    call exchange()
    y(:, :nlev) = dt
    y(:, nlev + 1) = ds
    y(:, nlev + 2) = du
    call ekman_advance(c)
    call ekman_zero_grad(c, "first")
    call ekman_zero_grad(c, "second")
    gu = u
    call set_state(1)
    call exchange()
    gu = gu - u
    call ekman_advance(c)
    at = 2*cos(direction(nlev))
    as = 1 + at(:, 1)
    au = 2 - at(:, 2)
    products(1) = global_dot(y(:, :nlev) - dt, at) + global_dot(y(:, nlev + 1:nlev + 1) - reshape(ds, [n, 1]), &
                                                              reshape(as, [n, 1]))
    products(3) = global_dot(y(:, nlev + 2:) - reshape(du, [n, 1]), reshape(au, [n, 1]))
    call put_all(.false.)
    call ekman_get_adjoint(c, "t", gt)
    call ekman_get_adjoint(c, "s", gs)
    call ekman_get_adjoint(c, "u", u)
    products(2) = global_dot(direction(nlev), gt) + global_dot(direction(1), reshape(gs, [n, 1]))
    products(4) = global_dot(gu, u)
    if (rank == 0) call write_numbers(products)
  end subroutine compare_products

  function direction(levels) result(d)
    integer, intent(in) :: levels
    real(real64) :: d(n, levels)
    integer :: l
    do l = 1, levels
      d(:, l) = sin(1.7_real64*ids + l) + 0.5_real64*l
    end do
  end function direction

  real(real64) function global_dot(a, b)
    real(real64), intent(in) :: a(:, :), b(:, :)
    global_dot = sum(a*b)
    call MPI_Allreduce(MPI_IN_PLACE, global_dot, 1, MPI_DOUBLE_PRECISION, MPI_SUM, comm)
  end function global_dot

  subroutine write_numbers(numbers)
    real(real64), intent(in) :: numbers(:)
    integer :: unit
    open (newunit=unit, file=output, action="write", status="replace")
    write (unit, "(*(1x, z16.16))") numbers
    close (unit)
  end subroutine write_numbers

  subroutine write_output()
    integer :: unit
    call MPI_Allreduce(MPI_IN_PLACE, all, size(all), MPI_DOUBLE_PRECISION, MPI_SUM, comm)
    if (rank /= 0) return
    open (newunit=unit, file=output, action="write", status="replace")
    do i = 0, total - 1
      write (unit, "(*(1x, z16.16))") all(i, 8*first - 7:)
    end do
    do window = merge(first, windows + 1, learns), windows
      write (unit, "(*(1x, z16.16))") scalars(:, window)
    end do
    close (unit)
  end subroutine write_output

end program adjoint_model
