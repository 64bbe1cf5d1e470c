! A small column model: a wind carries temperature and humidity over the grid, two packages of physics act on columns.
! Its command line is described in setting.f90.
program columns
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use column_blocks
  use column_chunks
  use dynamics
  use grid
  use pairs
  use physics, only: nlev
  use report
  use setting
  implicit none
  type(RunSetting) :: run
  type(MPI_Comm) :: comm
  type(GridPart) :: part
  type(BlockedColumns) :: blocks
  type(ColumnChunk), allocatable :: chunks(:)
  type(Score) :: total
  real(real64), allocatable, dimension(:, :, :) :: temperature, humidity   ! K, kg kg-1; with halo
  integer :: provided, step, i

  call MPI_Init_thread(MPI_THREAD_FUNNELED, provided)
  comm = MPI_COMM_WORLD
  call read_setting(run)
  call make_grid(comm, run%num_longitudes, run%num_latitudes, part)
  allocate(temperature(0:part%nx + 1, 0:part%ny + 1, nlev), humidity(0:part%nx + 1, 0:part%ny + 1, nlev))
  call initial_state(part, run%wave, temperature, humidity)
  call make_blocks(part, run%nproma, blocks)
  call make_chunks(part, chunks)

  do step = 1, run%num_steps
    call carry_and_mix(part, run%timestep, temperature)
    call carry_and_mix(part, run%timestep, humidity)

    call fill_blocks(part, run%wave, step * run%timestep, temperature, humidity, blocks)
    call run_blocks(blocks)
    call apply_blocks(part, blocks, run%timestep, temperature, humidity)

    !$omp parallel do
    do i = 1, size(chunks)
      call run_chunk(part, run%wave, temperature, humidity, chunks(i))
    end do
    !$omp end parallel do
    !$omp parallel do
    do i = 1, size(chunks)
      call apply_chunk(chunks(i), run%timestep, temperature, humidity)
    end do
    !$omp end parallel do

    call add_to_score(blocks, chunks, total)
    call write_pairs(run, part, step, blocks)
  end do

  call print_report(run, part, temperature, humidity, blocks, chunks, total)
  call MPI_Finalize()
end program
