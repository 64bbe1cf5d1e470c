! How far what a run used is from what the schemes say, and the report at its end.
module report
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use mpi_f08
  use column_blocks, only: BlockedColumns, slot_of, unblock
  use column_chunks, only: ColumnChunk
  use grid, only: GridPart, collect
  use physics
  use setting, only: RunSetting, mix
  implicit none
  private
  public :: Score, add_to_score, print_report

  ! Sums over columns, levels and steps of this rank: squares of the scheme, and of what differs from it.
  type Score
    real(real64) :: heating(2) = 0, moistening(2) = 0, latent_heat(2) = 0
    real(real64) :: num_columns = 0
  end type

contains

  ! Local.
  subroutine add_to_score(blocks, chunks, total)
    type(BlockedColumns), intent(in) :: blocks
    type(ColumnChunk), intent(in) :: chunks(:)
    type(Score), intent(inout) :: total
    integer :: column, lane, block, c

    associate(b => blocks)
      do column = 1, b%num_columns
        call slot_of(b, column, lane, block)
        call add(b%heating_of_scheme(lane, :, block), b%heating(lane, :, block), total%heating)
        call add(b%moistening_of_scheme(lane, :, block), b%moistening(lane, :, block), total%moistening)
      end do
      total%num_columns = total%num_columns + b%num_columns
    end associate
    do c = 1, size(chunks)
      call add(chunks(c)%latent_heat, chunks(c)%latent_heat_beside, total%latent_heat)
    end do
  end subroutine

  pure subroutine add(scheme, used, squares)
    real(real64), intent(in) :: scheme(:), used(:)
    real(real64), intent(inout) :: squares(2)

    squares = squares + [sum(scheme**2), sum((used - scheme)**2)]
  end subroutine

  ! Collective. One screen. Means and checksums have the same bits on any number of ranks: rank 0 makes them in the
  ! order of global ids. The root mean squares are sums over ranks, equal to rounding.
  subroutine print_report(run, part, temperature, humidity, blocks, chunks, total)
    type(RunSetting), intent(in) :: run
    type(GridPart), intent(in) :: part
    real(real64), intent(in), dimension(0:, 0:, :) :: temperature, humidity
    type(BlockedColumns), intent(in) :: blocks
    type(ColumnChunk), intent(in) :: chunks(:)
    type(Score), intent(in) :: total
    real(real64), allocatable, dimension(:, :, :) :: t, q, heating, moistening, latent_heat, field
    real(real64) :: rms(2, 3)
    integer :: c, k, rank

    call collect(part, temperature, t)
    call collect(part, humidity, q)
    call unblock(part, blocks, blocks%heating, field)
    call collect(part, field, heating)
    call unblock(part, blocks, blocks%moistening, field)
    call collect(part, field, moistening)
    do c = 1, size(chunks)
      associate(chunk => chunks(c))
        do k = 1, chunk%num_columns
          field(chunk%i(k), chunk%j(k), 1) = chunk%latent_heat_beside(k)
        end do
      end associate
    end do
    call collect(part, field(:, :, 1:1), latent_heat)
    call root_mean_squares(part, total, rms)
    call MPI_Comm_rank(part%comm, rank)
    if (rank /= 0) return

    print "(a, f0.1, a, i0, a)", "day ", run%num_steps * run%timestep / 86400, ", ", size(t, 2) * size(t, 3), " columns"
    print "(a, f10.4, a)", "mean temperature  ", global_mean(sum(t, 1) / nlev), " K"
    print "(a, f10.4, a)", "precipitable water", global_mean(sum(q, 1) * layer_mass), " kg m-2"
    print "(a)", "root mean square       scheme   network - scheme"
    print "(a, 2f13.4, a)", "heating        ", rms(:, 1) * 86400, "  K day-1"
    print "(a, 2f13.4, a)", "moistening     ", rms(:, 2) * 86400 * 1000, "  g kg-1 day-1"
    print "(a, 2f13.4, a)", "latent heat    ", rms(:, 3), "  W m-2"
    print "(a, 2(1x, z16.16))", "bits of temperature, humidity           ", bits_of(t), bits_of(q)
    print "(a, 3(1x, z16.16))", "bits of heating, moistening, latent heat", bits_of(heating), &
      bits_of(moistening), bits_of(latent_heat)
  end subroutine

  ! Collective. rms(:, field): of the scheme and of the difference, for heating, moistening and latent heat.
  subroutine root_mean_squares(part, total, rms)
    type(GridPart), intent(in) :: part
    type(Score), intent(in) :: total
    real(real64), intent(out) :: rms(2, 3)
    real(real64) :: sums(7)

    sums = [total%heating / nlev, total%moistening / nlev, total%latent_heat, total%num_columns]
    call MPI_Allreduce(MPI_IN_PLACE, sums, size(sums), MPI_DOUBLE_PRECISION, MPI_SUM, part%comm)
    rms = sqrt(reshape(sums(:6), [2, 3]) / sums(7))
  end subroutine

  ! Weighted by area; values (longitude, latitude) of the globe.
  pure real(real64) function global_mean(values)
    real(real64), intent(in) :: values(:, :)
    real(real64) :: area(size(values, 2))
    integer :: j

    area = [(cos((j - 0.5_real64) * pi / size(area) - pi / 2), j = 1, size(area))]
    global_mean = sum(sum(values, 1) * area) / (sum(area) * size(values, 1))
  end function

  ! A checksum in the order of global ids: another bit anywhere changes it.
  pure integer(int64) function bits_of(values)
    real(real64), intent(in) :: values(:, :, :)
    integer :: level, i, j

    bits_of = 0
    do j = 1, size(values, 3)
      do i = 1, size(values, 2)
        do level = 1, size(values, 1)
          bits_of = ieor(bits_of, transfer(values(level, i, j), bits_of))
          call mix(bits_of)
        end do
      end do
    end do
  end function

end module
