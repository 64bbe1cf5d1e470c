! One operator alone may be imported, and the type without any: assignment comes with the type.
program single_import
  use checks
  use ekman_tensor, only: tensor, ones, operator(+), to_array, ekman_tensor_count
  implicit none

  call adds()
  call check("nothing is left", ekman_tensor_count() == 0)
  call finish()

contains

  subroutine adds()
    type(tensor) :: a, d
    real :: found(2)
    a = ones([2])
    d = 1 + a + a
    d = d
    call to_array(d, found)
    call check("one operator alone adds", all(found == 3))
    call check("and leaves two tensors", ekman_tensor_count() == 2)
  end subroutine adds

end program single_import
