! Optimizers: a run that is cut and goes on, what they hold, and what they refuse.
module lesson
  use, intrinsic :: iso_fortran_env, only: real64
  use ekman_tensor
  implicit none

contains

  subroutine learn(net, optim, first, last)
    type(network), intent(in) :: net
    type(optimizer), intent(in) :: optim
    integer, intent(in) :: first, last
    type(tensor) :: x
    integer :: i
    do i = first, last
      x = random_normal([8, 3], seed=i, kind=tensor_real64)
      call optim%step(closure)
    end do
  contains
    subroutine closure(loss)
      type(tensor), intent(inout) :: loss
      call optim%zero_grad()
      loss = mse(net%forward(x), sin(slice(x, 2, 1, 2)))
      call backward(loss)
    end subroutine closure
  end subroutine learn

end module lesson

program optimizers
  use, intrinsic :: iso_fortran_env, only: int64, real32, real64
  use checks
  use ekman_tensor
  use lesson, only: learn
  implicit none

  character(len=*), parameter :: kinds(*) = [character(len=12) :: "sgd", "sgd momentum", "adam", "adamw", "rmsprop", "adagrad", &
    "lbfgs", "lbfgs wolfe"]
  integer :: which

  do which = 1, size(kinds)
    call a_cut_run_goes_on(trim(kinds(which)))
  end do
  call variables_are_what_is_changed()
  call arrays_are_changed_in_place()
  call frozen_parameters_stay()
  call rates_are_read_and_set()
  call numbers_are_of_any_kind()
  call wrong_uses_are_told()
  call check("nothing is left", ekman_tensor_count() == 0 .and. ekman_object_count() == 0)
  call finish()

