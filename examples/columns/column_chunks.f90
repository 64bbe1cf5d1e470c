! The second package, surface fluxes and eddies: the same columns again, in chunks of unequal size that OpenMP threads
! take one by one, as CAM has them. It knows nothing of the blocks of the first package.
module column_chunks
  use, intrinsic :: iso_fortran_env, only: real64
  use grid, only: GridPart
  use physics
  implicit none
  private
  public :: ColumnChunk, make_chunks, run_chunk, apply_chunk

  type ColumnChunk
    integer :: num_columns
    integer :: first   ! place of its first column among all columns of the rank's chunks, from 1
    integer, allocatable :: ids(:), i(:), j(:)   ! global id, and place in the grid
    ! Sea minus lowest layer; K, kg kg-1
    real(real64), allocatable, dimension(:) :: temperature_difference, humidity_difference
    ! Upward, W m-2: of the bulk formulas, and a second opinion on one of them, for the report only
    real(real64), allocatable, dimension(:) :: sensible_heat, latent_heat, latent_heat_beside
  end type

contains

  ! Columns are dealt with latitude fastest, so in another order than in the blocks.
  subroutine make_chunks(part, chunks)
    type(GridPart), intent(in) :: part
    type(ColumnChunk), allocatable, intent(out) :: chunks(:)
    integer, parameter :: sizes(4) = [13, 16, 7, 11]   ! in turn
    integer :: num_columns, num_chunks, first, c, k, n

    num_columns = part%nx * part%ny
    num_chunks = 0
    first = 1
    do while (first <= num_columns)
      num_chunks = num_chunks + 1
      first = first + sizes(modulo(num_chunks - 1, 4) + 1)
    end do
    allocate(chunks(num_chunks))
    first = 1
    do c = 1, num_chunks
      n = min(sizes(modulo(c - 1, 4) + 1), num_columns - first + 1)
      chunks(c)%num_columns = n
      chunks(c)%first = first
      allocate(chunks(c)%ids(n), chunks(c)%i(n), chunks(c)%j(n))
      allocate(chunks(c)%temperature_difference(n), chunks(c)%humidity_difference(n))
      allocate(chunks(c)%sensible_heat(n), chunks(c)%latent_heat(n), chunks(c)%latent_heat_beside(n))
      do k = 1, n
        chunks(c)%i(k) = (first + k - 2) / part%ny + 1
        chunks(c)%j(k) = modulo(first + k - 2, part%ny) + 1
        chunks(c)%ids(k) = part%ids(chunks(c)%i(k), chunks(c)%j(k))
      end do
      first = first + n
    end do
  end subroutine

  ! Thread-safe for different chunks, as the next one.
  subroutine run_chunk(part, wave, temperature, humidity, chunk)
    type(GridPart), intent(in) :: part
    integer, intent(in) :: wave
    real(real64), intent(in) :: temperature(0:, 0:, :), humidity(0:, 0:, :)
    type(ColumnChunk), intent(inout) :: chunk
    real(real64) :: sea
    integer :: k, i, j

    do k = 1, chunk%num_columns
      i = chunk%i(k)
      j = chunk%j(k)
      sea = sea_surface_temperature(part%longitude(i), part%latitude(j), wave)
      chunk%temperature_difference(k) = sea - temperature(i, j, nlev)
      chunk%humidity_difference(k) = saturation_humidity(sea, 1.0_real64) - humidity(i, j, nlev)
    end do
    call bulk_fluxes(chunk%temperature_difference, chunk%humidity_difference, chunk%sensible_heat, chunk%latent_heat)
    chunk%latent_heat_beside = chunk%latent_heat
  end subroutine

  subroutine apply_chunk(chunk, timestep, temperature, humidity)
    type(ColumnChunk), intent(in) :: chunk
    real(real64), intent(in) :: timestep   ! s
    real(real64), intent(inout) :: temperature(0:, 0:, :), humidity(0:, 0:, :)
    integer :: k, i, j

    do k = 1, chunk%num_columns
      i = chunk%i(k)
      j = chunk%j(k)
      temperature(i, j, nlev) = temperature(i, j, nlev) &
        + timestep * chunk%sensible_heat(k) / (heat_capacity * layer_mass)
      humidity(i, j, nlev) = humidity(i, j, nlev) &
        + timestep * chunk%latent_heat(k) / (latent_heat_of_vapour * layer_mass)
      call mix_humidity(timestep, humidity(i, j, :))
    end do
  end subroutine
end module
