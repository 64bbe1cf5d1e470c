! What can be chosen about a run, and two small helpers.
!   columns NAMELIST WAVE [PAIRS]
!     WAVE   number of warm pools that the sea surface has around the globe
!     PAIRS  HDF5 file for what the schemes of the first package took and gave; not written if absent
module setting
  use, intrinsic :: iso_fortran_env, only: int64, real64, error_unit
  use mpi_f08
  implicit none
  private
  public :: RunSetting, read_setting, mix, stop_all

  type RunSetting
    integer :: num_longitudes, num_latitudes, nproma, num_steps, steps_per_record, wave
    real(real64) :: timestep   ! s
    character(:), allocatable :: pairs_path   ! empty: no pairs
  end type

contains

  subroutine read_setting(run)
    type(RunSetting), intent(out) :: run
    integer :: num_longitudes, num_latitudes, nproma, unit, status
    real(real64) :: timestep, days, record_interval
    namelist /columns/ num_longitudes, num_latitudes, nproma, timestep, days, record_interval

    open(newunit=unit, file=argument(1), status="old", action="read", iostat=status)
    if (status /= 0) call stop_all("cannot open the namelist file; usage: columns NAMELIST WAVE [PAIRS]")
    read(unit, nml=columns, iostat=status)
    if (status /= 0) call stop_all("cannot read &columns of the namelist file")
    close(unit)
    run%num_longitudes = num_longitudes
    run%num_latitudes = num_latitudes
    run%nproma = nproma
    run%timestep = timestep
    run%num_steps = nint(days * 86400 / timestep)
    run%steps_per_record = nint(record_interval / timestep)
    run%pairs_path = argument(3)
    if (min(num_longitudes, num_latitudes, nproma, run%steps_per_record) < 1) &
      call stop_all("the grid, nproma and record_interval of &columns must be positive")
    call read_wave(argument(2), run%wave)
  end subroutine

  subroutine read_wave(word, wave)
    character(*), intent(in) :: word
    integer, intent(out) :: wave
    integer :: status

    read(word, *, iostat=status) wave
    if (status /= 0) call stop_all("the second argument must be a number of warm pools, e.g. 2")
  end subroutine

  function argument(i) result(value)
    integer, intent(in) :: i
    character(:), allocatable :: value
    integer :: length

    call get_command_argument(i, length=length)
    allocate(character(length) :: value)
    if (length > 0) call get_command_argument(i, value)
  end function

  ! One step of Marsaglia's (2003) xorshift, for checksums and for random numbers.
  pure subroutine mix(state)
    integer(int64), intent(inout) :: state

    state = ieor(state, ishft(state, 13))
    state = ieor(state, ishft(state, -7))
    state = ieor(state, ishft(state, 17))
  end subroutine

  subroutine stop_all(message)
    character(*), intent(in) :: message

    write(error_unit, "(a)") "columns: " // message
    call MPI_Abort(MPI_COMM_WORLD, 1)
    error stop
  end subroutine
end module
