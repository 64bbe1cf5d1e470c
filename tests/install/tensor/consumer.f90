! Tensors without a coupler: one gradient.
program consumer
  use ekman_tensor
  implicit none
  type(tensor) :: a
  real :: gradient_of_square(3)

  a = from_array([1.0, 2.0, 3.0], requires_grad=.true.)
  call backward(sum(a**2))
  call get_gradient(a, gradient_of_square)
  if (all(gradient_of_square == [2, 4, 6])) print '(a)', "gradient is right"
end program consumer
