! Losses, optimizers and TorchScript networks for pytorch_nets_twin.py, which computes the same in PyTorch: losses FOLDER, where the
! networks are. Without an argument what losses refuse.
module valleys
  use, intrinsic :: iso_fortran_env, only: real64
  use ekman_tensor
  implicit none

contains

  ! Rosenbrock's valley.
  subroutine print_course(optim, a)
    type(optimizer), intent(in) :: optim
    type(tensor), intent(in) :: a
    type(tensor) :: first, second
    real(real64) :: found(2)
    integer :: i
    do i = 1, 20
      call optim%step(valley)
    end do
    call to_array(a, found)
    print '(*(es24.16))', found
  contains
    subroutine valley(loss)
      type(tensor), intent(inout) :: loss
      call optim%zero_grad()
      first = slice(a, 1, 1, 1)
      second = slice(a, 1, 2, 2)
      loss = sum((1 - first)**2 + 10 * (second - first**2)**2)
      call backward(loss)
    end subroutine valley
  end subroutine print_course

end module valleys

program losses
  use, intrinsic :: iso_fortran_env, only: int32, real32, real64
  use checks
  use ekman_tensor
  use valleys, only: print_course
  implicit none

  character(len=4), parameter :: reductions(3) = ["none", "mean", "sum "]
  character(len=200) :: folder
  integer :: i

  if (command_argument_count() == 0) then
    call refusals()
    call kinds()
    call check("nothing is left", ekman_tensor_count() == 0)
    call finish()
    stop
  end if
  call get_command_argument(1, folder)
  do i = 1, 3
    call print_losses(trim(reductions(i)))
  end do
  call print_optimizers()
  call print_networks(trim(folder))

