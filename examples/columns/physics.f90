! The schemes, column by column, each as simple as a textbook has it: level 1 is the top, all layers have equal mass,
! the surface pressure is constant. Temperatures in K, specific humidities in kg kg-1, tendencies per second.
module physics
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none
  private
  public :: nlev, sigma, layer_mass, heat_capacity, latent_heat_of_vapour, pi, saturation_humidity, &
            sea_surface_temperature, solar_radiation, radiation, moist_adjustment, bulk_fluxes, mix_humidity

  integer, parameter :: nlev = 30
  integer :: k
  real(real64), parameter :: pi = acos(-1.0_real64)
  real(real64), parameter :: surface_pressure = 1.0e5_real64       ! Pa
  real(real64), parameter :: gravity = 9.81_real64                 ! m s-2
  real(real64), parameter :: heat_capacity = 1004.0_real64         ! of air at constant pressure, J kg-1 K-1
  real(real64), parameter :: gas_constant = 287.0_real64           ! of dry air, J kg-1 K-1
  real(real64), parameter :: weight_ratio = 0.622_real64           ! of vapour to dry air
  real(real64), parameter :: latent_heat_of_vapour = 2.5e6_real64  ! J kg-1
  real(real64), parameter :: layer_mass = surface_pressure / (gravity * nlev)         ! kg m-2
  real(real64), parameter :: sigma(nlev) = [((k - 0.5_real64) / nlev, k = 1, nlev)]   ! pressure / surface pressure

