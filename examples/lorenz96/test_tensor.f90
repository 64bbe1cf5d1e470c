! test_tensor: the step in tensors against that of lorenz96.f90, and its gradients against the adjoint by hand. No MPI, no
! coupler. Exit status 1 if a check fails.
program test_tensor
  use, intrinsic :: iso_fortran_env, only: real64, error_unit
  use ekman_tensor
  use lorenz96
  use adjoint
  use step_tensor
  implicit none
  integer, parameter :: members = 2
  real(real64), parameter :: dt = 0.01_real64
  type(TwoScale) :: sys
  real(real64), dimension(36, members) :: x, u, after, weights, x_bar, u_bar, by_x, by_u, by_tensors
  real(real64) :: y(360)
  type(tensor) :: state, closure, next
  integer :: member

  do member = 1, members
    call initial_state(sys, 1, member, x(:, member), y)   ! numbers without pattern
    u(:, member) = 20 * y(1:36)
    weights(:, member) = 10 * y(37:72)
  end do
  after = x
  by_x = weights
  do member = 1, members
    call adjoint_one_scale(sys, dt, x(:, member), u(:, member), by_x(:, member), by_u(:, member))
    call step_one_scale(sys, dt, u(:, member), after(:, member))
  end do

  state = from_array(x, requires_grad=.true.)
  closure = from_array(u, requires_grad=.true.)
  next = stepped(sys, dt, state, closure)
  call to_array(next, by_tensors)
  call backward(next, gradient=from_array(weights))
  call get_gradient(state, x_bar)
  call get_gradient(closure, u_bar)
  call require("state", by_tensors, after)
  call require("derivative by the state", x_bar, by_x)
  call require("derivative by the closure", u_bar, by_u)
  print "(a)", "the step in tensors is that of the model, and its gradients are those by hand"

contains

  subroutine require(what, found, expected)
    character(*), intent(in) :: what
    real(real64), intent(in) :: found(:, :), expected(:, :)

    if (maxval(abs(found - expected)) <= 1.0e-14_real64 * maxval(abs(expected))) return
    write(error_unit, "(3a, es9.1)") "test_tensor: ", what, " is off by", maxval(abs(found - expected))
    error stop 1
  end subroutine
end program
