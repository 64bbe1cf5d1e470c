! The tangent and the adjoint of one RK4 step of the one-scale model, written by hand. Each runs the step again from the
! state before it, so that a trajectory of states is all that has to be kept.
module adjoint
  use, intrinsic :: iso_fortran_env, only: real64
  use lorenz96
  implicit none
  private
  public :: tangent_one_scale, adjoint_one_scale

contains

  ! How a change (dx, du) of state and closure before the step changes the state after it: dx becomes that.
  pure subroutine tangent_one_scale(sys, dt, x, u, du, dx)
    type(TwoScale), intent(in) :: sys
    real(real64), intent(in) :: dt, x(:), u(:), du(:)
    real(real64), intent(inout) :: dx(:)
    real(real64), dimension(size(x)) :: stage2, stage3, stage4, k1, k2, k3, k4

    call stages(sys, dt, x, u, stage2, stage3, stage4)
    call tangent_of_slow(sys, x, dx, du, k1)
    call tangent_of_slow(sys, stage2, dx + 0.5_real64 * dt * k1, du, k2)
    call tangent_of_slow(sys, stage3, dx + 0.5_real64 * dt * k2, du, k3)
    call tangent_of_slow(sys, stage4, dx + dt * k3, du, k4)
    dx = dx + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
  end subroutine

  ! The transpose: x_bar, the derivative of a loss by the state after the step, becomes that by the state before it, and
  ! u_bar that by the closure, which is held through the four stages.
  pure subroutine adjoint_one_scale(sys, dt, x, u, x_bar, u_bar)
    type(TwoScale), intent(in) :: sys
    real(real64), intent(in) :: dt, x(:), u(:)
    real(real64), intent(inout) :: x_bar(:)
    real(real64), intent(out) :: u_bar(:)
    real(real64), dimension(size(x)) :: stage2, stage3, stage4, k1, k2, k3, k4, after, from_stage

    call stages(sys, dt, x, u, stage2, stage3, stage4)
    after = x_bar
    k4 = dt / 6 * after
    call adjoint_of_slow(sys, stage4, k4, from_stage)
    x_bar = x_bar + from_stage
    k3 = dt / 3 * after + dt * from_stage
    call adjoint_of_slow(sys, stage3, k3, from_stage)
    x_bar = x_bar + from_stage
    k2 = dt / 3 * after + 0.5_real64 * dt * from_stage
    call adjoint_of_slow(sys, stage2, k2, from_stage)
    x_bar = x_bar + from_stage
    k1 = dt / 6 * after + 0.5_real64 * dt * from_stage
    call adjoint_of_slow(sys, x, k1, from_stage)
    x_bar = x_bar + from_stage
    u_bar = k1 + k2 + k3 + k4
  end subroutine

  ! The states at which the second to fourth stage take the tendency; the first takes it at x.
  pure subroutine stages(sys, dt, x, u, stage2, stage3, stage4)
    type(TwoScale), intent(in) :: sys
    real(real64), intent(in) :: dt, x(:), u(:)
    real(real64), intent(out) :: stage2(:), stage3(:), stage4(:)
    real(real64) :: tendency(size(x))

    call slow_tendency(sys, x, u, tendency)
    stage2 = x + 0.5_real64 * dt * tendency
    call slow_tendency(sys, stage2, u, tendency)
    stage3 = x + 0.5_real64 * dt * tendency
    call slow_tendency(sys, stage3, u, tendency)
    stage4 = x + dt * tendency
  end subroutine

  pure subroutine tangent_of_slow(sys, x, dx, du, tangent)
    type(TwoScale), intent(in) :: sys
    real(real64), intent(in) :: x(:), dx(:), du(:)
    real(real64), intent(out) :: tangent(:)
    integer :: k, n, last, before_last, next

    n = sys%num_slow
    do k = 1, n
      last = modulo(k - 2, n) + 1
      before_last = modulo(k - 3, n) + 1
      next = modulo(k, n) + 1
      tangent(k) = -dx(last) * (x(before_last) - x(next)) - x(last) * (dx(before_last) - dx(next)) - dx(k) + du(k)
    end do
  end subroutine

  ! The derivative by u is `by_tendency` itself.
  pure subroutine adjoint_of_slow(sys, x, by_tendency, by_x)
    type(TwoScale), intent(in) :: sys
    real(real64), intent(in) :: x(:), by_tendency(:)
    real(real64), intent(out) :: by_x(:)
    integer :: k, n, last, before_last, next

    n = sys%num_slow
    by_x = -by_tendency
    do k = 1, n
      last = modulo(k - 2, n) + 1
      before_last = modulo(k - 3, n) + 1
      next = modulo(k, n) + 1
      by_x(last) = by_x(last) - by_tendency(k) * (x(before_last) - x(next))
      by_x(before_last) = by_x(before_last) - by_tendency(k) * x(last)
      by_x(next) = by_x(next) + by_tendency(k) * x(last)
    end do
  end subroutine
end module