contains

  ! Bolton (1980), equation 10, over water at all temperatures.
  elemental real(real64) function saturation_humidity(temperature, level)
    real(real64), intent(in) :: temperature
    real(real64), intent(in) :: level   ! pressure / surface pressure
    real(real64) :: vapour_pressure

    vapour_pressure = 611.2_real64 * exp(17.67_real64 * (temperature - 273.15_real64) / (temperature - 29.65_real64))
    saturation_humidity = weight_ratio * vapour_pressure / (level * surface_pressure)
  end function

  ! The "control" sea of Neale and Hoskins (2000) with warm pools on it.
  elemental real(real64) function sea_surface_temperature(longitude, latitude, wave)
    real(real64), intent(in) :: longitude, latitude   ! radians
    integer, intent(in) :: wave                       ! number of warm pools around the globe

    sea_surface_temperature = 273.15_real64
    if (abs(latitude) < pi / 3) &
      sea_surface_temperature = 273.15_real64 + 27 * (1 - sin(1.5_real64 * latitude)**2) &
        + 3 * cos(wave * longitude) * cos(1.5_real64 * latitude)**2
  end function

  ! At the top of the atmosphere, W m-2, on a day of equinox.
  elemental real(real64) function solar_radiation(longitude, latitude, time)
    real(real64), intent(in) :: longitude, latitude   ! radians
    real(real64), intent(in) :: time                  ! s

    solar_radiation = 1360 * max(0.0_real64, cos(latitude) * cos(longitude + 2 * pi * time / 86400))
  end function

  ! A grey atmosphere: two longwave streams and their optical depth as in Frierson, Held and Zurita-Gotor (2006),
  ! sunlight absorbed on its way down as in O'Gorman and Schneider (2008).
  pure function radiation(temperature, surface_temperature, solar) result(heating)
    real(real64), intent(in) :: temperature(nlev), surface_temperature
    real(real64), intent(in) :: solar   ! W m-2, at the top
    real(real64) :: heating(nlev)       ! K s-1
    real(real64), parameter :: stefan_boltzmann = 5.67e-8_real64                         ! W m-2 K-4
    real(real64), parameter :: longwave_depth = 4.0_real64, linear_part = 0.1_real64     ! of the whole column
    real(real64), parameter :: solar_depth = 0.22_real64, albedo = 0.3_real64
    real(real64), dimension(0:nlev) :: face, depth, down, up, sun
    real(real64), dimension(nlev) :: emission, passed
    integer :: k

    face = [(real(k, real64) / nlev, k = 0, nlev)]
    depth = longwave_depth * (linear_part * face + (1 - linear_part) * face**4)
    passed = exp(depth(:nlev - 1) - depth(1:))
    emission = (1 - passed) * stefan_boltzmann * temperature**4
    down(0) = 0
    do k = 1, nlev
      down(k) = down(k - 1) * passed(k) + emission(k)
    end do
    up(nlev) = stefan_boltzmann * surface_temperature**4
    do k = nlev, 1, -1
      up(k - 1) = up(k) * passed(k) + emission(k)
    end do
    sun = (1 - albedo) * solar * exp(-solar_depth * face**2)
    heating = (down(:nlev - 1) - up(:nlev - 1) + sun(:nlev - 1) - down(1:) + up(1:) - sun(1:)) &
              / (heat_capacity * layer_mass)
  end function

  ! Manabe, Smagorinsky and Strickler (1965): where the column is steeper than the moist adiabat it is brought back to
  ! it, where it is supersaturated the surplus rains out; not at once but in two hours, as in Betts and Miller (1986).
  pure subroutine moist_adjustment(temperature, humidity, heating, moistening)
    real(real64), intent(in) :: temperature(nlev), humidity(nlev)
    real(real64), intent(out) :: heating(nlev), moistening(nlev)   ! K s-1, kg kg-1 s-1
    real(real64), parameter :: adjustment_time = 7200.0_real64     ! s
    integer, parameter :: num_sweeps = 4
    real(real64) :: t(nlev), saturation(nlev), rain(nlev), ratio, moved
    integer :: sweep, k

    t = temperature
    do sweep = 1, num_sweeps
      do k = nlev, 2, -1
        ratio = (sigma(k - 1) / sigma(k))**moist_slope(t(k), saturation_humidity(t(k), sigma(k)))
        moved = max(0.0_real64, (ratio * t(k) - t(k - 1)) / (1 + ratio))   ! keeps the sum: the masses are equal
        t(k) = t(k) - moved
        t(k - 1) = t(k - 1) + moved
      end do
    end do
    saturation = saturation_humidity(t, sigma)
    rain = max(0.0_real64, humidity - saturation) &
           / (1 + latent_heat_of_vapour / heat_capacity * saturation_slope(t, saturation))
    heating = (t - temperature + latent_heat_of_vapour / heat_capacity * rain) / adjustment_time
    moistening = -rain / adjustment_time
  end subroutine

  ! d(saturation humidity)/dT by Clausius and Clapeyron, K-1.
  elemental real(real64) function saturation_slope(temperature, saturation)
    real(real64), intent(in) :: temperature, saturation

    saturation_slope = weight_ratio * latent_heat_of_vapour * saturation / (gas_constant * temperature**2)
  end function

  ! d(ln T)/d(ln p) along a moist adiabat (Glossary of Meteorology, "moist-adiabatic lapse rate").
  elemental real(real64) function moist_slope(temperature, saturation)
    real(real64), intent(in) :: temperature, saturation

    moist_slope = (gas_constant + latent_heat_of_vapour * saturation / temperature) &
                  / (heat_capacity + latent_heat_of_vapour * saturation_slope(temperature, saturation))
  end function

  ! Bulk formulas with one wind for the globe as in Frierson et al. (2006), upward, W m-2.
  elemental subroutine bulk_fluxes(temperature_difference, humidity_difference, sensible_heat, latent_heat)
    real(real64), intent(in) :: temperature_difference, humidity_difference   ! sea (saturated) minus lowest layer
    real(real64), intent(out) :: sensible_heat, latent_heat
    real(real64), parameter :: exchange = 1.2_real64 * 1.5e-3_real64 * 8.0_real64   ! density, coefficient, wind

    sensible_heat = heat_capacity * exchange * temperature_difference
    latent_heat = latent_heat_of_vapour * exchange * humidity_difference
  end subroutine

  ! One step of eddies that mix humidity up from the lowest layer, ever less with height.
  pure subroutine mix_humidity(timestep, humidity)
    real(real64), intent(in) :: timestep   ! s
    real(real64), intent(inout) :: humidity(nlev)
    real(real64), parameter :: rate_at_surface = 1 / 14400.0_real64   ! s-1
    real(real64) :: moved(nlev - 1)

    moved = timestep * rate_at_surface * sigma(:nlev - 1)**3 * (humidity(2:) - humidity(:nlev - 1))
    humidity(:nlev - 1) = humidity(:nlev - 1) + moved
    humidity(2:) = humidity(2:) - moved
  end subroutine
end module