contains

  ! The loss, and its gradient by the output.
  subroutine print_loss(loss, output)
    type(tensor), intent(in) :: loss, output
    type(tensor) :: mine, gradients
    real(real64), allocatable :: values(:)
    mine = loss
    call backward(sum(mine * mine))
    gradients = reshape(gradient(output), [size(output)])
    mine = concatenate([reshape(detach(mine), [size(mine)]), gradients], dim=1)
    allocate (values(size(mine)))
    call to_array(mine, values)
    print '(*(es24.16))', values
    call zero_grad(output)
  end subroutine print_loss

  subroutine print_losses(reduction)
    character(len=*), intent(in) :: reduction
    type(tensor) :: x, y, part, class
    x = random_normal([4, 3], seed=1, kind=tensor_real64, requires_grad=.true.)
    y = random_normal([4, 3], seed=2, kind=tensor_real64)
    part = random_uniform([4, 3], seed=3, kind=tensor_real64)
    class = from_array([2_int32, 0_int32, 1_int32, 2_int32])
    call print_loss(mse(x, y, reduction=reduction), x)
    call print_loss(l1(x, y, reduction=reduction), x)
    call print_loss(huber(x, y, reduction=reduction), x)
    call print_loss(huber(x, y, delta=0.5, reduction=reduction), x)
    call print_loss(cross_entropy(x, class, reduction=reduction), x)
    call print_loss(cross_entropy(x, class, label_smoothing=0.25, reduction=reduction), x)
    call print_loss(cross_entropy(x, part, reduction=reduction), x)
    call print_loss(bce_with_logits(x, part, reduction=reduction), x)
    call print_loss(nll(x, class, reduction=reduction), x)
  end subroutine print_losses

  function start() result(a)
    type(tensor) :: a
    a = from_array([-1.5_real64, 2.0_real64], requires_grad=.true.)
    call as_result(a)
  end function start

  subroutine print_optimizers()
    type(tensor) :: a
    type(optimizer) :: optim
    integer :: number
    do number = 1, 11
      a = start()
      select case (number)
      case (1)
        optim = sgd([a], lr=0.001_real64)
      case (2)
        optim = sgd([a], lr=0.001_real64, momentum=0.5, dampening=0.25, weight_decay=0.125)
      case (3)
        optim = sgd([a], lr=0.001_real64, momentum=0.5, nesterov=.true.)
      case (4)
        optim = adam([a], lr=0.25)
      case (5)
        optim = adam([a], lr=0.25, beta1=0.5, beta2=0.75, eps=0.125, weight_decay=0.25, amsgrad=.true.)
      case (6)
        optim = adamw([a], lr=0.25)
      case (7)
        optim = rmsprop([a], lr=0.0625)
      case (8)
        optim = rmsprop([a], lr=0.0625, alpha=0.75, eps=0.125, momentum=0.5, centered=.true.)
      case (9)
        optim = adagrad([a], lr=0.5, lr_decay=0.125, initial_accumulator=0.25)
      case (10)
        optim = lbfgs([a], lr=0.125, max_iter=1)
      case (11)
        optim = lbfgs([a], lr=1, max_iter=2, history_size=5, strong_wolfe=.true.)
      end select
      call print_course(optim, a)
    end do
  end subroutine print_optimizers

  subroutine print_values(a)
    type(tensor), intent(in) :: a
    type(tensor) :: mine
    real(real64), allocatable :: values(:)
    mine = a
    allocate (values(size(mine)))
    call to_array(reshape(mine, [size(mine)]), values)
    print '(*(es24.16))', values
  end subroutine print_values

  ! Two arguments and two outputs; then dropout, batch-norm and what they do in either mode.
  subroutine print_networks(folder)
    character(len=*), intent(in) :: folder
    type(network) :: net, again
    type(tensor) :: x, y(2), loss
    type(optimizer) :: optim
    integer :: i, stat
    character(len=300) :: errmsg
    x = random_normal([4, 3], seed=1, kind=tensor_real64)
    net = network(folder // "/two.pt")
    call net%forward_to([x, 2 * x], y)
    call print_values(y(1))
    call print_values(y(2))
    y(1) = net%forward([x, x], stat=stat, errmsg=errmsg)
    call check("two outputs for one are told", stat /= 0 .and. index(errmsg, "call forward_to with an array") > 0)
    net = network(folder // "/mean.pt")
    again = net
    do i = 1, 2
      call net%train()
      call print_values(net%forward(x))
      call net%eval()
      call print_values(net%forward(x))
    end do
    call print_values(again%forward(x))
    net = network(folder // "/view.pt")
    call print_values(net%forward(x))
    optim = adamw(net, lr=0.125)
    do i = 1, 3
      call optim%zero_grad()
      loss = mse(net%forward(x), zeros([4, 2], kind=tensor_real64))
      call backward(loss)
      call optim%step()
    end do
    call print_values(net%forward(x))
    call net%save(folder // "/learned.pt")
    again = network(folder // "/learned.pt")
    call print_values(again%forward(x))
    call net%to(kind=tensor_real32)
    call print_values(net%forward(to(x, kind=tensor_real32)))
  end subroutine print_networks

  subroutine refusals()
    type(tensor) :: x, y, c
    integer :: stat
    character(len=300) :: errmsg
    x = ones([2, 3])
    y = ones([3])
    c = mse(x, y, stat=stat, errmsg=errmsg)
    call check("a target of another shape is told", stat /= 0 .and. index(errmsg, "[2, 3], and the target [3]; give both") > 0)
    c = l1(x, x, reduction="average", stat=stat, errmsg=errmsg)
    call check("a wrong reduction is told", stat /= 0 .and. index(errmsg, 'reduction="average" is none; take "none"') > 0)
    c = huber(x, x, delta=-1, stat=stat, errmsg=errmsg)
    call check("a wrong delta is told", stat /= 0 .and. index(errmsg, "huber: LibTorch refuses: ") > 0)
  end subroutine refusals

  subroutine kinds()
    type(tensor) :: x, loss
    real(real32) :: found(2)
    x = full([2], 3.0, requires_grad=.true.)
    loss = mse(x, full([2], 1.0_real64))
    call check("kinds are the wider one's", kind(loss) == tensor_real64)
    call backward(loss)
    call get_gradient(x, found)
    call check("gradients go back through the kinds", all(found == 2))
  end subroutine kinds

end program losses
