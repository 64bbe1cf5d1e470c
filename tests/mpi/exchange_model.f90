! A component for the exchange tests. Every field is a known function of (global id, level, step), so each rank can say
! what must come back. The setting comes from the command line, the layout of points from the rank.
!
! exchange_model AXES KIND IDS CHECK STEPS [OUTPUT]
!   AXES   p pl lp pp ppl plp
!   KIND   real32 real64
!   IDS    blocks (in order) | cyclic | sparse (beyond 32 bits, backwards; last rank empty when there are two or more)
!   CHECK  echo: what comes back equals what was put | write: rank 0 prints outputs by global id to OUTPUT
program exchange_model
  use, intrinsic :: iso_fortran_env, only: int64, real32, real64
  use mpi_f08
  use ekman
  implicit none
  integer, parameter :: nlev = 5, total = 203
  type(ekman_coupler) :: c
  type(MPI_Comm) :: comm
  character(32) :: axes, kind_name, ids_name, check_name, text
  character(256) :: output
  integer :: rank, ranks, n, steps, step, nx, ny, failures, all_failures
  integer(int64), allocatable :: ids(:)

  call get_command_argument(1, axes)
  call get_command_argument(2, kind_name)
  call get_command_argument(3, ids_name)
  call get_command_argument(4, check_name)
  call get_command_argument(5, text)
  read (text, *) steps
  call get_command_argument(6, output)

  call MPI_Init()
  call ekman_init(c, "atmosphere", MPI_COMM_WORLD, comm)
  call MPI_Comm_rank(comm, rank)
  call MPI_Comm_size(comm, ranks)
  call choose_points()
  call ekman_def_points(c, ids)
  call ekman_def_field(c, "t", units="K", levels=levels_of(axes), axes=trim(axes))
  call ekman_def_field(c, "s", axes=surface_axes(axes))
  call ekman_def_field(c, "dt", units="K s-1", levels=levels_of(axes), axes=trim(axes))
  call ekman_def_field(c, "ds", axes=surface_axes(axes))
  call ekman_enddef(c)
  failures = 0
  do step = 1, steps
    if (kind_name == "real32") then
      call step_single()
    else
      call step_double()
    end if
    call ekman_advance(c)
  end do
  call MPI_Allreduce(failures, all_failures, 1, MPI_INTEGER, MPI_SUM, comm)
  if (rank == 0) print "(a, i0, a, i0, a)", "exchange_model: ", steps, " steps, ", all_failures, " wrong values"
  call ekman_finalize(c)
  if (all_failures /= 0) error stop 1
  call MPI_Finalize()

