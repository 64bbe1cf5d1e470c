! The pairs that the network of the first package learns from, HDF5, written by rank 0 alone. They hold what the schemes
! make of states that are shaken a little: the run itself only visits states that the schemes have smoothed, and a
! network that saw no others would not know how to undo its own errors.
module pairs
  use, intrinsic :: iso_c_binding, only: c_loc
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use mpi_f08
  use hdf5
  use column_blocks
  use grid, only: GridPart, collect
  use physics, only: nlev
  use setting, only: RunSetting, mix, stop_all
  implicit none
  private
  public :: write_pairs

contains

  ! Collective, where the command line asks for pairs and `step` is one to be recorded.
  subroutine write_pairs(run, part, step, b)
    type(RunSetting), intent(in) :: run
    type(GridPart), intent(in) :: part
    integer, intent(in) :: step
    type(BlockedColumns), intent(in) :: b
    type(BlockedColumns) :: shaken
    integer(hid_t) :: file
    integer :: rank, record, status

    if (run%pairs_path == "" .or. modulo(step, run%steps_per_record) /= 0) return
    record = step / run%steps_per_record
    shaken = b
    call shake(record, shaken)
    call run_blocks(shaken)
    call MPI_Comm_rank(part%comm, rank)
    if (rank == 0) then
      call h5open_f(status)
      if (record == 1) call h5fcreate_f(run%pairs_path, H5F_ACC_TRUNC_F, file, status)
      if (record > 1) call h5fopen_f(run%pairs_path, H5F_ACC_RDWR_F, file, status)
      if (status /= 0) call stop_all("cannot write " // run%pairs_path)
    end if
    call write_field("temperature", shaken%temperature)
    call write_field("humidity", shaken%humidity)
    call write_field("surface_temperature", spread(b%surface_temperature, 2, 1))
    call write_field("solar", spread(b%solar, 2, 1))
    call write_field("heating", shaken%heating_of_scheme)
    call write_field("moistening", shaken%moistening_of_scheme)
    if (rank == 0) call h5fclose_f(file, status)

  contains

    subroutine write_field(name, blocked)
      character(*), intent(in) :: name
      real(real64), intent(in) :: blocked(:, :, :)   ! (nproma, level, block)
      real(real64), allocatable :: field(:, :, :), globe(:, :, :)

      call unblock(part, b, blocked, field)
      call collect(part, field, globe)
      if (rank == 0) call write_record(file, name, record, run%num_steps / run%steps_per_record, globe)
    end subroutine
  end subroutine

  ! Half a kelvin and a fortieth of the humidity up or down at random, the same on any number of ranks.
  subroutine shake(record, b)
    integer, intent(in) :: record
    type(BlockedColumns), intent(inout) :: b
    integer(int64) :: state
    integer :: column, lane, block, level

    do column = 1, b%num_columns
      call slot_of(b, column, lane, block)
      state = 1000000_int64 * record + b%ids(lane, block)
      do level = 1, 10   ! until neighbouring columns have nothing in common
        call mix(state)
      end do
      do level = 1, nlev
        b%temperature(lane, level, block) = b%temperature(lane, level, block) + 0.5_real64 * noise(state)
        b%humidity(lane, level, block) = b%humidity(lane, level, block) * (1 + 0.025_real64 * noise(state))
      end do
    end do
  end subroutine

  ! Uniform between -1 and 1.
  real(real64) function noise(state)
    integer(int64), intent(inout) :: state

    call mix(state)
    noise = 2 * real(ishft(state, -11), real64) / 2.0_real64**53 - 1
  end function

  ! One record of the dataset [record, latitude, longitude, level] (order of C), float32; the first record makes it.
  subroutine write_record(file, name, record, num_records, globe)
    integer(hid_t), intent(in) :: file
    character(*), intent(in) :: name
    integer, intent(in) :: record, num_records
    real(real64), intent(in), target, contiguous :: globe(:, :, :)
    integer(hid_t) :: space, memory, dataset
    integer(hsize_t) :: extent(4), offset(4)
    integer :: status

    extent = [shape(globe), num_records]
    call h5screate_simple_f(4, extent, space, status)
    if (record == 1) call h5dcreate_f(file, name, H5T_NATIVE_REAL, space, dataset, status)
    if (record > 1) call h5dopen_f(file, name, dataset, status)
    offset = [0, 0, 0, record - 1]
    extent(4) = 1
    call h5sselect_hyperslab_f(space, H5S_SELECT_SET_F, offset, extent, status)
    call h5screate_simple_f(4, extent, memory, status)
    call h5dwrite_f(dataset, H5T_NATIVE_DOUBLE, c_loc(globe), status, memory, space)
    if (status /= 0) call stop_all("cannot write the dataset " // name)
    call h5sclose_f(memory, status)
    call h5sclose_f(space, status)
    call h5dclose_f(dataset, status)
  end subroutine
end module
