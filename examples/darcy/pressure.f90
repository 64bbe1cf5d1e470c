! -div(k grad p) = 1 in the unit square, p = 0 on its walls: finite volumes and conjugate gradients, distributed over
! ranks. Between two cells flows what the harmonic mean of their permeabilities lets through; to a wall it is half a
! cell.
module pressure
  use, intrinsic :: iso_fortran_env, only: real64
  use grid, only: Block, exchange_halo, sum_over_ranks, stop_all
  implicit none
  private
  public :: Solver, solve

  type Solver
    real(real64) :: tolerance = 1.0e-8_real64   ! norm of the residual over that of the right-hand side
    integer :: max_iterations = 2000
  end type

  ! The matrix of a block: through(x) of the faces 0..nx between columns, of the faces 0..ny between rows, and the
  ! diagonal.
  type Matrix
    real(real64), allocatable :: in_x(:, :), in_y(:, :), diagonal(:, :)
  end type

contains

  ! Collective. p comes in as the first guess. Conjugate gradients with the diagonal as preconditioner; an error, for
  ! the whole job, if they do not reach the tolerance.
  subroutine solve(b, s, k, p, iterations)
    type(Block), intent(in) :: b
    type(Solver), intent(in) :: s
    real(real64), intent(in) :: k(:, :)
    real(real64), intent(inout) :: p(:, :)
    integer, intent(out) :: iterations
    type(Matrix) :: a
    real(real64) :: along(0:b%nx + 1, 0:b%ny + 1)   ! the direction of search, with its halo
    real(real64), dimension(b%nx, b%ny) :: residual, product
    real(real64) :: sums(2), before, step, goal

    a = matrix_of(b, k)
    along = 0
    along(1:b%nx, 1:b%ny) = p
    call apply(b, a, along, product)
    residual = b%h**2 - product
    goal = s%tolerance * b%h**2 * b%n             ! the right-hand side has h^2 in each of n^2 cells
    along(1:b%nx, 1:b%ny) = residual / a%diagonal
    sums = sum_over_ranks(b, [sum(residual**2 / a%diagonal), sum(residual**2)])
    iterations = 0
    do while (sqrt(sums(2)) > goal)
      if (iterations == s%max_iterations) call give_up(s, s%tolerance * sqrt(sums(2)) / goal)
      iterations = iterations + 1
      call apply(b, a, along, product)
      before = sums(1)
      sums(1:1) = sum_over_ranks(b, [sum(along(1:b%nx, 1:b%ny) * product)])
      step = before / sums(1)
      p = p + step * along(1:b%nx, 1:b%ny)
      residual = residual - step * product
      sums = sum_over_ranks(b, [sum(residual**2 / a%diagonal), sum(residual**2)])
      along(1:b%nx, 1:b%ny) = residual / a%diagonal + sums(1) / before * along(1:b%nx, 1:b%ny)
    end do
  end subroutine

  function matrix_of(b, k) result(a)
    type(Block), intent(in) :: b
    real(real64), intent(in) :: k(:, :)
    type(Matrix) :: a
    real(real64) :: around(0:b%nx + 1, 0:b%ny + 1)
    integer :: i, j

    around = 0                                    ! beyond the walls: no flow from cell to cell
    around(1:b%nx, 1:b%ny) = k
    call exchange_halo(b, around)
    allocate(a%in_x(0:b%nx, b%ny), a%in_y(b%nx, 0:b%ny), a%diagonal(b%nx, b%ny))
    do j = 1, b%ny
      a%in_x(:, j) = harmonic_mean(around(0:b%nx, j), around(1:b%nx + 1, j))
    end do
    do j = 0, b%ny
      a%in_y(:, j) = harmonic_mean(around(1:b%nx, j), around(1:b%nx, j + 1))
    end do
    a%diagonal = a%in_x(0:b%nx - 1, :) + a%in_x(1:, :) + a%in_y(:, 0:b%ny - 1) + a%in_y(:, 1:)
    do j = 1, b%ny
      do i = 1, b%nx
        a%diagonal(i, j) = a%diagonal(i, j) + 2 * k(i, j) * num_walls(b, i, j)
      end do
    end do
  end function

  elemental function harmonic_mean(k1, k2) result(k)
    real(real64), intent(in) :: k1, k2
    real(real64) :: k

    k = 0
    if (k1 > 0 .and. k2 > 0) k = 2 * k1 * k2 / (k1 + k2)
  end function

  ! How many sides of a cell are walls.
  pure integer function num_walls(b, i, j)
    type(Block), intent(in) :: b
    integer, intent(in) :: i, j
    integer :: place(2)

    place = b%first + [i, j] - 1
    num_walls = count(place == 1) + count(place == b%n)
  end function

  subroutine apply(b, a, x, product)
    type(Block), intent(in) :: b
    type(Matrix), intent(in) :: a
    real(real64), intent(inout) :: x(0:, 0:)
    real(real64), intent(out) :: product(:, :)
    integer :: i, j

    call exchange_halo(b, x)
    do j = 1, b%ny
      do i = 1, b%nx
        product(i, j) = a%diagonal(i, j) * x(i, j) - a%in_x(i - 1, j) * x(i - 1, j) - a%in_x(i, j) * x(i + 1, j) &
                        - a%in_y(i, j - 1) * x(i, j - 1) - a%in_y(i, j) * x(i, j + 1)
      end do
    end do
  end subroutine

  subroutine give_up(s, reached)
    type(Solver), intent(in) :: s
    real(real64), intent(in) :: reached
    character(160) :: message

    write(message, "(a, i0, 2(a, es8.1), a)") "the solver stopped after ", s%max_iterations, &
      " iterations with a relative residual of", reached, "; asked was", s%tolerance, &
      ": raise max_iterations or tolerance in &iteration"
    call stop_all(trim(message))
  end subroutine
end module
