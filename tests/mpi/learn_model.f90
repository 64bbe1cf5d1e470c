! A component whose network learns while it runs: columns of 3 levels and a surface field, targets that are known functions
! of them, area weights, and masked points whose values are no numbers.
!
! learn_model IDS STEPS OUTPUT [get|pure|late|nan|serve|none|typo|ask|ds|class|delayN] [FIRST] [ends|goes_on|begins]
!   IDS     blocks (in order, uneven) | cyclic | sparse (one rank without points)
!   OUTPUT  file of the last step's outputs, and of what get_scalar gave in each step, as hexadecimal bits
!   get     fetches its outputs in every step; pure: in the last one only; late: puts targets after get; nan: with a target
!           that is no number in steps 5 to 7; serve: nothing is learned; none: does not define its outputs; typo: nor
!           this, but td; ask: nor this, and fetches dt; ds: defines one of them, and fetches it as get does; class: the
!           other one, whose levels are classes, with the number of one as ds_true, and puts no dt_true;
!           delayN: puts targets and weights N steps late, at first no numbers, and in the last step the inputs of N steps
!           before; has a field "lat" for a loss besides
!   FIRST   write a restart set before this step, "cut", and end there, or go on; begins: STEPS with the values
!           of this step and those after it
program learn_model
  use, intrinsic :: iso_fortran_env, only: real64
  use, intrinsic :: ieee_arithmetic, only: ieee_value, ieee_quiet_nan
  use mpi_f08
  use ekman
  use job_of_points, only: ids_of
  implicit none
  integer, parameter :: nlev = 3, total = 203
  type(ekman_coupler) :: c
  type(MPI_Comm) :: comm
  character(32) :: numbering, text, mode
  character(256) :: output
  integer :: rank, ranks, i, l, first, last, steps, step, cut, start, delay, earlier
  logical :: goes_on, defines_dt, defines_ds
  integer, allocatable :: ids(:)
  real(real64), allocatable :: t(:, :), s(:), dt(:, :), ds(:), area(:), dt_true(:, :), ds_true(:), lat(:)
  real(real64), allocatable :: scalars(:, :)

  call get_command_argument(1, numbering)
  call get_command_argument(2, text)
  read (text, *) steps
  call get_command_argument(3, output)
  mode = "get"
  if (command_argument_count() > 3) call get_command_argument(4, mode)
  delay = -1
  if (mode(:5) == "delay") read (mode(6:), *) delay
  cut = 0
  if (command_argument_count() > 4) then
    call get_command_argument(5, text)
    read (text, *) cut
  end if
  goes_on = cut == 0
  earlier = 0
  if (command_argument_count() > 5) then
    call get_command_argument(6, text)
    goes_on = text /= "ends"
    if (text == "begins") then
      earlier = cut - 1
      cut = 0
    end if
  end if
  call MPI_Init()
  call ekman_init(c, "atmosphere", MPI_COMM_WORLD, comm)
  call MPI_Comm_rank(comm, rank)
  call MPI_Comm_size(comm, ranks)
  ids = ids_of(numbering, total, rank, ranks)
  allocate (t(size(ids), nlev), s(size(ids)), dt(size(ids), nlev), ds(size(ids)), area(size(ids)))
  allocate (dt_true(size(ids), nlev), ds_true(size(ids)), lat(size(ids)), scalars(3, steps))
  dt = 0
  ds = 0
  call ekman_def_points(c, ids)
  call ekman_def_field(c, "t", levels=nlev)
  call ekman_def_field(c, "s")
  defines_dt = all(mode /= [character(4) :: "none", "typo", "ask", "ds"])
  defines_ds = (defines_dt .and. mode /= "class") .or. mode == "ds"
  if (defines_dt) call ekman_def_field(c, "dt", levels=nlev)
  if (defines_ds) call ekman_def_field(c, "ds")
  if (mode == "typo") call ekman_def_field(c, "td", levels=nlev)
  call ekman_def_field(c, "dt_true", levels=nlev)
  call ekman_def_field(c, "ds_true")
  call ekman_def_field(c, "area")
  if (delay >= 0) call ekman_def_field(c, "lat")
  call ekman_enddef(c)
  call ekman_get_step(c, start)
  do step = start, steps
    if (step == cut) then
      call ekman_write_restart(c, "cut")
      if (.not. goes_on) exit
    end if
    call make_values(step - max(delay, 0))
    if (mode /= "late" .and. mode /= "serve") call put_truth()
    if (delay > 0 .and. step < steps) call make_values(step)
    if (delay >= 0) call ekman_put(c, "lat", lat)
    call ekman_put(c, "s", s)
    call ekman_put(c, "t", t)
    if (mode /= "pure" .or. step == steps) then
      if (defines_dt .or. mode == "ask") call ekman_get(c, "dt", dt)
      if (defines_ds) call ekman_get(c, "ds", ds)
    end if
    if (mode == "late") call put_truth()
    if (mode == "serve") then
      scalars(:, step) = 0
    else
      call ekman_get_scalar(c, "mlp/loss", scalars(1, step))
      call ekman_get_scalar(c, "mlp/step", scalars(2, step))
      call ekman_get_scalar(c, "mlp/learning_rate", scalars(3, step))
    end if
    call ekman_advance(c)
  end do
  if (goes_on) call write_outputs()
  call ekman_finalize(c)
  deallocate (ids, t, s, dt, ds, area, dt_true, ds_true, lat, scalars)   ! or the leak check of the asan preset sees them
  call MPI_Finalize()

