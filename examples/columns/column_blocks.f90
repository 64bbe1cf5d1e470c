! The first package, radiation and moist adjustment: columns in blocks of nproma, as IFS and ICON have them. The last
! block of a rank is part-filled; its tail holds NaN, so that whoever reads it is found out.
module column_blocks
  use, intrinsic :: ieee_arithmetic, only: ieee_value, ieee_quiet_nan
  use, intrinsic :: iso_fortran_env, only: real64
  use grid, only: GridPart
  use physics
  implicit none
  private
  public :: BlockedColumns, make_blocks, fill_blocks, run_blocks, apply_blocks, unblock, slot_of

  type BlockedColumns
    integer :: nproma, num_blocks, num_columns
    integer, allocatable :: ids(:, :)   ! (nproma, block); -1 in the tail
    real(real64), allocatable, dimension(:, :) :: surface_temperature, solar   ! (nproma, block); K, W m-2
    ! (nproma, level, block); K, kg kg-1, and per second: what the run uses, and what the schemes say
    real(real64), allocatable, dimension(:, :, :) :: temperature, humidity
    real(real64), allocatable, dimension(:, :, :) :: heating, moistening
    real(real64), allocatable, dimension(:, :, :) :: heating_of_scheme, moistening_of_scheme
  end type

contains

  subroutine make_blocks(part, nproma, b)
    type(GridPart), intent(in) :: part
    integer, intent(in) :: nproma
    type(BlockedColumns), intent(out) :: b
    real(real64) :: nan
    integer :: column, lane, block, i, j

    b%nproma = nproma
    b%num_columns = part%nx * part%ny
    b%num_blocks = (b%num_columns + nproma - 1) / nproma
    nan = ieee_value(nan, ieee_quiet_nan)
    allocate(b%ids(nproma, b%num_blocks), source=-1)
    allocate(b%surface_temperature(nproma, b%num_blocks), b%solar(nproma, b%num_blocks), source=nan)
    allocate(b%temperature(nproma, nlev, b%num_blocks), source=nan)
    allocate(b%humidity, b%heating, b%moistening, b%heating_of_scheme, b%moistening_of_scheme, source=b%temperature)
    do column = 1, b%num_columns
      call place_of(part, b, column, lane, block, i, j)
      b%ids(lane, block) = part%ids(i, j)
    end do
  end subroutine

  ! Where column number `column` of this rank lies in the blocks.
  pure subroutine slot_of(b, column, lane, block)
    type(BlockedColumns), intent(in) :: b
    integer, intent(in) :: column
    integer, intent(out) :: lane, block

    lane = modulo(column - 1, b%nproma) + 1
    block = (column - 1) / b%nproma + 1
  end subroutine

  ! The same, and where it lies in the grid.
  pure subroutine place_of(part, b, column, lane, block, i, j)
    type(GridPart), intent(in) :: part
    type(BlockedColumns), intent(in) :: b
    integer, intent(in) :: column
    integer, intent(out) :: lane, block, i, j

    call slot_of(b, column, lane, block)
    i = modulo(column - 1, part%nx) + 1
    j = (column - 1) / part%nx + 1
  end subroutine

  ! From the grid, at `time` s.
  subroutine fill_blocks(part, wave, time, temperature, humidity, b)
    type(GridPart), intent(in) :: part
    integer, intent(in) :: wave
    real(real64), intent(in) :: time, temperature(0:, 0:, :), humidity(0:, 0:, :)
    type(BlockedColumns), intent(inout) :: b
    integer :: column, lane, block, i, j

    do column = 1, b%num_columns
      call place_of(part, b, column, lane, block, i, j)
      b%temperature(lane, :, block) = temperature(i, j, :)
      b%humidity(lane, :, block) = humidity(i, j, :)
      b%surface_temperature(lane, block) = sea_surface_temperature(part%longitude(i), part%latitude(j), wave)
      b%solar(lane, block) = solar_radiation(part%longitude(i), part%latitude(j), time)
    end do
  end subroutine

  ! The schemes; their tendencies are also the ones that the run uses, unless somebody replaces them.
  subroutine run_blocks(b)
    type(BlockedColumns), intent(inout) :: b
    integer :: column, lane, block

    !$omp parallel do private(lane, block)
    do column = 1, b%num_columns
      call slot_of(b, column, lane, block)
      call moist_adjustment(b%temperature(lane, :, block), b%humidity(lane, :, block), &
                            b%heating(lane, :, block), b%moistening(lane, :, block))
      b%heating(lane, :, block) = b%heating(lane, :, block) &
        + radiation(b%temperature(lane, :, block), b%surface_temperature(lane, block), b%solar(lane, block))
    end do
    !$omp end parallel do
    b%heating_of_scheme = b%heating
    b%moistening_of_scheme = b%moistening
  end subroutine

  subroutine apply_blocks(part, b, timestep, temperature, humidity)
    type(GridPart), intent(in) :: part
    type(BlockedColumns), intent(in) :: b
    real(real64), intent(in) :: timestep   ! s
    real(real64), intent(inout) :: temperature(0:, 0:, :), humidity(0:, 0:, :)
    integer :: column, lane, block, i, j

    do column = 1, b%num_columns
      call place_of(part, b, column, lane, block, i, j)
      temperature(i, j, :) = temperature(i, j, :) + timestep * b%heating(lane, :, block)
      humidity(i, j, :) = max(0.0_real64, humidity(i, j, :) + timestep * b%moistening(lane, :, block))
    end do
  end subroutine

  ! Any array of the blocks as a field of the grid, for output.
  subroutine unblock(part, b, blocked, field)
    type(GridPart), intent(in) :: part
    type(BlockedColumns), intent(in) :: b
    real(real64), intent(in) :: blocked(:, :, :)   ! (nproma, level, block)
    real(real64), allocatable, intent(out) :: field(:, :, :)
    integer :: column, lane, block, i, j

    allocate(field(0:part%nx + 1, 0:part%ny + 1, size(blocked, 2)), source=0.0_real64)
    do column = 1, b%num_columns
      call place_of(part, b, column, lane, block, i, j)
      field(i, j, :) = blocked(lane, :, block)
    end do
  end subroutine
end module
