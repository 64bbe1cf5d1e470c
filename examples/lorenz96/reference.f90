! The two-scale model beside a learning hybrid, for the members of one rank: one step of the hybrid's length, in parts no
! longer than the truth's own step.
module reference
  use, intrinsic :: iso_fortran_env, only: real64
  use lorenz96
  use experiment
  implicit none
  private
  public :: TwoScaleRun, start_reference, advance_reference, nudge, true_tendency

  type TwoScaleRun
    real(real64), allocatable :: x(:, :), y(:, :)   ! (variable, member)
  end type

contains

  ! The learning members first..last of `seed`, spun up.
  subroutine start_reference(p, seed, first, last, ref)
    type(Setting), intent(in) :: p
    integer, intent(in) :: seed, first, last
    type(TwoScaleRun), intent(out) :: ref
    integer :: member, step

    allocate(ref%x(p%sys%num_slow, last - first + 1), ref%y(p%sys%num_slow * p%sys%num_fast, last - first + 1))
    do member = 1, last - first + 1
      call initial_state(p%sys, seed, first + member - 1, ref%x(:, member), ref%y(:, member))
      do step = 1, nint(p%spin_up / p%truth_step)
        call step_two_scale(p%sys, p%truth_step, ref%x(:, member), ref%y(:, member))
      end do
    end do
  end subroutine

  subroutine advance_reference(p, ref)
    type(Setting), intent(in) :: p
    type(TwoScaleRun), intent(inout) :: ref
    integer :: member, part, num_parts

    num_parts = ceiling(p%model_step / p%truth_step)
    do member = 1, size(ref%x, 2)
      do part = 1, num_parts
        call step_two_scale(p%sys, p%model_step / num_parts, ref%x(:, member), ref%y(:, member))
      end do
    end do
  end subroutine

  ! Draws X of the reference to x, implicitly in time, so that any relaxation time is stable. Y follows X by itself.
  subroutine nudge(p, x, ref)
    type(Setting), intent(in) :: p
    real(real64), intent(in) :: x(:, :)
    type(TwoScaleRun), intent(inout) :: ref
    real(real64) :: ratio

    ratio = p%model_step / p%relaxation
    ref%x = (ref%x + ratio * x) / (1 + ratio)
  end subroutine

  ! U of the reference as it is now.
  subroutine true_tendency(p, ref, u)
    type(Setting), intent(in) :: p
    type(TwoScaleRun), intent(in) :: ref
    real(real64), intent(out) :: u(:, :)
    integer :: member

    do member = 1, size(ref%x, 2)
      call subgrid_tendency(p%sys, ref%y(:, member), u(:, member))
    end do
  end subroutine
end module