contains

  subroutine make_values(moment)
    integer, intent(in) :: moment
    real(real64) :: phase
    integer :: k
    do k = 1, size(ids)
      phase = 0.1_real64*ids(k) + 0.7_real64*(moment + earlier)
      s(k) = cos(phase)
      lat(k) = sin(0.05_real64*ids(k) + 0.4_real64*moment)
      area(k) = 1 + 0.5_real64*sin(0.3_real64*ids(k))
      do l = 1, nlev
        t(k, l) = sin(phase*l)
        dt_true(k, l) = t(k, l)*s(k) + 0.1_real64*l
      end do
      ds_true(k) = sum(t(k, :))**2
      if (mode == "class") ds_true(k) = modulo(ids(k) + moment + earlier, nlev)
      if (mod(ids(k), 11) == 5) then
        area(k) = 0
        t(k, :) = ieee_value(s(k), ieee_quiet_nan)
        dt_true(k, :) = t(k, :)
        ds_true(k) = t(k, 1)
      end if
    end do
    if (moment < 1) then
      area = ieee_value(0.0_real64, ieee_quiet_nan)
      ds_true = ieee_value(0.0_real64, ieee_quiet_nan)
      dt_true = ieee_value(0.0_real64, ieee_quiet_nan)
    end if
    if (mode == "nan" .and. step >= 5 .and. step <= 7 .and. rank == 0) ds_true(1) = ieee_value(s(1), ieee_quiet_nan)
  end subroutine make_values

  subroutine put_truth()
    call ekman_put(c, "area", area)
    call ekman_put(c, "ds_true", ds_true)
    if (mode /= "class") call ekman_put(c, "dt_true", dt_true)
  end subroutine put_truth

  subroutine write_outputs()
    real(real64) :: all(0:total - 1, nlev + 1)
    integer :: unit
    all = 0
    do i = 1, size(ids)
      if (mod(ids(i), 11) == 5) cycle
      all(ids(i), :nlev) = dt(i, :)
      all(ids(i), nlev + 1) = ds(i)
    end do
    call MPI_Allreduce(MPI_IN_PLACE, all, size(all), MPI_DOUBLE_PRECISION, MPI_SUM, comm)
    if (rank /= 0) return
    open (newunit=unit, file=output, action="write", status="replace")
    do i = 0, total - 1
      write (unit, "(i0, *(1x, z16.16))") i, all(i, :)
    end do
    do step = start, steps
      write (unit, "(a, i0, *(1x, z16.16))") "step", step, scalars(:, step)
    end do
    close (unit)
  end subroutine write_outputs

end program learn_model
