! A network of two arguments and two outputs, called from a loop over time steps: infer FOLDER, where save_networks.py wrote it.
program infer
  use ekman_tensor
  implicit none
  integer, parameter :: ncol = 6, nlev = 8
  real, target :: temperature(ncol, nlev), humidity(ncol, nlev)
  real :: heating(ncol, nlev), cloud(ncol, 1)
  type(network) :: closure
  type(tensor) :: t, q, outputs(2)
  character(len=200) :: folder
  integer :: step, column, level

  call get_command_argument(1, folder)
  do level = 1, nlev
    do column = 1, ncol
      temperature(column, level) = 210 + 10 * level + column
      humidity(column, level) = 0.001 * level
    end do
  end do

  closure = network(trim(folder) // "/closure.pt")
  ! These share the arrays: what the model writes to them is what the network sees.
  t = from_array(temperature, shared=.true.)
  q = from_array(humidity, shared=.true.)
  call begin_no_grad()
  do step = 1, 10
    call closure%forward_to([t, q], outputs)
    call to_array(outputs(1), heating)
    temperature = temperature + heating
  end do
  call end_no_grad()
  call to_array(outputs(2), cloud)

  print '(a, 8f9.3)', "temperature of column 1:", temperature(1, :)
  print '(a, 6f9.5)', "cloud:", cloud
end program infer
