! A square of n x n cells, cut into blocks, one for each rank; halos, sums and gathering. Cells are numbered from 1, x
! fastest.
module grid
  use, intrinsic :: iso_fortran_env, only: real64, error_unit
  use mpi_f08
  implicit none
  private
  public :: Block, start_block, exchange_halo, sum_over_ranks, gather, stop_all

  ! The cells first(1)..last(1) in x and first(2)..last(2) in y; nx and ny of them, of a size of h.
  type Block
    type(MPI_Comm) :: comm
    integer :: n, first(2), last(2), nx, ny
    integer :: west, east, south, north   ! ranks beside this one, MPI_PROC_NULL at a wall
    real(real64) :: h
  end type

contains

  ! Collective. Blocks differ by at most one row and one column.
  function start_block(n, comm) result(b)
    integer, intent(in) :: n
    type(MPI_Comm), intent(in) :: comm
    type(Block) :: b
    integer :: num_ranks, rank, num_blocks(2), place(2)
    character(96) :: message

    call MPI_Comm_size(comm, num_ranks)
    num_blocks = 0
    call MPI_Dims_create(num_ranks, 2, num_blocks)
    if (any(num_blocks > n)) then
      write(message, "(3(i0, a))") num_ranks, " ranks would make ", maxval(num_blocks), &
        " blocks in a row of ", n, " cells: take fewer ranks, or a larger size"
      call stop_all(trim(message))
    end if
    call MPI_Cart_create(comm, 2, num_blocks, [.false., .false.], .false., b%comm)
    call MPI_Comm_rank(b%comm, rank)
    call MPI_Cart_coords(b%comm, rank, 2, place)
    call MPI_Cart_shift(b%comm, 0, 1, b%west, b%east)
    call MPI_Cart_shift(b%comm, 1, 1, b%south, b%north)
    b%n = n
    b%h = 1.0_real64 / n
    b%first = place * n / num_blocks + 1
    b%last = (place + 1) * n / num_blocks
    b%nx = b%last(1) - b%first(1) + 1
    b%ny = b%last(2) - b%first(2) + 1
  end function

  ! Collective. Fills the row of cells around the block from the ranks beside it; beyond a wall nothing is touched.
  subroutine exchange_halo(b, a)
    type(Block), intent(in) :: b
    real(real64), intent(inout) :: a(0:, 0:)

    call pass_on(b, b%ny, a(b%nx, 1:b%ny), a(0, 1:b%ny), b%east, b%west)
    call pass_on(b, b%ny, a(1, 1:b%ny), a(b%nx + 1, 1:b%ny), b%west, b%east)
    call pass_on(b, b%nx, a(1:b%nx, b%ny), a(1:b%nx, 0), b%north, b%south)
    call pass_on(b, b%nx, a(1:b%nx, 1), a(1:b%nx, b%ny + 1), b%south, b%north)
  end subroutine

  subroutine pass_on(b, length, mine, theirs, to, from)
    type(Block), intent(in) :: b
    integer, intent(in) :: length, to, from
    real(real64), intent(in) :: mine(length)
    real(real64), intent(inout) :: theirs(length)

    call MPI_Sendrecv(mine, length, MPI_DOUBLE_PRECISION, to, 0, theirs, length, MPI_DOUBLE_PRECISION, from, 0, &
                      b%comm, MPI_STATUS_IGNORE)
  end subroutine

  ! Collective.
  function sum_over_ranks(b, values) result(sums)
    type(Block), intent(in) :: b
    real(real64), intent(in) :: values(:)
    real(real64) :: sums(size(values))

    sums = values
    call MPI_Allreduce(MPI_IN_PLACE, sums, size(sums), MPI_DOUBLE_PRECISION, MPI_SUM, b%comm)
  end function

  ! Collective. The whole array on rank 0: a sum of arrays that are zero but in the block, so the bits are those of the
  ! owner.
  subroutine gather(b, mine, whole)
    type(Block), intent(in) :: b
    real(real64), intent(in) :: mine(:, :)
    real(real64), allocatable, intent(out) :: whole(:, :)
    real(real64), allocatable :: spread_out(:, :)

    allocate(whole(b%n, b%n), spread_out(b%n, b%n))
    spread_out = 0
    spread_out(b%first(1):b%last(1), b%first(2):b%last(2)) = mine
    call MPI_Reduce(spread_out, whole, size(whole), MPI_DOUBLE_PRECISION, MPI_SUM, 0, b%comm)
  end subroutine

  subroutine stop_all(message)
    character(*), intent(in) :: message

    write(error_unit, "(a)") "darcy: " // message
    flush(error_unit)
    call MPI_Abort(MPI_COMM_WORLD, 1)
    error stop
  end subroutine
end module
