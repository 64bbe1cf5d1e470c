! The five steps of FTorch's page on online training, in Ekman's words, and its example of an optimizer.
module snippet_operators
  ! 1. Single operators are imported; assignment comes with the type.
  use ekman_tensor, only: tensor, operator(+), operator(-), operator(*), operator(/), operator(**)
  implicit none
contains
  subroutine combine(a, b, q)
    type(tensor), intent(in) :: a, b
    type(tensor), intent(inout) :: q
    q = (a + b) * (a - b) / b ** 2
  end subroutine combine
end module snippet_operators

program snippets
  use checks
  use ekman_tensor
  use snippet_operators, only: combine
  implicit none
  real, target :: in_data1(2) = [2.0, 3.0], in_data2(2) = [6.0, 4.0]
  real :: values(2), dqda(2), dqdb(2), dpda(2), dpdb(2)
  call snippets_of_the_page()
  call optimizer_beside_theirs()
  call check("nothing is left", ekman_tensor_count() == 0 .and. ekman_object_count() == 0)
  call finish()

contains

  subroutine snippets_of_the_page()
    type(tensor) :: a, b, p, q

    a = from_array(in_data1, requires_grad=.true.)
    b = from_array(in_data2, requires_grad=.true.)
    call combine(a, b, q)
    call to_array(q, values)
    call check("1: imported operators compute", all(abs(values - (in_data1**2 - in_data2**2) / in_data2**2) < 1.0e-6))

    ! 2. A scalar is a scalar, on either side and of any kind.
    q = 3.0 * (a**3 - b * b / 3)
    call to_array(q, values)
    call check("2: scalars need no tensor", all(values == 3 * (in_data1**3 - in_data2**2 / 3)))

    ! 3. Backward of an array means ones.
    call backward(q)
    ! 4. Gradients come into arrays, as they are now.
    call get_gradient(a, dqda)
    call get_gradient(b, dqdb)
    call check("3 and 4: gradients are 9 a**2 and -2 b", all(dqda == 9 * in_data1**2) .and. all(dqdb == -2 * in_data2))

    ! 5. Gradients add up until they are zeroed; a graph that is kept is gone through again.
    call zero_grad(a)
    call zero_grad(b)
    q = a * b
    p = a + b
    call backward(q)
    call get_gradient(a, dqda)
    call get_gradient(b, dqdb)
    call zero_grad(a)
    call zero_grad(b)
    call backward(p, retain_graph=.true.)
    call get_gradient(a, dpda)
    call get_gradient(b, dpdb)
    call check("5: gradients of one and of the other", all(dqda == in_data2) .and. all(dqdb == in_data1) .and. &
      all(dpda == 1) .and. all(dpdb == 1))
    call backward(p)
    call get_gradient(a, dpda)
    call check("5: without zero_grad they add up", all(dpda == 2))
  end subroutine snippets_of_the_page

  ! A tensor of ones becomes 1, 2, 3, 4; each step takes half of what is left.
  subroutine optimizer_beside_theirs()
    type(tensor) :: scaling, input, target, loss
    type(optimizer) :: optim
    real :: found(4), value
    integer :: i
    input = ones([4])
    target = from_array([1.0, 2.0, 3.0, 4.0])
    scaling = ones([4], requires_grad=.true.)
    optim = sgd([scaling], lr=1.0)
    do i = 0, 15
      call optim%zero_grad()
      loss = mse(input * scaling, target)
      call backward(loss)
      call optim%step()
      value = loss
      call check("the loss is a quarter of the last one", value == 3.5 * 0.25**i)
    end do
    call to_array(scaling, found)
    call check("the tensor is what it was to become", all(abs(found - [1.0, 2.0, 3.0, 4.0]) < 1.0e-3))
  end subroutine optimizer_beside_theirs

end program snippets
