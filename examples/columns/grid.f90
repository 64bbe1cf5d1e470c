! The latitude-longitude grid, cut in two dimensions over the ranks. Fields are (0:nx+1, 0:ny+1, levels): the inner
! columns belong to the rank, the rim of width 1 is the halo. Longitude is periodic; there is a wall at each pole.
module grid
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use setting, only: stop_all
  implicit none
  private
  public :: GridPart, make_grid, exchange_halos, collect

  real(real64), parameter :: pi = acos(-1.0_real64)

  type GridPart
    type(MPI_Comm) :: comm                       ! Cartesian, (longitude, latitude)
    integer :: num_longitudes, num_latitudes     ! of the globe
    integer :: nx, ny                            ! columns of this rank
    integer :: first_longitude, first_latitude   ! place of column (1, 1) in the globe
    integer :: west, east, south, north          ! neighbours; MPI_PROC_NULL beyond a pole
    real(real64) :: spacing_longitude, spacing_latitude      ! radians
    real(real64), allocatable :: longitude(:), latitude(:)   ! radians; (nx) and (ny)
    real(real64), allocatable :: area(:)                     ! cos(latitude), (ny)
    integer, allocatable :: ids(:, :)            ! global id, from 1, longitude fastest; (nx, ny)
  end type

contains

  ! Collective.
  subroutine make_grid(comm, num_longitudes, num_latitudes, part)
    type(MPI_Comm), intent(in) :: comm
    integer, intent(in) :: num_longitudes, num_latitudes
    type(GridPart), intent(out) :: part
    integer :: num_ranks, dims(2), i, j

    call MPI_Comm_size(comm, num_ranks)
    dims = 0
    call MPI_Dims_create(num_ranks, 2, dims)
    if (dims(1) > num_longitudes .or. dims(2) > num_latitudes) call stop_all("too many ranks for this grid")
    call MPI_Cart_create(comm, 2, dims, [.true., .false.], .false., part%comm)
    call MPI_Cart_shift(part%comm, 0, 1, part%west, part%east)
    call MPI_Cart_shift(part%comm, 1, 1, part%south, part%north)
    part%num_longitudes = num_longitudes
    part%num_latitudes = num_latitudes
    part%spacing_longitude = 2 * pi / num_longitudes
    part%spacing_latitude = pi / num_latitudes
    call MPI_Comm_rank(part%comm, i)
    call extent_of(part, i, part%first_longitude, part%first_latitude, part%nx, part%ny)
    allocate(part%longitude(part%nx), part%latitude(part%ny), part%area(part%ny), part%ids(part%nx, part%ny))
    do i = 1, part%nx
      part%longitude(i) = (part%first_longitude + i - 1.5_real64) * part%spacing_longitude
    end do
    do j = 1, part%ny
      part%latitude(j) = -pi / 2 + (part%first_latitude + j - 1.5_real64) * part%spacing_latitude
      part%area(j) = cos(part%latitude(j))
      do i = 1, part%nx
        part%ids(i, j) = (part%first_latitude + j - 2) * num_longitudes + part%first_longitude + i - 1
      end do
    end do
  end subroutine

  ! The columns of any rank.
  subroutine extent_of(part, rank, first_longitude, first_latitude, nx, ny)
    type(GridPart), intent(in) :: part
    integer, intent(in) :: rank
    integer, intent(out) :: first_longitude, first_latitude, nx, ny
    integer :: dims(2), place(2), my_place(2)
    logical :: periods(2)

    call MPI_Cart_get(part%comm, 2, dims, periods, my_place)
    call MPI_Cart_coords(part%comm, rank, 2, place)
    first_longitude = place(1) * part%num_longitudes / dims(1) + 1
    first_latitude = place(2) * part%num_latitudes / dims(2) + 1
    nx = (place(1) + 1) * part%num_longitudes / dims(1) + 1 - first_longitude
    ny = (place(2) + 1) * part%num_latitudes / dims(2) + 1 - first_latitude
  end subroutine

  ! Collective. Fills the halo, but for its corners, which nobody reads, and the rim beyond a pole, which stays.
  subroutine exchange_halos(part, field)
    type(GridPart), intent(in) :: part
    real(real64), intent(inout) :: field(0:, 0:, :)

    associate(nx => part%nx, ny => part%ny)
      call pass(part%comm, field(nx, 1:ny, :), part%east, field(0, 1:ny, :), part%west)
      call pass(part%comm, field(1, 1:ny, :), part%west, field(nx + 1, 1:ny, :), part%east)
      call pass(part%comm, field(1:nx, ny, :), part%north, field(1:nx, 0, :), part%south)
      call pass(part%comm, field(1:nx, 1, :), part%south, field(1:nx, ny + 1, :), part%north)
    end associate
  end subroutine

  subroutine pass(comm, edge, target, halo, source)
    type(MPI_Comm), intent(in) :: comm
    real(real64), intent(in) :: edge(:, :)
    real(real64), intent(inout) :: halo(:, :)
    integer, intent(in) :: target, source
    real(real64) :: sent(size(edge, 1), size(edge, 2)), received(size(halo, 1), size(halo, 2))

    sent = edge
    received = halo
    call MPI_Sendrecv(sent, size(sent), MPI_DOUBLE_PRECISION, target, 1, received, size(received), &
                      MPI_DOUBLE_PRECISION, source, 1, comm, MPI_STATUS_IGNORE)
    halo = received
  end subroutine

  ! Collective. The whole globe on rank 0, (level, longitude, latitude), so in the order of global ids and the same on
  ! any number of ranks; empty on the others.
  subroutine collect(part, field, globe)
    type(GridPart), intent(in) :: part
    real(real64), intent(in) :: field(0:, 0:, :)
    real(real64), allocatable, intent(out) :: globe(:, :, :)
    real(real64) :: mine(size(field, 3), part%nx, part%ny)
    real(real64), allocatable :: all(:)
    integer, allocatable :: counts(:), offsets(:)
    integer :: num_ranks, rank, r, level, i, j, nx, ny

    call MPI_Comm_rank(part%comm, rank)
    call MPI_Comm_size(part%comm, num_ranks)
    do level = 1, size(field, 3)
      mine(level, :, :) = field(1:part%nx, 1:part%ny, level)
    end do
    allocate(counts(num_ranks), offsets(num_ranks))
    do r = 1, num_ranks
      call extent_of(part, r - 1, i, j, nx, ny)
      counts(r) = nx * ny * size(field, 3)
      offsets(r) = sum(counts(:r - 1))
    end do
    allocate(all(merge(sum(counts), 0, rank == 0)))
    call MPI_Gatherv(mine, size(mine), MPI_DOUBLE_PRECISION, all, counts, offsets, MPI_DOUBLE_PRECISION, 0, &
                     part%comm)
    allocate(globe(size(field, 3), merge(part%num_longitudes, 0, rank == 0), part%num_latitudes))
    if (rank /= 0) return
    do r = 1, num_ranks
      call extent_of(part, r - 1, i, j, nx, ny)
      globe(:, i:i + nx - 1, j:j + ny - 1) = &
        reshape(all(offsets(r) + 1:offsets(r) + counts(r)), [size(field, 3), nx, ny])
    end do
  end subroutine
end module
