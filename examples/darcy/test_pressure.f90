! test_pressure: the solver against the series solution of Poisson's equation, its flow through layers against the exact
! one, and its pressures on this many ranks against those of one. Exit status 1 if a check fails.
program test_pressure
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use grid
  use random_field
  use pressure
  implicit none
  real(real64), parameter :: pi = acos(-1.0_real64)
  type(Solver), parameter :: strict = Solver(1.0e-12_real64, 2000)
  integer :: rank

  call MPI_Init()
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call check_order()
  call check_balance()
  call check_statistics()
  call check_ranks(17)
  call MPI_Barrier(MPI_COMM_WORLD)
  if (rank == 0) print "(a)", "the solver is of second order, keeps the balance, and does not depend on the ranks"
  call MPI_Finalize()

contains

  ! k = 2: the error falls with the square of the cells' size.
  subroutine check_order()
    real(real64) :: coarse, fine

    coarse = series_error(10)
    fine = series_error(20)
    call require("the error at 20 x 20 cells is below 0.007", fine < 0.007_real64, fine)
    call require("twice the cells, a quarter of the error", coarse / fine > 3.7_real64, coarse / fine)
  end subroutine

  ! In L2, relative.
  function series_error(n) result(error)
    integer, intent(in) :: n
    real(real64) :: error, sums(2)
    type(Block) :: b
    real(real64), allocatable :: k(:, :), p(:, :), exact(:, :)
    integer :: iterations, i, j

    b = start_block(n, MPI_COMM_WORLD)
    allocate(k(b%nx, b%ny), p(b%nx, b%ny), exact(b%nx, b%ny))
    k = 2
    p = 0
    call solve(b, strict, k, p, iterations)
    do j = 1, b%ny
      do i = 1, b%nx
        exact(i, j) = series((b%first(1) + i - 1.5_real64) * b%h, (b%first(2) + j - 1.5_real64) * b%h) / 2
      end do
    end do
    sums = sum_over_ranks(b, [sum((p - exact)**2), sum(exact**2)])
    error = sqrt(sums(1) / sums(2))
  end function

  ! -Laplace p = 1 with p = 0 on the walls: one-dimensional solution less a sum over odd waves.
  pure function series(x, y) result(p)
    real(real64), intent(in) :: x, y
    real(real64) :: p
    integer :: m

    p = x * (1 - x) / 2
    do m = 1, 199, 2
      p = p - 4 / (pi * m)**3 * sin(pi * m * x) * cosh(pi * m * (y - 0.5_real64)) / cosh(pi * m / 2)
    end do
  end function

  ! What the source gives (1 in all) leaves through the walls, whatever the permeability.
  subroutine check_balance()
    type(Block) :: b
    real(real64), allocatable :: k(:, :), p(:, :)
    real(real64) :: outflow(1)
    integer :: iterations, i, j

    call random_pressure(16, 5, MPI_COMM_WORLD, b, k, p, iterations)
    outflow = 0
    do j = 1, b%ny
      do i = 1, b%nx
        outflow = outflow + 2 * k(i, j) * p(i, j) &
                            * (count(b%first + [i, j] - 1 == 1) + count(b%first + [i, j] - 1 == b%n))
      end do
    end do
    outflow = sum_over_ranks(b, outflow)
    call require("the outflow is the source", abs(outflow(1) - 1) < 1.0e-9_real64, outflow(1))
  end subroutine

  ! Half of the cells have 12, over many fields: 256 fields, whose parts spread by about 0.1 each.
  subroutine check_statistics()
    type(Block) :: b
    type(Waves) :: w
    real(real64), allocatable :: k(:, :)
    real(real64) :: part(1)
    integer :: sample

    b = start_block(16, MPI_COMM_WORLD)
    w = start_waves(b, 32)
    allocate(k(b%nx, b%ny))
    part = 0
    do sample = 1, 256
      call permeability(w, 3, sample, k)
      part = part + count(k > 10) / (256.0_real64 * b%n**2)
    end do
    part = sum_over_ranks(b, part)
    call require("half of the cells are permeable", abs(part(1) - 0.5_real64) < 0.03_real64, part(1))
  end subroutine

  ! Same bits of the permeability, same pressure to the solver's tolerance, for blocks of unequal sizes too.
  subroutine check_ranks(n)
    integer, intent(in) :: n
    type(Block) :: here, alone
    real(real64), allocatable :: k(:, :), p(:, :), k_one(:, :), p_one(:, :), whole_k(:, :), whole_p(:, :)
    integer :: iterations, iterations_one
    real(real64) :: apart

    call random_pressure(n, 1, MPI_COMM_WORLD, here, k, p, iterations)
    call gather(here, k, whole_k)
    call gather(here, p, whole_p)
    if (rank /= 0) return
    call random_pressure(n, 1, MPI_COMM_SELF, alone, k_one, p_one, iterations_one)
    call require("the permeability has the bits of one rank", maxval(abs(whole_k - k_one)) <= 0, &
                 maxval(abs(whole_k - k_one)))
    apart = maxval(abs(whole_p - p_one)) / maxval(abs(p_one))
    call require("the pressure is that of one rank", apart < 1.0e-10_real64, apart)
  end subroutine

  subroutine random_pressure(n, sample, comm, b, k, p, iterations)
    integer, intent(in) :: n, sample
    type(MPI_Comm), intent(in) :: comm
    type(Block), intent(out) :: b
    real(real64), allocatable, intent(out) :: k(:, :), p(:, :)
    integer, intent(out) :: iterations
    type(Waves) :: w

    b = start_block(n, comm)
    w = start_waves(b, 32)
    allocate(k(b%nx, b%ny), p(b%nx, b%ny))
    call permeability(w, 1, sample, k)
    p = 0
    call solve(b, strict, k, p, iterations)
  end subroutine

  subroutine require(claim, holds, found)
    character(*), intent(in) :: claim
    logical, intent(in) :: holds
    real(real64), intent(in) :: found
    character(24) :: number

    if (holds) return
    write(number, "(es12.4)") found
    call stop_all("not so: " // claim // "; found " // trim(adjustl(number)))
  end subroutine
end program
