! What the programs share: the choices of darcy.nml, what Ekman is told of the aquifer, errors and progress lines.
module experiment
  use, intrinsic :: iso_fortran_env, only: real64, output_unit
  use mpi_f08
  use ekman
  use grid
  use random_field
  use pressure
  implicit none
  private
  public :: Setting, Aquifer, read_setting, argument, start_aquifer, draw, put_inputs, relative_error, &
            report_progress, open_output, held_out

  ! Samples from here on are never learned from.
  integer, parameter :: held_out = 1000000

  type Setting
    integer :: size = 32, seed = 1, num_waves = 64, batch = 10
    integer :: num_samples = 8000, num_held_out = 200
    type(Solver) :: solver
  end type

  ! A batch of fields on this rank's block: (x, y, field).
  type Aquifer
    type(Setting) :: p
    type(Block) :: b
    type(Waves) :: w
    type(ekman_coupler) :: coupler
    real(real64), allocatable :: k(:, :, :), x(:, :, :), y(:, :, :)
  end type

contains

  function read_setting(path) result(p)
    character(*), intent(in) :: path
    type(Setting) :: p
    integer :: size, seed, num_waves, batch, max_iterations, num_samples, num_held_out, unit, status
    real(real64) :: tolerance
    character(200) :: why
    namelist /problem/ size, seed, num_waves, batch
    namelist /iteration/ tolerance, max_iterations
    namelist /course/ num_samples, num_held_out

    open(newunit=unit, file=path, status="old", action="read", iostat=status)
    if (status /= 0) call stop_all("cannot open the namelist file " // path)
    size = p%size; seed = p%seed; num_waves = p%num_waves; batch = p%batch
    tolerance = p%solver%tolerance; max_iterations = p%solver%max_iterations
    num_samples = p%num_samples; num_held_out = p%num_held_out
    read(unit, nml=problem, iostat=status, iomsg=why)
    if (status == 0) rewind(unit)
    if (status == 0) read(unit, nml=iteration, iostat=status, iomsg=why)
    if (status == 0) rewind(unit)
    if (status == 0) read(unit, nml=course, iostat=status, iomsg=why)
    if (status /= 0) call stop_all(path // ": " // trim(why))
    close(unit)
    p = Setting(size, seed, num_waves, batch, num_samples, num_held_out, Solver(tolerance, max_iterations))
    if (size < 2) call stop_all(path // ": size must be at least 2")
    if (num_waves < 2) call stop_all(path // ": num_waves must be at least 2; one alone is constant")
    if (batch < 1) call stop_all(path // ": batch must be at least 1")
    if (min(num_samples, num_held_out) < batch .or. any(modulo([num_samples, num_held_out], batch) /= 0)) &
      call stop_all(path // ": num_samples and num_held_out must be multiples of batch, the fields of one step")
    if (num_samples >= held_out) &
      call stop_all(path // ": num_samples must be less than 1000000, where held-out samples begin")
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

  ! Collective, with the ML ranks. `fields` besides permeability, x and y. A point is a cell of one field of the batch,
  ! and a field is what the network sees as one sample: ids count x fastest, then y, then the fields.
  subroutine start_aquifer(a, fields)
    type(Aquifer), intent(out) :: a
    character(*), intent(in) :: fields(:)
    type(MPI_Comm) :: comm
    integer, allocatable :: ids(:, :, :)
    integer :: i, j, f

    call ekman_init(a%coupler, "aquifer", MPI_COMM_WORLD, comm)
    a%p = read_setting(argument(1, "the namelist file"))
    a%b = start_block(a%p%size, comm)
    a%w = start_waves(a%b, a%p%num_waves)
    allocate(a%k(a%b%nx, a%b%ny, a%p%batch))
    allocate(a%x, a%y, mold=a%k)
    allocate(ids(a%b%nx, a%b%ny, a%p%batch))
    do f = 1, a%p%batch
      do j = 1, a%b%ny
        do i = 1, a%b%nx
          a%x(i, j, f) = (a%b%first(1) + i - 1.5_real64) * a%b%h
          a%y(i, j, f) = (a%b%first(2) + j - 1.5_real64) * a%b%h
          ids(i, j, f) = a%b%first(1) + i - 1 + a%b%n * (a%b%first(2) + j - 2 + a%b%n * (f - 1))
        end do
      end do
    end do
    call ekman_def_points(a%coupler, reshape(ids, [size(ids)]))
    call ekman_def_field(a%coupler, "permeability", units="1", levels=1, axes="ppp")
    call ekman_def_field(a%coupler, "x", units="1", levels=1, axes="ppp")
    call ekman_def_field(a%coupler, "y", units="1", levels=1, axes="ppp")
    do i = 1, size(fields)
      call ekman_def_field(a%coupler, trim(fields(i)), units="1", levels=1, axes="ppp")
    end do
    call ekman_enddef(a%coupler)
  end subroutine

  ! New permeabilities: those of the samples first, first + 1 ...
  subroutine draw(a, first)
    type(Aquifer), intent(inout) :: a
    integer, intent(in) :: first
    integer :: f

    do f = 1, a%p%batch
      call permeability(a%w, a%p%seed, first + f - 1, a%k(:, :, f))
    end do
  end subroutine

  ! The network does not know where a point is, so it is told.
  subroutine put_inputs(a)
    type(Aquifer), intent(in) :: a

    call ekman_put(a%coupler, "permeability", a%k)
    call ekman_put(a%coupler, "x", a%x)
    call ekman_put(a%coupler, "y", a%y)
  end subroutine

  ! Collective. ||found - truth|| / ||truth||, in L2.
  function relative_error(b, found, truth) result(error)
    type(Block), intent(in) :: b
    real(real64), intent(in) :: found(:, :), truth(:, :)
    real(real64) :: error, sums(2)

    sums = sum_over_ranks(b, [sum((found - truth)**2), sum(truth**2)])
    error = sqrt(sums(1) / sums(2))
  end function

  ! On rank 0 a new text file with a first line, elsewhere a unit that nobody writes to.
  function open_output(comm, path, first_line) result(unit)
    type(MPI_Comm), intent(in) :: comm
    character(*), intent(in) :: path, first_line
    integer :: unit, rank, status

    unit = -1
    call MPI_Comm_rank(comm, rank)
    if (rank /= 0) return
    open(newunit=unit, file=path, status="replace", action="write", iostat=status)
    if (status /= 0) call stop_all("cannot write " // path)
    write(unit, "(a)") first_line
  end function

  ! Rank 0 says how far it is, forty times in a run.
  subroutine report_progress(comm, done, total)
    type(MPI_Comm), intent(in) :: comm
    integer, intent(in) :: done, total
    integer :: rank

    if (modulo(done, max(1, total / 40)) /= 0) return
    call MPI_Comm_rank(comm, rank)
    if (rank /= 0) return
    write(output_unit, "(a, f6.3)") "progress ", real(done) / total
    flush(output_unit)
  end subroutine
end module
