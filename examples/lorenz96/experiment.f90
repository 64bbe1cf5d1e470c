! What the programs share: the choices of lorenz96.nml, the members of each rank, the HDF5 files of the test members
! (written and read by rank 0 alone), and the progress lines that run.py shows.
module experiment
  use, intrinsic :: iso_c_binding, only: c_loc, c_ptr
  use, intrinsic :: iso_fortran_env, only: real64, output_unit, error_unit
  use mpi_f08
  use hdf5
  use lorenz96, only: TwoScale, read_system
  implicit none
  private
  public :: Setting, Record, read_setting, argument, share_of, is_recorded, start_record, keep, write_record, &
            read_test_start, open_log, write_loss, report_progress, stop_all

  type Setting
    type(TwoScale) :: sys
    integer :: num_members = 24, num_learning = 8
    real(real64) :: spin_up = 10, length = 50, interval = 0.1_real64
    real(real64) :: truth_step = 0.001_real64, model_step = 0.01_real64
    real(real64) :: online_length = 20, relaxation = 0.02_real64
    integer :: window = 20, num_windows = 100
  end type

  ! The recorded trajectories of this rank's members: (slow variable, time, member).
  type Record
    real(real64), allocatable :: x(:, :, :), u(:, :, :)
  end type

contains

  function read_setting(path) result(p)
    character(*), intent(in) :: path
    type(Setting) :: p
    integer :: num_members, num_learning, window, num_windows, unit, status
    real(real64) :: spin_up, length, interval, truth_step, model_step, online_length, relaxation
    namelist /integration/ num_members, num_learning, spin_up, length, interval, truth_step, model_step
    namelist /learning/ online_length, relaxation, window, num_windows

    open(newunit=unit, file=path, status="old", action="read", iostat=status)
    if (status /= 0) call stop_all("cannot open the namelist file " // path)
    p%sys = read_system(unit)
    num_members = p%num_members; num_learning = p%num_learning
    spin_up = p%spin_up; length = p%length; interval = p%interval
    truth_step = p%truth_step; model_step = p%model_step
    online_length = p%online_length; relaxation = p%relaxation; window = p%window; num_windows = p%num_windows
    rewind(unit)
    read(unit, nml=integration)
    rewind(unit)
    read(unit, nml=learning)
    close(unit)
    p = Setting(p%sys, num_members, num_learning, spin_up, length, interval, truth_step, model_step, online_length, &
                relaxation, window, num_windows)
    if (num_learning < 1 .or. num_learning > num_members) &
      call stop_all("num_learning of &integration is not between 1 and num_members")
  end function

  ! Command-line argument number i.
  function argument(i, meaning) result(value)
    integer, intent(in) :: i
    character(*), intent(in) :: meaning
    character(:), allocatable :: value
    integer :: length, status

    call get_command_argument(i, length=length, status=status)
    if (status > 0 .or. length == 0) call stop_all("missing argument: " // meaning)
    allocate(character(length) :: value)
    call get_command_argument(i, value)
  end function

  ! The block of `total` members that this rank owns: first and last; last < first where it owns none.
  subroutine share_of(total, comm, first, last)
    integer, intent(in) :: total
    type(MPI_Comm), intent(in) :: comm
    integer, intent(out) :: first, last
    integer :: rank, num_ranks

    call MPI_Comm_rank(comm, rank)
    call MPI_Comm_size(comm, num_ranks)
    first = rank * total / num_ranks + 1
    last = (rank + 1) * total / num_ranks
  end subroutine

  subroutine start_record(p, num_members_here, rec)
    type(Setting), intent(in) :: p
    integer, intent(in) :: num_members_here
    type(Record), intent(out) :: rec
    integer :: num_times

    num_times = nint(p%length / p%interval) + 1
    allocate(rec%x(p%sys%num_slow, num_times, num_members_here))
    allocate(rec%u, mold=rec%x)
  end subroutine

  ! Whether the state before this step is one to be recorded.
  pure function is_recorded(p, step, dt)
    type(Setting), intent(in) :: p
    integer, intent(in) :: step
    real(real64), intent(in) :: dt
    logical :: is_recorded

    is_recorded = step >= 0 .and. modulo(step, nint(p%interval / dt)) == 0
  end function

  ! Keeps X and the subgrid tendency at that same X, where `step` is one to be recorded.
  subroutine keep(p, step, dt, member, x, u, rec)
    type(Setting), intent(in) :: p
    integer, intent(in) :: step, member
    real(real64), intent(in) :: dt, x(:), u(:)
    type(Record), intent(inout) :: rec
    integer :: time

    if (.not. is_recorded(p, step, dt)) return
    time = step / nint(p%interval / dt) + 1
    rec%x(:, time, member) = x
    rec%u(:, time, member) = u
  end subroutine

  ! Collective. Writes x, u [member, time, slow variable] and time.
  subroutine write_record(path, p, comm, rec)
    character(*), intent(in) :: path
    type(Setting), intent(in) :: p
    type(MPI_Comm), intent(in) :: comm
    type(Record), intent(in) :: rec
    real(real64), allocatable :: all_x(:), all_u(:), time(:)
    integer :: rank, num_all, i
    integer(hid_t) :: file

    call MPI_Comm_rank(comm, rank)
    call gather(rec%x, comm, all_x)
    call gather(rec%u, comm, all_u)
    if (rank /= 0) return

    num_all = size(all_x) / (size(rec%x, 1) * size(rec%x, 2))
    time = [(i * p%interval, i = 0, size(rec%x, 2) - 1)]
    call h5open_f(i)
    call h5fcreate_f(path, H5F_ACC_TRUNC_F, file, i)
    if (i /= 0) call stop_all("cannot write " // path)
    call write_dataset(file, "x", all_x, [size(rec%x, 1), size(rec%x, 2), num_all])
    call write_dataset(file, "u", all_u, [size(rec%x, 1), size(rec%x, 2), num_all])
    call write_dataset(file, "time", time, [size(time)])
    call h5fclose_f(file, i)
  end subroutine

  ! Collective. Members lie in rank order, so the gathered array does not depend on the decomposition.
  subroutine gather(mine, comm, all)
    real(real64), intent(in) :: mine(:, :, :)
    type(MPI_Comm), intent(in) :: comm
    real(real64), allocatable, intent(out) :: all(:)
    integer, allocatable :: counts(:), offsets(:)
    integer :: num_ranks, i

    call MPI_Comm_size(comm, num_ranks)
    allocate(counts(num_ranks), offsets(num_ranks))
    call MPI_Allgather(size(mine), 1, MPI_INTEGER, counts, 1, MPI_INTEGER, comm)
    offsets = [(sum(counts(:i - 1)), i = 1, num_ranks)]
    allocate(all(sum(counts)))
    call MPI_Gatherv(mine, size(mine), MPI_DOUBLE_PRECISION, all, counts, offsets, MPI_DOUBLE_PRECISION, 0, comm)
  end subroutine

  subroutine write_dataset(file, name, values, extents)
    integer(hid_t), intent(in) :: file
    character(*), intent(in) :: name
    real(real64), intent(in), target :: values(:)
    integer, intent(in) :: extents(:)
    integer(hid_t) :: space, dataset
    integer :: status

    call h5screate_simple_f(size(extents), int(extents, hsize_t), space, status)
    call h5dcreate_f(file, name, H5T_NATIVE_DOUBLE, space, dataset, status)
    call h5dwrite_f(dataset, H5T_NATIVE_DOUBLE, c_loc(values), status)
    if (status /= 0) call stop_all("cannot write the dataset " // name)
    call h5dclose_f(dataset, status)
    call h5sclose_f(space, status)
  end subroutine

  ! Collective. X(slow variable, member) at the first recorded time of the test members in `path`.
  subroutine read_test_start(path, p, comm, x)
    character(*), intent(in) :: path
    type(Setting), intent(in) :: p
    type(MPI_Comm), intent(in) :: comm
    real(real64), allocatable, target, intent(out) :: x(:, :)
    integer(hid_t) :: file, dataset, space, memory
    type(c_ptr) :: buffer
    integer(hsize_t) :: offset(3), extent(3)
    integer :: rank, status

    if (p%num_learning >= p%num_members) call stop_all("&integration leaves no member for the test set")
    allocate(x(p%sys%num_slow, p%num_members - p%num_learning))
    call MPI_Comm_rank(comm, rank)
    if (rank == 0) then
      offset = 0
      extent = [size(x, 1), 1, size(x, 2)]
      call h5open_f(status)
      call h5fopen_f(path, H5F_ACC_RDONLY_F, file, status)
      if (status /= 0) call stop_all("cannot read " // path // "; run truth first")
      call h5dopen_f(file, "x", dataset, status)
      call h5dget_space_f(dataset, space, status)
      call h5sselect_hyperslab_f(space, H5S_SELECT_SET_F, offset, extent, status)
      call h5screate_simple_f(3, extent, memory, status)
      buffer = c_loc(x)
      call h5dread_f(dataset, H5T_NATIVE_DOUBLE, buffer, status, memory, space)
      if (status /= 0) call stop_all(path // " does not fit this lorenz96.nml; run truth again")
      call h5sclose_f(memory, status)
      call h5sclose_f(space, status)
      call h5dclose_f(dataset, status)
      call h5fclose_f(file, status)
    end if
    call MPI_Bcast(x, size(x), MPI_DOUBLE_PRECISION, 0, comm)
  end subroutine

  ! A file with a loss for each window; `log` is its unit on rank 0, and -1 on the others.
  subroutine open_log(path, comm, log)
    character(*), intent(in) :: path
    type(MPI_Comm), intent(in) :: comm
    integer, intent(out) :: log
    integer :: rank, status

    log = -1
    call MPI_Comm_rank(comm, rank)
    if (rank /= 0) return
    open(newunit=log, file=path, action="write", status="replace", iostat=status)
    if (status /= 0) call stop_all("cannot write " // path)
    write(log, "(a)") "step,loss"
  end subroutine

  subroutine write_loss(log, window, loss)
    integer, intent(in) :: log, window
    real(real64), intent(in) :: loss

    if (log /= -1) write(log, "(i0, ',', es14.6)") window, loss
  end subroutine

  ! Rank 0 says how far it is, twenty times in a run.
  subroutine report_progress(comm, done, total)
    type(MPI_Comm), intent(in) :: comm
    integer, intent(in) :: done, total
    integer :: rank

    if (modulo(done, max(1, total / 20)) /= 0) return
    call MPI_Comm_rank(comm, rank)
    if (rank /= 0) return
    write(output_unit, "(a, f6.3)") "progress ", real(done) / total
    flush(output_unit)
  end subroutine

  subroutine stop_all(message)
    character(*), intent(in) :: message

    write(error_unit, "(a)") "lorenz96: " // message
    call MPI_Abort(MPI_COMM_WORLD, 1)
    error stop
  end subroutine
end module
