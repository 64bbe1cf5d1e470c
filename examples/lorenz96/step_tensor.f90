! The RK4 step of the one-scale model of lorenz96.f90 in tensors: a `backward` goes through it without an adjoint by hand.
! States are (slow variable, member).
module step_tensor
  use, intrinsic :: iso_fortran_env, only: real64
  use ekman_tensor
  use lorenz96, only: TwoScale
  implicit none
  private
  public :: stepped

contains

  ! The state after a step from x, with the subgrid tendency u held through its four stages.
  function stepped(sys, dt, x, u) result(after)
    type(TwoScale), intent(in) :: sys
    real(real64), intent(in) :: dt
    type(tensor), intent(in) :: x, u
    type(tensor) :: after, k1, k2, k3, k4

    k1 = tendency(sys, x, u)
    k2 = tendency(sys, x + 0.5_real64 * dt * k1, u)
    k3 = tendency(sys, x + 0.5_real64 * dt * k2, u)
    k4 = tendency(sys, x + dt * k3, u)
    after = x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    call as_result(after)
  end function

  ! As slow_tendency of lorenz96.f90, around the ring of x with its periodic neighbours.
  function tendency(sys, x, u) result(dx)
    type(TwoScale), intent(in) :: sys
    type(tensor), intent(in) :: x, u
    type(tensor) :: dx, state, ring
    integer :: n

    n = sys%num_slow
    state = x   ! x may be an expression, which has one use
    ring = concatenate([slice(state, 1, n - 1, n), state, slice(state, 1, 1, 1)], dim=1)
    dx = -slice(ring, 1, 2, n + 1) * (slice(ring, 1, 1, n) - slice(ring, 1, 4, n + 3)) - state + sys%forcing + u
    call as_result(dx)
  end function
end module
