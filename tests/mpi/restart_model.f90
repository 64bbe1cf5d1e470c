! Makes steps up to a last one from where the coupler stands, and writes every value that it gets, as bits, under its global
! id: so that runs can be compared which were cut, or made on other numbers of ranks. Inputs are functions of step and id, by
! arithmetic that has the same bits in every loop, as sine and cosine have not.
!
! restart_model LAST FILE MISTAKE NETWORKS COMPONENT
!   LAST     last step
!   FILE     of the values; each rank appends its number
!   NETWORKS how many of the list below the plan has; all: and the guarded one
!   MISTAKE  none; cuts: writes the restart set "before-N" before every step N; again: the set "again" each time; or a mistake, to
!            see how the job ends
program restart_model
  use, intrinsic :: iso_fortran_env, only: real32, real64, int64
  use, intrinsic :: ieee_arithmetic, only: ieee_value, ieee_quiet_nan
  use mpi_f08
  use ekman
  implicit none
  integer, parameter :: points = 47, nlev = 3
  character(10), parameter :: nets(5) = [character(10) :: "none", "accumulate", "average", "minimum", "maximum"]
  type(ekman_coupler) :: c
  type(MPI_Comm) :: comm
  character(256) :: argument, file, mistake, component
  integer :: rank, ranks, holders, n, i, l, step, first, last, unit, net, num_nets, levels
  logical :: guarded
  integer, allocatable :: ids(:)
  real(real32), allocatable :: a(:, :), a_back(:, :)
  real(real64), allocatable :: b(:, :), b_back(:, :), d(:), d_back(:)

  call get_command_argument(1, argument)
  read (argument, *) last
  call get_command_argument(2, file)
  call get_command_argument(3, mistake)
  call get_command_argument(4, argument)
  num_nets = size(nets)
  if (argument /= "all") read (argument, *) num_nets
  guarded = argument == "all"
  call MPI_Init()
  call get_command_argument(5, component)
  call ekman_init(c, trim(component), MPI_COMM_WORLD, comm)
  call MPI_Comm_rank(comm, rank)
  call MPI_Comm_size(comm, ranks)
  ! The fourth rank, if there is one, has no point; the first slot of every rank is none.
  holders = min(ranks, 3)
  n = 1 + merge(count([(modulo(i, holders) == rank, i=1, points)]), 0, rank < holders)
  allocate (ids(n), a(n, nlev), a_back(n, nlev), b(nlev, n), b_back(nlev, n), d(n), d_back(n))
  ids(1) = -1
  ids(2:) = pack([(5*i, i=points, 1, -1)], [(modulo(i, holders) == rank, i=points, 1, -1)])
  if (mistake == "ids" .and. n > 1) ids(n) = ids(n) + 1
  levels = merge(nlev - 1, nlev, mistake == "levels")
  call ekman_def_points(c, ids)
  call ekman_def_field(c, "a", levels=levels)
  call ekman_def_field(c, "b", levels=nlev, axes="lp")
  call ekman_def_field(c, "d")
  call ekman_def_field(c, "d_other")
  call ekman_def_field(c, "d_back")
  call ekman_def_field(c, "d_alone")
  do net = 1, num_nets
    call ekman_def_field(c, trim(nets(net))//"_a", levels=levels)
    call ekman_def_field(c, trim(nets(net))//"_b", levels=nlev, axes="lp")
  end do
  if (mistake == "step") then
    call ekman_enddef(c, step=7_int64)
  else
    call ekman_enddef(c)
  end if
  call ekman_get_step(c, first)
  if (mistake == "label") call ekman_write_restart(c, "../elsewhere")
  write (argument, "(a, a, i0)") trim(file), ".", rank
  open (newunit=unit, file=trim(argument), action="write", status="replace")
  do step = first, last
    call put_all()
    if (mistake == "amid" .and. step == 2) call ekman_write_restart(c, "amid")
    do net = 1, num_nets
      call get_a(trim(nets(net))//"_a")
      call get_b(trim(nets(net))//"_b")
    end do
    if (guarded) call get_d("d_back")
    if (guarded) call get_d("d_alone")
    call ekman_advance(c)
    if (mistake == "cuts") call cut()
    if (mistake == "again") call ekman_write_restart(c, "again")
    if (mistake == "alone" .and. step == 3 .and. rank == 1) call cut()
  end do
  close (unit)
  call ekman_finalize(c)
  deallocate (ids, a, a_back, b, b_back, d, d_back)   ! or the leak check of the asan preset sees them
  call MPI_Finalize()

contains

  subroutine cut()
    character(32) :: label
    integer(int64) :: next
    call ekman_get_step(c, next)
    write (label, "(a, i0)") "before-", next
    call ekman_write_restart(c, label)
  end subroutine cut

  subroutine put_all()
    do l = 1, nlev
      a(:, l) = [(real(modulo(7919*ids(i)*step + 131*l, 10007), real32)/10007, i=1, n)]
      b(l, :) = [(real(modulo(6101*ids(i)*step + 977*l, 10009), real64)/10009, i=1, n)]
    end do
    d = [(real(modulo(ids(i), 4) + step, real64), i=1, n)]
    where (modulo(ids, 3) == modulo(step, 3)) d = ieee_value(d(1), ieee_quiet_nan)
    call ekman_put(c, "a", a(:, :levels))
    call ekman_put(c, "b", b)
    call ekman_put(c, "d", d)
    call ekman_put(c, "d_other", [(1000.0_real64*step + ids(i), i=1, n)])
  end subroutine put_all

  subroutine get_a(field)
    character(*), intent(in) :: field
    integer :: info
    a_back = -9
    call ekman_get(c, field, a_back(:, :levels), info=info)
    write (unit, "(i0, 1x, a, i0)") step, field//" info ", info
    do i = 2, n
      write (unit, "(i0, 1x, a, 1x, i0, *(1x, z8.8))") step, field, ids(i), a_back(i, :)
    end do
  end subroutine get_a

  subroutine get_b(field)
    character(*), intent(in) :: field
    integer :: info
    b_back = -9
    call ekman_get(c, field, b_back, info=info)
    write (unit, "(i0, 1x, a, i0)") step, field//" info ", info
    do i = 2, n
      write (unit, "(i0, 1x, a, 1x, i0, *(1x, z16.16))") step, field, ids(i), b_back(:, i)
    end do
  end subroutine get_b

  ! Points that the guard gives up: replaced by d_other of this step, or left alone.
  subroutine get_d(field)
    character(*), intent(in) :: field
    logical :: fell
    integer :: info
    d_back = -9
    call ekman_get(c, field, d_back, info=info)
    fell = any(d_back(2:) == -9)
    if (field == "d_back") fell = any(d_back(2:) >= 1000)
    if (info /= EKMAN_NONE .and. (fell .neqv. info == EKMAN_FALLBACK)) call ekman_abort("the info of "//field//" is wrong")
    do i = 2, n
      write (unit, "(i0, 1x, a, 1x, i0, 1x, z16.16)") step, field, ids(i), d_back(i)
    end do
  end subroutine get_d

end program restart_model
