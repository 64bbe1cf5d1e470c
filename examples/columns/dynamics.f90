! The first state, and the only process that looks at neighbours, for which the halos are there: a wind in solid-body
! rotation carries the columns around the globe (first-order upstream), eddies mix them between latitudes (diffusion on
! the sphere, as in North 1975).
module dynamics
  use, intrinsic :: iso_fortran_env, only: real64
  use grid, only: GridPart, exchange_halos
  use physics
  implicit none
  private
  public :: initial_state, carry_and_mix

  real(real64), parameter :: earth_radius = 6.371e6_real64     ! m
  real(real64), parameter :: wind_at_equator = 15.0_real64     ! m s-1
  real(real64), parameter :: eddy_diffusivity = 1.5e6_real64   ! m2 s-1

contains

  ! From the sea's temperature 6.5 K km-1 down to 200 K; relative humidity from 0.8 at the surface to 0 at the top.
  subroutine initial_state(part, wave, temperature, humidity)
    type(GridPart), intent(in) :: part
    integer, intent(in) :: wave
    real(real64), intent(out), dimension(0:, 0:, :) :: temperature, humidity
    real(real64), parameter :: slope = 0.19_real64   ! d(ln T)/d(ln p) of 6.5 K km-1
    integer :: i, j

    temperature = 0
    humidity = 0
    do j = 1, part%ny
      do i = 1, part%nx
        temperature(i, j, :) = max(200.0_real64, &
          sea_surface_temperature(part%longitude(i), part%latitude(j), wave) * sigma**slope)
        humidity(i, j, :) = 0.8_real64 * sigma * saturation_humidity(temperature(i, j, :), sigma)
      end do
    end do
  end subroutine

  ! Collective. One step of dX/dt = -omega dX/dlongitude + D/(a**2 cos) d/dlatitude(cos dX/dlatitude).
  subroutine carry_and_mix(part, timestep, field)
    type(GridPart), intent(in) :: part
    real(real64), intent(in) :: timestep   ! s
    real(real64), intent(inout) :: field(0:, 0:, :)
    real(real64) :: old(0:part%nx + 1, 0:part%ny + 1), courant, mixing, to_south, to_north
    integer :: j, level

    call exchange_halos(part, field)
    courant = wind_at_equator / earth_radius * timestep / part%spacing_longitude
    mixing = eddy_diffusivity * timestep / (earth_radius * part%spacing_latitude)**2
    do level = 1, size(field, 3)
      old = field(:, :, level)
      do j = 1, part%ny
        to_south = mixing * width_of_face(part, j - 1) / part%area(j)
        to_north = mixing * width_of_face(part, j) / part%area(j)
        associate(nx => part%nx)
          field(1:nx, j, level) = old(1:nx, j) - courant * (old(1:nx, j) - old(0:nx - 1, j)) &
            + to_south * (old(1:nx, j - 1) - old(1:nx, j)) + to_north * (old(1:nx, j + 1) - old(1:nx, j))
        end associate
      end do
    end do
  end subroutine

  ! cos(latitude) of the face north of row j; exactly 0 at the poles, which closes the wall.
  pure real(real64) function width_of_face(part, j)
    type(GridPart), intent(in) :: part
    integer, intent(in) :: j
    integer :: face

    face = part%first_latitude + j - 1   ! 0 at the South Pole
    width_of_face = 0
    if (face > 0 .and. face < part%num_latitudes) width_of_face = sin(face * part%spacing_latitude)
  end function
end module
