! Components that share MPI_COMM_WORLD with others: a handshake of several groups, ranks that take no part, and two
! components, one with integer communicators, each with two sets of points and a network on each set.
!
! groups_model ROLE
!   ROLE  several: member of the groups "ekman" and "io", through ekman_handshake and ekman_init_comm
!         alone:   the component "ocean", through ekman_init with communicators of the module mpi
!         io:      member of "io" only
!         none:    takes no part
module groups
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use ekman
  implicit none

contains

  ! Two sets whose ids overlap; what is put on one must come back on the same. Returns the number of wrong values.
  integer function run(c, rank) result(failures)
    type(ekman_coupler), intent(inout) :: c
    integer, intent(in) :: rank
    integer, parameter :: n = 12, m = 5
    integer :: i, step
    real(real64) :: air(n), land(m), air_back(n), land_back(m)
    call ekman_def_points(c, [(10 + rank*n + i, i=1, n)], name="air")
    call ekman_def_points(c, [(10_int64 + rank*m + i, i=1, m)], name="land")
    call ekman_def_field(c, "air", points="air")
    call ekman_def_field(c, "air_back", points="air")
    call ekman_def_field(c, "land", points="land")
    call ekman_def_field(c, "land_back", points="land")
    call ekman_enddef(c)
    failures = 0
    do step = 1, 3
      air = [(1000*step + rank*n + i, i=1, n)]
      land = -[(1000*step + rank*m + i, i=1, m)]
      call ekman_put(c, "land", land)
      call ekman_put(c, "air", air)
      call ekman_get(c, "land_back", land_back)
      call ekman_get(c, "air_back", air_back)
      failures = failures + count(air_back /= air) + count(land_back /= land)
      call ekman_advance(c)
    end do
    call ekman_finalize(c)
  end function run

  subroutine several()
    use mpi_f08
    type(ekman_coupler) :: c
    type(MPI_Comm) :: comms(2), local
    integer :: rank, ranks, io_ranks, failures
    call ekman_handshake(MPI_COMM_WORLD, ["ekman", "io   "], comms)
    call ekman_init_comm(c, "atmosphere", comms(1), local)
    call MPI_Comm_rank(local, rank)
    call MPI_Comm_size(local, ranks)
    call MPI_Comm_size(comms(2), io_ranks)
    failures = run(c, rank)
    if (io_ranks /= ranks + 2) failures = failures + 1   ! and one io rank, and one of the foreign program
    if (failures == 0 .and. rank == 0) print "(a)", "atmosphere is right"
    if (failures /= 0) call ekman_abort("atmosphere got wrong values")
  end subroutine several

  subroutine alone()
    use mpi
    type(ekman_coupler) :: c
    integer :: local, rank, ierror
    call ekman_init(c, "ocean", MPI_COMM_WORLD, local)
    call MPI_Comm_rank(local, rank, ierror)
    if (run(c, rank) /= 0) call ekman_abort("ocean got wrong values")
    if (rank == 0) print "(a)", "ocean is right"
  end subroutine alone

  subroutine io()
    use mpi
    integer :: comms(1), ranks, ierror
    call ekman_handshake(MPI_COMM_WORLD, ["io"], comms)
    call MPI_Comm_size(comms(1), ranks, ierror)
    if (ranks == 4) print "(a)", "io is right"
  end subroutine io

end module groups

program groups_model
  use groups
  use mpi_f08, only: MPI_Init, MPI_Finalize, MPI_COMM_WORLD
  implicit none
  character(32) :: role

  call get_command_argument(1, role)
  call MPI_Init()
  select case (role)
  case ("several")
    call several()
  case ("alone")
    call alone()
  case ("io")
    call io()
  case ("none")
    call ekman_init_dummy(MPI_COMM_WORLD)
  end select
  call MPI_Finalize()
end program groups_model
