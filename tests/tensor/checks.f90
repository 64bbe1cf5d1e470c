! What the programs here share: a check that counts, and the end of a program.
module checks
  use, intrinsic :: iso_fortran_env, only: real64, error_unit
  implicit none
  private
  public :: check, close_to, finish

  integer :: failures = 0, done = 0

contains

  subroutine check(claim, holds)
    character(len=*), intent(in) :: claim
    logical, intent(in) :: holds
    done = done + 1
    if (holds) return
    failures = failures + 1
    write (error_unit, '(2a)') "does not hold: ", claim
  end subroutine check

  pure logical function close_to(a, b, tolerance)
    real(real64), intent(in) :: a, b, tolerance
    close_to = abs(a - b) <= tolerance * max(1.0_real64, abs(b))
  end function close_to

  subroutine finish()
    print '(i0, a, i0, a)', done - failures, " of ", done, " claims hold"
    if (failures > 0 .or. done == 0) error stop 1
  end subroutine finish

end module checks
