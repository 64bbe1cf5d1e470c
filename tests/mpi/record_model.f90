! A component whose exchanges are recorded: columns of 3 levels and a surface field, whose values follow from step and
! global id, so that a recording can be compared with them in all bits. What it gets goes to a file of each rank.
!
! record_model IDS STEPS FOLDER [WORD]...
!   IDS       blocks (in order, uneven) | cyclic | sparse (one rank without points)
!   FOLDER    gets <rank>.bin: step, global id, dt(3), ds of each point and step, as 8 bytes each
!   truth     puts targets and weights, and a field for a loss besides
!   delayN    puts targets and weights N steps late
!   inputs    defines no outputs
!   place     tells the coordinates of its points; some: on rank 0 only
!   cutN      writes the restart set "cut" before step N
!   more      all values are greater by 1000
program record_model
  use, intrinsic :: iso_fortran_env, only: real32, real64, int64
  use mpi_f08
  use ekman
  implicit none
  integer, parameter :: nlev = 3, total = 203
  type(ekman_coupler) :: c
  type(MPI_Comm) :: comm
  character(32) :: numbering, word
  character(256) :: folder
  integer :: rank, ranks, i, first, last, steps, step, start, delay, cut, unit
  real(real64) :: more
  logical :: truth, outputs, place, some
  integer, allocatable :: ids(:)
  real(real64), allocatable :: t(:, :), s(:), dt(:, :), ds(:), longitude(:)
  real(real32), allocatable :: latitude(:)

  call get_command_argument(1, numbering)
  call get_command_argument(2, word)
  read (word, *) steps
  call get_command_argument(3, folder)
  truth = .false.
  outputs = .true.
  place = .false.
  some = .false.
  delay = 0
  cut = 0
  more = 0
  do i = 4, command_argument_count()
    call get_command_argument(i, word)
    if (word == "truth") truth = .true.
    if (word == "inputs") outputs = .false.
    if (word == "place") place = .true.
    if (word == "some") some = .true.
    if (word == "more") more = 1000
    if (word(:5) == "delay") read (word(6:), *) delay
    if (word(:3) == "cut") read (word(4:), *) cut
  end do
  call MPI_Init()
  call ekman_init(c, "atmosphere", MPI_COMM_WORLD, comm)
  call MPI_Comm_rank(comm, rank)
  call MPI_Comm_size(comm, ranks)
  if (numbering == "cyclic") then
    ids = [(i, i=rank, total - 1, ranks)]
  else if (numbering == "sparse" .and. ranks > 1) then
    first = (total*max(rank - 1, 0))/(ranks - 1)
    last = (total*rank)/(ranks - 1) - 1
    ids = [(7*i, i=last, first, -1)]   ! none on rank 0
  else
    first = (total*rank*(rank + 1))/(ranks*(ranks + 1))
    last = (total*(rank + 1)*(rank + 2))/(ranks*(ranks + 1)) - 1
    ids = [(i, i=first, last)]
  end if
  ids = [-1, ids]   ! a slot that is no point
  allocate (t(size(ids), nlev), s(size(ids)), dt(size(ids), nlev), ds(size(ids)))
  allocate (longitude(size(ids)), latitude(size(ids)))
  longitude = 0.75_real64*mod(ids, 480)
  latitude = real(mod(ids, 180) - 90, real32)
  latitude(1) = 1e30_real32
  call ekman_def_points(c, ids)
  if (place .or. (some .and. rank == 0)) call ekman_def_coordinates(c, longitude, latitude)
  call ekman_def_field(c, "t", units="K", levels=nlev)
  call ekman_def_field(c, "s")
  if (outputs) then
    call ekman_def_field(c, "dt", units="K s-1", levels=nlev)
    call ekman_def_field(c, "ds")
  end if
  if (truth) then
    call ekman_def_field(c, "dt_true", units="K s-1", levels=nlev)
    call ekman_def_field(c, "ds_true")
    call ekman_def_field(c, "area", units="m2")
    call ekman_def_field(c, "lat")
  end if
  call ekman_enddef(c)
  call ekman_get_step(c, start)
  write (word, "(i0, a)") rank, ".bin"
  open (newunit=unit, file=trim(folder)//"/"//trim(word), access="stream", form="unformatted", action="write", &
        status="replace")
  do step = start, steps
    if (step == cut) call ekman_write_restart(c, "cut")
    call make_columns(step, 0.0_real64, t, s)
    call ekman_put(c, "s", s)
    call ekman_put(c, "t", t)
    if (truth) call put_truth()
    if (outputs) call keep_outputs()
    call ekman_advance(c)
  end do
  close (unit)
  call ekman_finalize(c)
  deallocate (ids, t, s, dt, ds, longitude, latitude)
  call MPI_Finalize()

contains

  ! Values that are whole numbers over 7, rounded once.
  subroutine make_columns(moment, shift, columns, surface)
    integer, intent(in) :: moment
    real(real64), intent(in) :: shift
    real(real64), intent(out) :: columns(:, :), surface(:)
    integer :: k, l
    do k = 1, size(ids)
      surface(k) = (100.0_real64*moment + ids(k) + shift + more)/7
      do l = 1, nlev
        columns(k, l) = (100.0_real64*moment + ids(k) + shift + more + 10000*l)/7
      end do
    end do
  end subroutine make_columns

  subroutine put_truth()
    call make_columns(step, 0.5_real64, t, s)
    call ekman_put(c, "lat", s)
    call make_columns(step - delay, 0.25_real64, t, s)
    call ekman_put(c, "dt_true", t)
    call ekman_put(c, "ds_true", s)
    s = 1 + mod(ids, 3)
    call ekman_put(c, "area", s)
  end subroutine put_truth

  subroutine keep_outputs()
    integer :: info, k
    call ekman_get(c, "dt", dt, info=info)
    call ekman_get(c, "ds", ds)
    if (info == EKMAN_NONE) return
    do k = 2, size(ids)
      write (unit) int(step, int64), int(ids(k), int64), dt(k, :), ds(k)
    end do
  end subroutine keep_outputs

end program record_model
