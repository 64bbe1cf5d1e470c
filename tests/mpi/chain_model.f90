! Two networks on one component, the second fed in the same step with what the first gave back, on a named
! point set, put from OpenMP threads. Writes outputs by global id as bits.
!
! chain_model COMPONENT OUTPUT
program chain_model
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use mpi
  use ekman
  implicit none
  integer, parameter :: total = 150, block = 8
  type(ekman_coupler) :: c
  character(64) :: component
  character(256) :: output
  integer :: comm, rank, ranks, ierror, provided, n, i, step, unit, last
  integer(int64), allocatable :: ids(:)
  real(real64), allocatable :: a(:), b(:), d(:)
  real(real64) :: all(2, 0:total - 1)

  call get_command_argument(1, component)
  call get_command_argument(2, output)
  call MPI_Init_thread(MPI_THREAD_FUNNELED, provided, ierror)
  call ekman_init(c, trim(component), MPI_COMM_WORLD, comm)
  call MPI_Comm_rank(comm, rank, ierror)
  call MPI_Comm_size(comm, ranks, ierror)
  ids = [(int(i, int64), i=rank, total - 1, ranks)]
  n = size(ids)
  allocate (a(n), b(n), d(n))
  call ekman_def_points(c, ids, name="columns")
  call ekman_def_field(c, "a", points="columns")
  call ekman_def_field(c, "b", points="columns")
  call ekman_def_field(c, "d", points="columns")
  call ekman_enddef(c)
  do step = 1, 5
    a = sin(real(ids, real64)*0.1_real64 + step)
    ! Columns in chunks of unequal size, from an OpenMP loop, as CAM calls them.
    !$omp parallel do private(last) schedule(dynamic)
    do i = 1, n, block
      last = min(n, i + block - 1)
      call ekman_put(c, "a", a(i:last), first=i)
    end do
    !$omp end parallel do
    call ekman_get(c, "b", b)
    call ekman_put(c, "b", b)
    call ekman_get(c, "d", d)
    call ekman_advance(c)
  end do
  all = 0
  all(1, ids) = b
  all(2, ids) = d
  call MPI_Allreduce(MPI_IN_PLACE, all, size(all), MPI_DOUBLE_PRECISION, MPI_SUM, comm, ierror)
  if (rank == 0) then
    open (newunit=unit, file=output, action="write", status="replace")
    write (unit, "(2(z16.16, 1x))") all
    close (unit)
  end if
  call ekman_finalize(c)
  deallocate (ids, a, b, d)   ! or the leak check of the asan preset sees them
  call MPI_Finalize(ierror)
end program chain_model
