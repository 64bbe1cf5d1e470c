! A component that writes what its network gave, for comparison with other runs: columns of 5 levels and a surface field,
! known functions of (global id, level, step).
!
! exchange_model IDS STEPS OUTPUT
!   IDS     blocks (in order, uneven) | cyclic
!   OUTPUT  file of the last step's outputs as hexadecimal bits, sorted by global id: equal files are equal bits
program exchange_model
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use ekman
  use job_of_points, only: ids_of
  implicit none
  integer, parameter :: nlev = 5, total = 203
  type(ekman_coupler) :: c
  type(MPI_Comm) :: comm
  character(32) :: numbering, text
  character(256) :: output
  integer :: rank, ranks, i, l, steps, step
  integer, allocatable :: ids(:)
  real(real64), allocatable :: t(:, :), s(:), dt(:, :), ds(:)

  call get_command_argument(1, numbering)
  call get_command_argument(2, text)
  read (text, *) steps
  call get_command_argument(3, output)
  call MPI_Init()
  call ekman_init(c, "atmosphere", MPI_COMM_WORLD, comm)
  call MPI_Comm_rank(comm, rank)
  call MPI_Comm_size(comm, ranks)
  ids = ids_of(numbering, total, rank, ranks)
  allocate (t(size(ids), nlev), s(size(ids)), dt(size(ids), nlev), ds(size(ids)))
  call ekman_def_points(c, ids)
  call ekman_def_field(c, "t", units="K", levels=nlev)
  call ekman_def_field(c, "s")
  call ekman_def_field(c, "dt", units="K s-1", levels=nlev)
  call ekman_def_field(c, "ds")
  call ekman_enddef(c)
  do step = 1, steps
    s = truth(ids, 0)
    do l = 1, nlev
      t(:, l) = truth(ids, l)
    end do
    call ekman_put(c, "s", s)
    call ekman_put(c, "t", t)
    call ekman_get(c, "dt", dt)
    call ekman_get(c, "ds", ds)
    call ekman_advance(c)
  end do
  call write_outputs()
  call ekman_finalize(c)
  deallocate (ids, t, s, dt, ds)   ! or the leak check of the asan preset sees them
  call MPI_Finalize()

contains

  elemental real(real64) function truth(id, level)
    integer, intent(in) :: id, level
    truth = id + 0.125_real64*level + 8192.0_real64*step
  end function truth

  subroutine write_outputs()
    real(real64) :: all(0:total - 1, nlev + 1)
    integer :: unit
    all = 0
    all(ids, :nlev) = dt
    all(ids, nlev + 1) = ds
    call MPI_Allreduce(MPI_IN_PLACE, all, size(all), MPI_DOUBLE_PRECISION, MPI_SUM, comm)
    if (rank /= 0) return
    open (newunit=unit, file=output, action="write", status="replace")
    do i = 0, total - 1
      write (unit, "(i0, *(1x, z16.16))") i, all(i, :)
    end do
    close (unit)
  end subroutine write_outputs

end program exchange_model
