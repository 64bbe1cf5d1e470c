! The two-scale Lorenz 96 system and its one-scale truncation, one member at a time.
! Sources: Lorenz (1996), Predictability: a problem partly solved; Wilks (2005), QJRMS 131, eq. 1-3.
module lorenz96
  use, intrinsic :: iso_fortran_env, only: real64, int64
  implicit none
  private
  public :: TwoScale, read_system, initial_state, subgrid_tendency, step_two_scale, step_one_scale, slow_tendency

  type TwoScale
    integer :: num_slow = 36               ! K
    integer :: num_fast = 10               ! J
    real(real64) :: forcing = 10           ! F
    real(real64) :: coupling = 1           ! h
    real(real64) :: time_ratio = 10        ! c
    real(real64) :: amplitude_ratio = 10   ! b
  end type

contains

  ! Reads the group &system of an open namelist file.
  function read_system(unit) result(sys)
    integer, intent(in) :: unit
    type(TwoScale) :: sys
    integer :: num_slow, num_fast
    real(real64) :: forcing, coupling, time_ratio, amplitude_ratio
    namelist /system/ num_slow, num_fast, forcing, coupling, time_ratio, amplitude_ratio

    num_slow = sys%num_slow; num_fast = sys%num_fast; forcing = sys%forcing
    coupling = sys%coupling; time_ratio = sys%time_ratio; amplitude_ratio = sys%amplitude_ratio
    rewind(unit)
    read(unit, nml=system)
    sys = TwoScale(num_slow, num_fast, forcing, coupling, time_ratio, amplitude_ratio)
  end function

  ! A start that depends on (seed, member, variable) alone, so never on the number of ranks.
  subroutine initial_state(sys, seed, member, x, y)
    type(TwoScale), intent(in) :: sys
    integer, intent(in) :: seed, member
    real(real64), intent(out) :: x(:), y(:)
    integer :: i

    do i = 1, size(x)
      x(i) = sys%forcing * (uniform(seed, member, i) - 0.25_real64)
    end do
    do i = 1, size(y)
      y(i) = 0.2_real64 * (uniform(seed, member, size(x) + i) - 0.5_real64)
    end do
  end subroutine

  ! A number in (0, 1) hashed from three integers: Lehmer steps (Park and Miller) between the three.
  pure function uniform(seed, member, variable) result(r)
    integer, intent(in) :: seed, member, variable
    real(real64) :: r
    integer(int64), parameter :: modulus = 2147483647_int64, multiplier = 48271_int64
    integer(int64) :: state
    integer :: key(3), i, j

    key = [seed, member, variable]
    state = 20241_int64
    do i = 1, 3
      state = 1 + modulo(state + 7919_int64 * key(i), modulus - 1)
      do j = 1, 5
        state = modulo(ieor(state, ishft(state, -13)) * multiplier, modulus)
        if (state == 0) state = 1
      end do
    end do
    r = real(state, real64) / real(modulus, real64)
  end function

  ! U_k = -(h c / b) sum_j Y_jk: what the fast variables do to X_k, and what a closure must predict.
  pure subroutine subgrid_tendency(sys, y, u)
    type(TwoScale), intent(in) :: sys
    real(real64), intent(in) :: y(:)
    real(real64), intent(out) :: u(:)
    integer :: k

    do k = 1, sys%num_slow
      u(k) = -sys%coupling * sys%time_ratio / sys%amplitude_ratio &
             * sum(y(sys%num_fast * (k - 1) + 1 : sys%num_fast * k))
    end do
  end subroutine

  ! dX/dt of the resolved scale plus a given subgrid tendency.
  pure subroutine slow_tendency(sys, x, u, dx)
    type(TwoScale), intent(in) :: sys
    real(real64), intent(in) :: x(:), u(:)
    real(real64), intent(out) :: dx(:)
    real(real64) :: ring(-1:sys%num_slow + 1)   ! x with its periodic neighbours
    integer :: k, n

    n = sys%num_slow
    ring(1:n) = x
    ring(-1:0) = x(n - 1:n)
    ring(n + 1) = x(1)
    do k = 1, n
      dx(k) = -ring(k - 1) * (ring(k - 2) - ring(k + 1)) - ring(k) + sys%forcing + u(k)
    end do
  end subroutine

  ! dY/dt; the Y of all X form one ring of J K values.
  pure subroutine fast_tendency(sys, x, y, dy)
    type(TwoScale), intent(in) :: sys
    real(real64), intent(in) :: x(:), y(:)
    real(real64), intent(out) :: dy(:)
    real(real64) :: ring(0:size(y) + 2), drive, cb
    integer :: i, k, n

    n = size(y)
    cb = sys%time_ratio * sys%amplitude_ratio
    ring(1:n) = y
    ring(0) = y(n)
    ring(n + 1:n + 2) = y(1:2)
    do i = 1, n
      dy(i) = -cb * ring(i + 1) * (ring(i + 2) - ring(i - 1)) - sys%time_ratio * ring(i)
    end do
    do k = 1, sys%num_slow
      drive = sys%coupling * sys%time_ratio / sys%amplitude_ratio * x(k)
      do i = sys%num_fast * (k - 1) + 1, sys%num_fast * k
        dy(i) = dy(i) + drive
      end do
    end do
  end subroutine

  ! One RK4 step of the full system.
  pure subroutine step_two_scale(sys, dt, x, y)
    type(TwoScale), intent(in) :: sys
    real(real64), intent(in) :: dt
    real(real64), intent(inout) :: x(:), y(:)
    real(real64), parameter :: shift(4) = [0.0_real64, 0.5_real64, 0.5_real64, 1.0_real64]
    real(real64), parameter :: weight(4) = [1.0_real64, 2.0_real64, 2.0_real64, 1.0_real64] / 6.0_real64
    real(real64), dimension(size(x)) :: x_stage, x_sum, dx, u
    real(real64), dimension(size(y)) :: y_stage, y_sum, dy
    integer :: stage

    x_sum = x
    y_sum = y
    dx = 0
    dy = 0
    do stage = 1, 4
      x_stage = x + shift(stage) * dt * dx
      y_stage = y + shift(stage) * dt * dy
      call subgrid_tendency(sys, y_stage, u)
      call slow_tendency(sys, x_stage, u, dx)
      call fast_tendency(sys, x_stage, y_stage, dy)
      x_sum = x_sum + weight(stage) * dt * dx
      y_sum = y_sum + weight(stage) * dt * dy
    end do
    x = x_sum
    y = y_sum
  end subroutine

  ! One RK4 step of the slow variables; the subgrid tendency u is held through the step.
  pure subroutine step_one_scale(sys, dt, u, x)
    type(TwoScale), intent(in) :: sys
    real(real64), intent(in) :: dt, u(:)
    real(real64), intent(inout) :: x(:)
    real(real64), dimension(size(x)) :: k1, k2, k3, k4

    call slow_tendency(sys, x, u, k1)
    call slow_tendency(sys, x + 0.5_real64 * dt * k1, u, k2)
    call slow_tendency(sys, x + 0.5_real64 * dt * k2, u, k3)
    call slow_tendency(sys, x + dt * k3, u, k4)
    x = x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
  end subroutine
end module