contains

  integer function levels_of(form)
    character(*), intent(in) :: form
    levels_of = merge(nlev, 1, index(form, "l") > 0)
  end function levels_of

  function surface_axes(form) result(surface)
    character(*), intent(in) :: form
    character(:), allocatable :: surface
    surface = trim(form)
    if (index(surface, "l") > 0) surface = surface(:index(surface, "l") - 1)//surface(index(surface, "l") + 1:)
  end function surface_axes

  ! Points of this rank, uneven; block forms end with slots that are no points.
  subroutine choose_points()
    integer :: i, holders, first, count
    integer(int64), allocatable :: mine(:)
    holders = merge(ranks - 1, ranks, ids_name == "sparse" .and. ranks > 1)
    mine = [integer(int64) ::]
    if (rank < holders) then
      select case (ids_name)
      case ("cyclic")
        mine = [(int(i, int64), i=rank, total - 1, holders)]
      case default
        first = (total*rank*(rank + 1))/(holders*(holders + 1))
        count = (total*(rank + 1)*(rank + 2))/(holders*(holders + 1)) - first
        mine = [(int(first + i, int64), i=0, count - 1)]
        if (ids_name == "sparse") mine = 5000000000_int64 + 977_int64*mine(size(mine):1:-1)
      end select
    end if
    nx = size(mine)
    ny = 1
    if (index(surface_axes(axes), "pp") > 0) then
      nx = 7
      ny = (size(mine) + nx - 1)/nx
    end if
    n = nx*ny
    allocate (ids(n), source=-1_int64)
    ids(:size(mine)) = mine
  end subroutine choose_points

  ! Exact in float32.
  pure real(real64) function truth(id, level, when)
    integer(int64), intent(in) :: id
    integer, intent(in) :: level, when
    truth = real(modulo(id, 4099_int64), real64) + 0.125_real64*level + 8192.0_real64*modulo(when, 7)
  end function truth

  subroutine step_double()
    real(real64), allocatable :: t(:, :), s(:), dt(:, :), ds(:), wide(:, :, :), got(:, :, :)
    integer :: i, l, levels, block
    levels = levels_of(axes)
    allocate (t(n, levels), s(n), source=1.0e300_real64)
    allocate (dt(n, levels), ds(n), source=-1.0_real64)
    do i = 1, n
      if (ids(i) < 0) cycle
      s(i) = truth(ids(i), 0, step)
      do l = 1, levels
        t(i, l) = truth(ids(i), l, step)
      end do
    end do
    select case (axes)
    case ("p")
      call put_in_parts(t(:, 1))
      call ekman_put(c, "s", s)
      call ekman_get(c, "dt", dt(:, 1))
      call ekman_get(c, "ds", ds)
    case ("pl")   ! strided: a section of a wider array
      allocate (wide(2*n, levels, 1), source=0.0_real64)
      wide(1:2*n:2, :, 1) = t
      call ekman_put(c, "s", s)
      call ekman_put(c, "t", wide(1:2*n:2, :, 1))
      call ekman_get(c, "ds", ds)
      call ekman_get(c, "dt", wide(2:2*n:2, :, 1))
      dt = wide(2:2*n:2, :, 1)
    case ("lp")
      wide = reshape(transpose(t), [levels, n, 1])
      got = reshape(transpose(dt), [levels, n, 1])
      call ekman_put(c, "t", wide(:, :, 1))
      call ekman_put(c, "s", s)
      call ekman_get(c, "dt", got(:, :, 1))
      call ekman_get(c, "ds", ds)
      dt = transpose(got(:, :, 1))
    case ("pp", "ppl")
      wide = reshape(t, [nx, ny, levels])
      got = reshape(dt, [nx, ny, levels])
      if (axes == "pp") then
        call ekman_put(c, "t", wide(:, :, 1))
      else
        call ekman_put(c, "t", wide)
      end if
      call ekman_put(c, "s", reshape(s, [nx, ny]))
      if (axes == "pp") then
        call ekman_get(c, "dt", got(:, :, 1))
      else
        call ekman_get(c, "dt", got)
      end if
      dt = reshape(got, [n, levels])
      call get_blocks(ds)
    case ("plp")
      allocate (wide(nx, levels, ny), got(nx, levels, ny))
      do block = 1, ny
        wide(:, :, block) = t((block - 1)*nx + 1:block*nx, :)
        got(:, :, block) = -1.0_real64
      end do
      call ekman_put(c, "t", wide)
      call ekman_put(c, "s", reshape(s, [nx, ny]))
      call ekman_get(c, "dt", got)
      do block = 1, ny
        dt((block - 1)*nx + 1:block*nx, :) = got(:, :, block)
      end do
      call get_blocks(ds)
    end select
    call judge(t, s, dt, ds)
  end subroutine step_double

  subroutine get_blocks(ds)
    real(real64), intent(inout) :: ds(:)
    real(real64) :: blocks(nx, ny)
    blocks = -1.0_real64
    call ekman_get(c, "ds", blocks)
    ds = reshape(blocks, [n])
  end subroutine get_blocks

  ! Unequal parts, the last one first.
  subroutine put_in_parts(values)
    real(real64), intent(in) :: values(:)
    integer :: cut
    cut = n/3
    call ekman_put(c, "t", values(cut + 1:), first=cut + 1)
    call ekman_put(c, "t", values(:cut), first=1_int64)
  end subroutine put_in_parts

  subroutine step_single()
    real(real32), allocatable :: t(:, :), s(:), dt(:, :), ds(:)
    integer :: i, l
    allocate (t(n, levels_of(axes)), s(n), source=0.0_real32)
    allocate (dt(n, levels_of(axes)), ds(n), source=-1.0_real32)
    do i = 1, n
      if (ids(i) < 0) cycle
      s(i) = real(truth(ids(i), 0, step), real32)
      do l = 1, size(t, 2)
        t(i, l) = real(truth(ids(i), l, step), real32)
      end do
    end do
    call ekman_put(c, "s", s)
    call ekman_put(c, "t", t)
    call ekman_get(c, "dt", dt)
    call ekman_get(c, "ds", ds)
    call judge(real(t, real64), real(s, real64), real(dt, real64), real(ds, real64))
  end subroutine step_single

  subroutine judge(t, s, dt, ds)
    real(real64), intent(in) :: t(:, :), s(:), dt(:, :), ds(:)
    integer :: i
    if (check_name == "write") then
      if (step == steps) call write_outputs(dt, ds)
      return
    end if
    do i = 1, n
      if (ids(i) < 0) then   ! no point: left alone
        failures = failures + count(dt(i, :) /= -1.0_real64) + merge(1, 0, ds(i) /= -1.0_real64)
      else
        failures = failures + count(dt(i, :) /= t(i, :)) + merge(1, 0, ds(i) /= s(i))
      end if
    end do
  end subroutine judge

  ! Every output of every point as hexadecimal bits, sorted by global id: equal files are equal bits.
  subroutine write_outputs(dt, ds)
    real(real64), intent(in) :: dt(:, :), ds(:)
    real(real64) :: all(0:total - 1, size(dt, 2) + 1)
    integer :: i, unit
    all = 0
    do i = 1, n
      if (ids(i) < 0) cycle
      all(ids(i), :size(dt, 2)) = dt(i, :)
      all(ids(i), size(dt, 2) + 1) = ds(i)
    end do
    call MPI_Allreduce(MPI_IN_PLACE, all, size(all), MPI_DOUBLE_PRECISION, MPI_SUM, comm)
    if (rank /= 0) return
    open (newunit=unit, file=output, action="write", status="replace")
    do i = 0, total - 1
      write (unit, "(i0, *(1x, z16.16))") i, all(i, :)
    end do
    close (unit)
  end subroutine write_outputs

end program exchange_model
