! test_adjoint: the hand-written adjoint against its tangent (dot product), the tangent against finite differences, and the
! gradient of a loss over a window, as posterior.f90 takes it, against finite differences. A function stands for the
! network; no MPI, no Ekman. Exit status 1 if a check fails.
program test_adjoint
  use, intrinsic :: iso_fortran_env, only: real64, error_unit
  use lorenz96
  use adjoint
  implicit none
  integer, parameter :: window = 20
  real(real64), parameter :: dt = 0.01_real64
  type(TwoScale) :: sys
  real(real64), dimension(36) :: x, u, dx, du, w
  real(real64) :: y(360), truth(36)

  ! Numbers of the size of X, U and their changes, without pattern.
  call initial_state(sys, 1, 1, x, y)
  u = 20 * y(1:36)
  dx = 10 * y(37:72)
  du = 10 * y(73:108)
  w = 10 * y(109:144)
  call initial_state(sys, 1, 2, truth, y)

  call check_dot_product()
  call check_tangent()
  call check_window()
  print "(a)", "the adjoint is the transpose of the tangent, and both are derivatives of the model"

contains

  subroutine check_dot_product()
    real(real64), dimension(36) :: tangent, x_bar, u_bar

    tangent = dx
    call tangent_one_scale(sys, dt, x, u, du, tangent)
    x_bar = w
    call adjoint_one_scale(sys, dt, x, u, x_bar, u_bar)
    call require("<J d, w> = <d, J^T w>", dot_product(tangent, w), dot_product(dx, x_bar) + dot_product(du, u_bar), &
                 1.0e-13_real64)
  end subroutine

  subroutine check_tangent()
    real(real64), parameter :: h = 1.0e-4_real64
    real(real64), dimension(36) :: above, below, tangent
    integer :: k

    tangent = dx
    call tangent_one_scale(sys, dt, x, u, du, tangent)
    above = x + h * dx
    call step_one_scale(sys, dt, u + h * du, above)
    below = x - h * dx
    call step_one_scale(sys, dt, u - h * du, below)
    do k = 1, size(x)
      call require("tangent of a step", (above(k) - below(k)) / (2 * h), tangent(k), 1.0e-9_real64)
    end do
  end subroutine

  ! By the first state, in the direction dx, and by the parameter of the closure.
  subroutine check_window()
    real(real64), parameter :: h = 1.0e-5_real64, a = 1.5_real64
    real(real64) :: x_bar(36), a_bar

    call window_gradient(x, a, x_bar, a_bar)
    call require("loss by the first state", (window_loss(x + h * dx, a) - window_loss(x - h * dx, a)) / (2 * h), &
                 dot_product(x_bar, dx), 1.0e-7_real64)
    call require("loss by the parameter", (window_loss(x, a + h) - window_loss(x, a - h)) / (2 * h), a_bar, 1.0e-7_real64)
  end subroutine

  ! Stands for the network: U = -a tanh(X/4), a its only parameter.
  pure function closure(x, a) result(u)
    real(real64), intent(in) :: x(:), a
    real(real64) :: u(size(x))

    u = -a * tanh(x / 4)
  end function

  function window_loss(start, a) result(loss)
    real(real64), intent(in) :: start(:), a
    real(real64) :: loss, x(size(start))
    integer :: step

    x = start
    loss = 0
    do step = 1, window
      call step_one_scale(sys, dt, closure(x, a), x)
      loss = loss + sum((x - truth)**2) / (window * size(x))
    end do
  end function

  subroutine window_gradient(start, a, x_bar, a_bar)
    real(real64), intent(in) :: start(:), a
    real(real64), intent(out) :: x_bar(:), a_bar
    real(real64) :: states(size(start), 0:window), u_bar(size(start))
    integer :: step

    states(:, 0) = start
    do step = 1, window
      states(:, step) = states(:, step - 1)
      call step_one_scale(sys, dt, closure(states(:, step), a), states(:, step))
    end do
    x_bar = 0
    a_bar = 0
    do step = window, 1, -1
      x_bar = x_bar + 2 * (states(:, step) - truth) / (window * size(start))
      call adjoint_one_scale(sys, dt, states(:, step - 1), closure(states(:, step - 1), a), x_bar, u_bar)
      a_bar = a_bar - dot_product(u_bar, tanh(states(:, step - 1) / 4))
      x_bar = x_bar - u_bar * a / 4 / cosh(states(:, step - 1) / 4)**2
    end do
  end subroutine

  subroutine require(what, found, expected, tolerance)
    character(*), intent(in) :: what
    real(real64), intent(in) :: found, expected, tolerance

    if (abs(found - expected) <= tolerance * max(abs(expected), 1.0_real64)) return
    write(error_unit, "(2a, 2(a, es24.16))") "test_adjoint: ", what, ": found", found, ", expected", expected
    error stop 1
  end subroutine
end program
