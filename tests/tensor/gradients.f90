! Gradients against finite differences in real64, and the rules of backward. With the argument `print` losses and gradients, for
! pytorch_twin.py.
program gradients
  use, intrinsic :: iso_fortran_env, only: real32, real64
  use checks
  use ekman_tensor
  implicit none

  integer, parameter :: cases = 31
  integer :: number

  if (command_argument_count() > 0) then
    do number = 1, cases
      call print_case(number)
    end do
    stop
  end if
  do number = 1, cases
    call compare_with_differences(number)
  end do
  call rules()
  call regions()
  call many_kinds()
  call check("nothing is left", ekman_tensor_count() == 0)
  call finish()

contains

  ! A scalar function of the elements of `x`, all of them positive, and of `y`.
  function loss_of(number, x, y) result(loss)
    integer, intent(in) :: number
    type(tensor), intent(in) :: x, y
    type(tensor) :: loss
    select case (number)
    case (1)
      loss = sum((x + y) * y)
    case (2)
      loss = sum((y - x) * x)
    case (3)
      loss = sum(x * y)
    case (4)
      loss = sum(y / x)
    case (5)
      loss = sum(x / y)
    case (6)
      loss = sum(x**y)
    case (7)
      loss = sum(y**x)
    case (8)
      loss = sum(x**3)
    case (9)
      loss = sum(x**2.5_real64)
    case (10)
      loss = sum(1.5_real32**x)
    case (11)
      loss = sum(2 / x - 3 * x + x * 0.5)
    case (12)
      loss = sum(-x * y)
    case (13)
      loss = sum(abs(x - y) * y)
    case (14)
      loss = sum(exp(x))
    case (15)
      loss = sum(log(x))
    case (16)
      loss = sum(sqrt(x))
    case (17)
      loss = sum(sin(x) * y)
    case (18)
      loss = sum(cos(x) * y)
    case (19)
      loss = sum(tanh(x) * y)
    case (20)
      loss = sum(sigmoid(x) * y)
    case (21)
      loss = sum(relu(x - y) * y)
    case (22)
      loss = mean(x * x)
    case (23)
      loss = sum(mean(x * x, dim=2) * slice(reshape(y, [3, 4]), 2, 1, 1))
    case (24)
      loss = maxval(x * y)
    case (25)
      loss = sum(minval(x * y, dim=1) ** 2)
    case (26)
      loss = sum(matmul(transpose(x), y) * matmul(transpose(y), x))
    case (27)
      loss = dot_product(reshape(x, [12]), reshape(y, [12]) * reshape(x * x, [12]))
    case (28)
      loss = sum(concatenate([x, y * x], dim=2) ** 2)
    case (29)
      loss = sum(slice(x, 2, 1, 4, 2) * slice(y, 2, 2, 4, 2) * slice(x, 2, 3, 4))
    case (30)
      loss = sum(to(to(x, kind=tensor_real64), device="cpu") ** 2)
    case (31)
      loss = sum(maxval(x * y, dim=2) * slice(reshape(x, [12]), 1, 2, 4))
    end select
    call as_result(loss)
  end function loss_of

  ! `x` has the values of an array of 3 x 4.
  real(real64) function value_of(number, x, y)
    integer, intent(in) :: number
    real(real64), intent(in) :: x(3, 4), y(3, 4)
    type(tensor) :: a, b
    a = from_array(x)
    b = from_array(y)
    value_of = loss_of(number, a, b)
  end function value_of

  subroutine print_case(number)
    integer, intent(in) :: number
    real(real64) :: found(3, 4), value
    type(tensor) :: x, y, loss
    x = random_uniform([3, 4], seed=1, kind=tensor_real64) + 0.5
    call set_requires_grad(x)
    y = random_uniform([3, 4], seed=2, kind=tensor_real64) + 0.5
    loss = loss_of(number, x, y)
    value = loss
    call backward(loss)
    call get_gradient(x, found)
    print '(i0, 13(1x, es24.16e3))', number, value, found
  end subroutine print_case

  subroutine compare_with_differences(number)
    integer, intent(in) :: number
    real(real64), parameter :: step = 1e-5_real64
    real(real64) :: x(3, 4), y(3, 4), moved(3, 4), found(3, 4), expected
    type(tensor) :: a, b
    character(len=60) :: claim
    logical :: all_close
    integer :: i, j
    call to_array(random_uniform([3, 4], seed=1, kind=tensor_real64) + 0.5, x)
    call to_array(random_uniform([3, 4], seed=2, kind=tensor_real64) + 0.5, y)
    a = from_array(x, requires_grad=.true.)
    b = from_array(y)
    call backward(loss_of(number, a, b))
    call get_gradient(a, found)
    all_close = .true.
    do j = 1, 4
      do i = 1, 3
        moved = x
        moved(i, j) = x(i, j) + step
        expected = value_of(number, moved, y)
        moved(i, j) = x(i, j) - step
        expected = (expected - value_of(number, moved, y)) / (2 * step)
        all_close = all_close .and. close_to(found(i, j), expected, 1e-7_real64)
      end do
    end do
    write (claim, '(a, i0, a)') "gradient of case ", number, " is that of differences"
    call check(trim(claim), all_close)
  end subroutine compare_with_differences

  subroutine rules()
    type(tensor) :: a, b, q, seed
    real(real64) :: x(3), found(3)
    integer :: stat
    character(len=300) :: errmsg
    x = [1, 2, 3]
    a = from_array(x, requires_grad=.true.)
    call get_gradient(a, found, stat, errmsg)
    call check("no gradient before backward", stat /= 0 .and. index(errmsg, "there is no gradient; ") > 0)
    q = a * a
    call backward(q, retain_graph=.true.)
    call get_gradient(a, found)
    call check("backward of an array means ones", all(found == 2 * x))
    call backward(q)
    call get_gradient(a, found)
    call check("gradients add up", all(found == 4 * x))
    call backward(q, stat=stat, errmsg=errmsg)
    call check("a second backward is refused", stat /= 0 .and. index(errmsg, "give that one retain_graph=.true.") > 0)
    call get_gradient(a, found)
    call check("and adds nothing", all(found == 4 * x))
    q = a + a
    call backward(q)
    call backward(q, stat=stat, errmsg=errmsg)
    call check("a second backward of a sum is refused too", stat /= 0 .and. index(errmsg, "retain_graph") > 0)
    b = exp(a)
    q = b * b
    call backward(q)
    q = b + b
    call backward(q, stat=stat, errmsg=errmsg)
    call check("so is one through a part that was freed", stat /= 0 .and. index(errmsg, "retain_graph") > 0)
    call zero_grad(a)
    call get_gradient(a, found)
    call check("zero_grad makes it zero", all(found == 0))
    seed = from_array([1.0, 10.0, 100.0])
    q = a * a
    call backward(q, gradient=seed)
    call get_gradient(a, found)
    call check("gradient= is what backward begins with", all(found == 2 * x * [1, 10, 100]))
    seed = gradient(a)
    call zero_grad(a)
    call to_array(seed, found)
    call check("a gradient that was fetched stays", all(found == 2 * x * [1, 10, 100]))
    q = a * a
    call backward(q, gradient=ones([2]), stat=stat, errmsg=errmsg)
    call check("gradient= of a wrong shape is refused", stat /= 0 .and. index(errmsg, "gradient= has the shape [2]") > 0)
    call get_gradient(q, found, stat, errmsg)
    call check("gradients of what is computed are refused", stat /= 0 .and. index(errmsg, "is computed from others") > 0)
    call backward(seed, stat=stat, errmsg=errmsg)
    call check("backward without requires_grad is refused", &
      stat /= 0 .and. index(errmsg, "depends on none that requires gradients") > 0)
    call zero_grad(a)
    b = a
    call backward(b * a)
    call get_gradient(a, found)
    call check("gradients go through an assignment", all(found == 2 * x))
    call zero_grad(a)
    call backward(detach(a) * a)
    call get_gradient(a, found)
    call check("and not through detach", all(found == x))
    call check("detach requires none", .not. requires_grad(detach(a)))
  end subroutine rules

  subroutine regions()
    type(tensor) :: a, q
    integer :: stat
    character(len=300) :: errmsg
    a = ones([2], requires_grad=.true.)
    call begin_no_grad()
    q = a * 2
    call check("no graph in a region", .not. requires_grad(q))
    call begin_no_grad()
    call end_no_grad()
    q = a * 2
    call check("the end of an inner region does not end the outer", .not. requires_grad(q))
    call end_no_grad()
    q = a * 2
    call check("a graph behind a region", requires_grad(q))
    call end_no_grad(stat, errmsg)
    call check("an end without a beginning is refused", stat /= 0 .and. index(errmsg, "no begin_no_grad") > 0)
  end subroutine regions

  subroutine many_kinds()
    type(tensor) :: a, b
    real(real64) :: found(2)
    a = from_array([3.0_real32, 4.0_real32], requires_grad=.true.)
    b = to(a, kind=tensor_real64)
    call backward(sum(b**2))
    call get_gradient(a, found)
    call check("gradients go through conversions, into arrays of another kind", all(found == [6, 8]))
    call check("and keep the tensor's kind", kind(gradient(a)) == tensor_real32)
  end subroutine many_kinds

end program gradients