contains

  function optimizer_of(name, net) result(optim)
    character(len=*), intent(in) :: name
    type(network), intent(in) :: net
    type(optimizer) :: optim
    select case (name)
    case ("sgd")
      optim = sgd(net, lr=0.1)
    case ("sgd momentum")
      optim = sgd(net, lr=0.1, momentum=0.9, nesterov=.true.)
    case ("adam")
      optim = adam(net, lr=0.01, amsgrad=.true.)
    case ("adamw")
      optim = adamw(net, lr=0.01)
    case ("rmsprop")
      optim = rmsprop(net, lr=0.01, momentum=0.5, centered=.true.)
    case ("adagrad")
      optim = adagrad(net, lr=0.1, lr_decay=0.1)
    case ("lbfgs")
      optim = lbfgs(net, lr=0.5, max_iter=2)
    case ("lbfgs wolfe")
      optim = lbfgs(net, lr=1.0, max_iter=3, strong_wolfe=.true.)
    end select
    call as_result(optim)
  end function optimizer_of

  subroutine a_cut_run_goes_on(name)
    character(len=*), intent(in) :: name
    type(network) :: net, again
    type(optimizer) :: optim, other
    type(tensor) :: start, found, expected
    real(real64) :: bits(4, 3), more(4, 3)
    net = network("{builtin: mlp, hidden: [4], activation: tanh, seed: 3}", inputs=3, outputs=2, kind=tensor_real64)
    start = detach(net%parameter("0.weight"))
    optim = optimizer_of(name, net)
    call learn(net, optim, 1, 5)
    call optim%set_learning_rate(0.5_real64 * optim%learning_rate())
    call net%save("cut.safetensors")
    call optim%save("cut.state")
    call learn(net, optim, 6, 9)
    again = network("cut.safetensors")
    other = optimizer_of(name, again)
    call other%load("cut.state")
    call check(name // " has its rate from the file", other%learning_rate() == optim%learning_rate())
    call learn(again, other, 6, 9)
    expected = net%parameter("0.weight")
    found = again%parameter("0.weight")
    call to_array(expected, bits)
    call to_array(found, more)
    call check(name // " has learned", all(bits == bits))
    call check(name // " that was cut and goes on has the same bits", all(transfer(bits, [0_int64]) == transfer(more, [0_int64])))
    call to_array(start, more)
    call check(name // " has moved", any(bits /= more))
  end subroutine a_cut_run_goes_on

  subroutine variables_are_what_is_changed()
    type(tensor) :: a, b, before, loss
    type(optimizer) :: optim
    real(real64) :: found(2)
    a = full([2], 1.0_real64, requires_grad=.true.)
    b = full([2], 2.0_real64, requires_grad=.true.)
    optim = sgd([a, b], lr=0.5)
    before = a
    loss = sum(a * b)
    call backward(loss)
    call optim%step()
    call to_array(a, found)
    call check("a variable in the list is changed", all(found == 0))
    call to_array(b, found)
    call check("so are the others", all(found == 1.5))
    call to_array(before, found)
    call check("a copy of it is not", all(found == 1))
    call optim%zero_grad()
    call get_gradient(a, found)
    call check("zero_grad leaves zeros", all(found == 0))
    call check("a constructor of variables leaves no more tensors", ekman_tensor_count() == 4)
  end subroutine variables_are_what_is_changed

  subroutine arrays_are_changed_in_place()
    real(real32), target :: x(3)
    type(tensor) :: a, loss
    type(optimizer) :: optim
    x = [1, 2, 3]
    a = from_array(x, shared=.true., requires_grad=.true.)
    optim = sgd([a], lr=1)
    loss = sum(a * a)
    call backward(loss)
    call optim%step()
    call check("a shared array has the new values", all(x == [-1, -2, -3]))
  end subroutine arrays_are_changed_in_place

  subroutine frozen_parameters_stay()
    type(network) :: net
    type(optimizer) :: optim
    real(real64) :: before(4), after(4)
    net = network("{builtin: mlp, hidden: [4], activation: tanh, seed: 3}", inputs=3, outputs=2, kind=tensor_real64)
    call set_requires_grad(net%parameter("0.bias"), .false.)
    call to_array(net%parameter("0.bias"), before)
    optim = adam(net, lr=0.1)
    call learn(net, optim, 1, 2)
    call to_array(net%parameter("0.bias"), after)
    call check("a parameter without requires_grad is not changed", all(before == after))
  end subroutine frozen_parameters_stay

  subroutine rates_are_read_and_set()
    type(tensor) :: a, loss
    type(optimizer) :: optim
    integer :: stat
    character(len=300) :: errmsg
    real(real64) :: found
    a = full([integer ::], 1.0_real64, requires_grad=.true.)
    optim = sgd([a], lr=0.25_real64)
    call check("a rate is read", optim%learning_rate() == 0.25_real64)
    call optim%set_learning_rate(2)
    call check("a rate is set", optim%learning_rate() == 2)
    loss = a * 1
    call backward(loss)
    call optim%step()
    found = a
    call check("a rate that was set is used", found == -1)
    call optim%set_learning_rate(-1.0, stat=stat, errmsg=errmsg)
    call check("a wrong rate is told", stat /= 0 .and. index(errmsg, "lr is -1; it must be greater than 0") > 0)
  end subroutine rates_are_read_and_set

  subroutine numbers_are_of_any_kind()
    type(tensor) :: a
    type(optimizer) :: optim
    integer :: stat
    character(len=300) :: errmsg
    a = ones([2], requires_grad=.true.)
    optim = sgd([a], lr=1_int64, momentum=0.5_real32, dampening=0)
    call check("numbers of any kind are taken", optim%learning_rate() == 1)
    optim = sgd([a], lr="much", stat=stat, errmsg=errmsg)
    call check("what is no number is told", stat /= 0 .and. index(errmsg, "lr is nan; it must be") > 0)
  end subroutine numbers_are_of_any_kind

  subroutine no_loss(loss)
    type(tensor), intent(inout) :: loss
    call delete(loss)
  end subroutine no_loss

  subroutine wrong_uses_are_told()
    type(tensor) :: a, b
    type(optimizer) :: optim, none
    type(tensor) :: empty_list(0)
    integer :: stat
    character(len=400) :: errmsg
    a = ones([2], requires_grad=.true.)
    optim = sgd([a + a], lr=1, stat=stat, errmsg=errmsg)
    call check("an expression is told", stat /= 0 .and. index(errmsg, "assign it to a variable") > 0)
    b = a + a
    optim = sgd([b], lr=1, stat=stat, errmsg=errmsg)
    call check("a computed tensor is told", stat /= 0 .and. index(errmsg, "computed from others") > 0)
    b = ones([2])
    optim = sgd([b], lr=1, stat=stat, errmsg=errmsg)
    call check("a tensor without gradients is told", stat /= 0 .and. index(errmsg, "requires_grad=.true.") > 0)
    optim = adam(empty_list, lr=1, stat=stat, errmsg=errmsg)
    call check("no tensor at all is told", stat /= 0 .and. index(errmsg, "one at least") > 0)
    call none%step(stat=stat, errmsg=errmsg)
    call check("an optimizer without value is told", stat /= 0 .and. index(errmsg, "the optimizer was never given a value") > 0)
    optim = lbfgs([a], lr=1)
    call optim%step(stat=stat, errmsg=errmsg)
    call check("lbfgs without a closure is told", stat /= 0 .and. index(errmsg, "step(closure)") > 0)
    call optim%step(no_loss, stat=stat, errmsg=errmsg)
    call check("a closure without loss is told", stat /= 0 .and. index(errmsg, "assign the loss to it") > 0)
    call optim%save("lbfgs.state")
    optim = adam([a], lr=1)
    call optim%load("lbfgs.state", stat=stat, errmsg=errmsg)
    call check("another kind of optimizer is told", stat /= 0 .and. &
      index(errmsg, "is the state of lbfgs [2], and this optimizer is adam [2]; ") > 0)
    call optim%load("nothere.state", stat=stat, errmsg=errmsg)
    call check("a missing state is told", stat /= 0 .and. index(errmsg, "nothere.state") > 0)
    optim = adam([a], lr=1, beta1=1.0, stat=stat, errmsg=errmsg)
    call check("a wrong option is told", stat /= 0 .and. index(errmsg, "one of betas is 1; both must be") > 0)
  end subroutine wrong_uses_are_told

end program optimizers
