! A small column model: a wind carries temperature and humidity over the grid, two packages of physics act on columns.
! Its command line is described in setting.f90.
program columns
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use ekman
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
  type(ekman_coupler) :: coupler
  type(GridPart) :: part
  type(BlockedColumns) :: blocks
  type(ColumnChunk), allocatable :: chunks(:)
  type(Score) :: total
  real(real64), allocatable, dimension(:, :, :) :: temperature, humidity   ! K, kg kg-1; with halo
  integer :: provided, step, i

  call MPI_Init_thread(MPI_THREAD_MULTIPLE, provided)   ! threads get what comes from other nodes
  call ekman_init(coupler, "atmosphere", MPI_COMM_WORLD, comm)
  call read_setting(run)
  call make_grid(comm, run%num_longitudes, run%num_latitudes, part)
  allocate(temperature(0:part%nx + 1, 0:part%ny + 1, nlev), humidity(0:part%nx + 1, 0:part%ny + 1, nlev))
  call initial_state(part, run%wave, temperature, humidity)
  call make_blocks(part, run%nproma, blocks)
  call make_chunks(part, chunks)

  call ekman_def_points(coupler, blocks%ids, name="blocks")
  call ekman_def_field(coupler, "temperature", "K", nlev, "plp", "blocks")
  call ekman_def_field(coupler, "humidity", "kg kg-1", nlev, "plp", "blocks")
  call ekman_def_field(coupler, "surface_temperature", "K", axes="pp", points="blocks")
  call ekman_def_field(coupler, "solar", "W m-2", axes="pp", points="blocks")
  call ekman_def_field(coupler, "heating", "K s-1", nlev, "plp", "blocks")
  call ekman_def_field(coupler, "moistening", "kg kg-1 s-1", nlev, "plp", "blocks")
  call ekman_def_points(coupler, [(chunks(i)%ids, i = 1, size(chunks))], name="chunks")
  call ekman_def_field(coupler, "temperature_difference", "K", points="chunks")
  call ekman_def_field(coupler, "humidity_difference", "kg kg-1", points="chunks")
  call ekman_def_field(coupler, "latent_heat", "W m-2", points="chunks")
  call ekman_enddef(coupler)

  do step = 1, run%num_steps
    call carry_and_mix(part, run%timestep, temperature)
    call carry_and_mix(part, run%timestep, humidity)

    call fill_blocks(part, run%wave, step * run%timestep, temperature, humidity, blocks)
    call run_blocks(blocks)
    call ekman_put(coupler, "temperature", blocks%temperature)
    call ekman_put(coupler, "humidity", blocks%humidity)
    call ekman_put(coupler, "surface_temperature", blocks%surface_temperature)
    call ekman_put(coupler, "solar", blocks%solar)
    call ekman_get(coupler, "heating", blocks%heating)
    call ekman_get(coupler, "moistening", blocks%moistening)
    call apply_blocks(part, blocks, run%timestep, temperature, humidity)

    !$omp parallel do
    do i = 1, size(chunks)
      call run_chunk(part, run%wave, temperature, humidity, chunks(i))
      call ekman_put(coupler, "temperature_difference", chunks(i)%temperature_difference, first=chunks(i)%first)
      call ekman_put(coupler, "humidity_difference", chunks(i)%humidity_difference, first=chunks(i)%first)
    end do
    !$omp end parallel do
    !$omp parallel do
    do i = 1, size(chunks)
      call ekman_get(coupler, "latent_heat", chunks(i)%latent_heat_beside, first=chunks(i)%first)
      call apply_chunk(chunks(i), run%timestep, temperature, humidity)
    end do
    !$omp end parallel do

    call add_to_score(blocks, chunks, total)
    call write_pairs(run, part, step, blocks)
    call ekman_advance(coupler)
  end do

  call print_report(run, part, temperature, humidity, blocks, chunks, total)
  call ekman_finalize(coupler)
  call MPI_Finalize()
end program
