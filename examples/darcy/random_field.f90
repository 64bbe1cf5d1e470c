! Permeability as in the Darcy benchmark of Li et al. (2021), Fourier Neural Operator for Parametric Partial
! Differential Equations, ICLR, arXiv:2010.08895: 12 where a Gaussian random field is positive, 3 elsewhere. The field
! has the covariance (-Laplace + 9)^-2 on the unit square with zero Neumann conditions, so it is a sum of cosines with
! independent coefficients.
module random_field
  use, intrinsic :: iso_fortran_env, only: real64, int64
  use grid, only: Block
  implicit none
  private
  public :: Waves, start_waves, permeability

  real(real64), parameter :: pi = acos(-1.0_real64)

  ! The cosines at the cells of a block: (cell, wave).
  type Waves
    integer :: num_waves
    real(real64), allocatable :: in_x(:, :), in_y(:, :)
  end type

contains

  function start_waves(b, num_waves) result(w)
    type(Block), intent(in) :: b
    integer, intent(in) :: num_waves
    type(Waves) :: w
    integer :: i, m

    w%num_waves = num_waves
    allocate(w%in_x(b%nx, 0:num_waves - 1), w%in_y(b%ny, 0:num_waves - 1))
    do m = 0, num_waves - 1
      do i = 1, b%nx
        w%in_x(i, m) = cosine(m, (b%first(1) + i - 1.5_real64) * b%h)
      end do
      do i = 1, b%ny
        w%in_y(i, m) = cosine(m, (b%first(2) + i - 1.5_real64) * b%h)
      end do
    end do
  end function

  ! Of norm 1 over (0, 1).
  pure function cosine(m, x) result(value)
    integer, intent(in) :: m
    real(real64), intent(in) :: x
    real(real64) :: value

    value = merge(1.0_real64, sqrt(2.0_real64), m == 0) * cos(pi * m * x)
  end function

  ! At the cell centres of this block. It follows from (seed, sample) and the place alone: every cell has the same sum
  ! in the same order, so it has the same bits on any number of ranks. The constant wave is left out, as in the program
  ! that made the data of Li et al.
  subroutine permeability(w, seed, sample, k)
    type(Waves), intent(in) :: w
    integer, intent(in) :: seed, sample
    real(real64), intent(out) :: k(:, :)
    real(real64) :: along_x(size(k, 1)), coefficient
    integer :: i, m, n

    k = 0
    do n = 0, w%num_waves - 1
      along_x = 0
      do m = 0, w%num_waves - 1
        if (m == 0 .and. n == 0) cycle
        coefficient = normal(seed, sample, m + w%num_waves * n) / (pi**2 * (m**2 + n**2) + 9)
        along_x = along_x + coefficient * w%in_x(:, m)
      end do
      do i = 1, size(k, 2)
        k(:, i) = k(:, i) + along_x * w%in_y(i, n)
      end do
    end do
    k = merge(12.0_real64, 3.0_real64, k >= 0)
  end subroutine

  ! Of mean 0 and variance 1 (Box and Muller).
  pure function normal(seed, sample, variable) result(z)
    integer, intent(in) :: seed, sample, variable
    real(real64) :: z

    z = sqrt(-2 * log(uniform(seed, sample, 2 * variable))) * cos(2 * pi * uniform(seed, sample, 2 * variable + 1))
  end function

  ! A number in (0, 1) hashed from three integers: Lehmer steps (Park and Miller) between the three, as in lorenz96.
  pure function uniform(seed, sample, variable) result(r)
    integer, intent(in) :: seed, sample, variable
    real(real64) :: r
    integer(int64), parameter :: modulus = 2147483647_int64, multiplier = 48271_int64
    integer(int64) :: state
    integer :: key(3), i, j

    key = [seed, sample, variable]
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
end module
