! A call without stat= that fails: one line, and an error stop.
program stops
  use ekman_tensor
  implicit none
  type(tensor) :: a, b
  a = ones([2])
  b = ones([3])
  a = a + b
  print '(a)', "went on"
end program stops
