! Networks in the process: what is made, read, changed and kept, and what lives of it.
program networks
  use, intrinsic :: iso_fortran_env, only: real32, real64
  use checks
  use ekman_tensor
  implicit none

  character(len=*), parameter :: mlp = "{builtin: mlp, hidden: [4], activation: tanh, seed: 3}"

  call forward_is_by_hand()
  call parameters_are_the_network()
  call assignment_copies()
  call files_come_back()
  call gradients_go_through()
  call wrong_descriptions_are_told()
  call wrong_uses_are_told()
  call results_of_functions_live()
  call check("nothing is left", ekman_tensor_count() == 0 .and. ekman_object_count() == 0)
  call finish()

contains

  real(real64) function distance(a, b)
    type(tensor), intent(in) :: a, b
    distance = maxval(abs(a - b))
  end function distance

  subroutine forward_is_by_hand()
    type(network) :: net
    type(tensor) :: x, y, hidden
    net = network(mlp, inputs=3, outputs=2, kind=tensor_real64)
    x = random_normal([5, 3], seed=1, kind=tensor_real64)
    y = net%forward(x)
    call check("a row is a sample", all(shape(y) == [5, 2]))
    hidden = tanh(matmul(x, transpose(net%parameter("0.weight"))) + net%parameter("0.bias"))
    hidden = matmul(hidden, transpose(net%parameter("2.weight"))) + net%parameter("2.bias")
    call check("forward is that of the layers", distance(y, hidden) < 1e-14_real64)
    y = net%forward([x])
    call check("one input may be an array of one", distance(y, hidden) < 1e-14_real64)
    net = network(mlp, inputs=3, outputs=2)
    call check("real32 is what there is unasked", kind(net%parameter("0.weight")) == tensor_real32)
    call net%to(kind=tensor_real64)
    call check("to converts all parameters", kind(net%parameter("2.bias")) == tensor_real64)
    call check("a network that was replaced is freed", ekman_object_count() == 1)
  end subroutine forward_is_by_hand

  subroutine parameters_are_the_network()
    type(network) :: net
    type(tensor) :: weight, copy, x, before, after
    character(len=20) :: names(4)
    real :: found(4, 3)
    net = network(mlp, inputs=3, outputs=2)
    names = net%parameter_names()
    call check("parameters have the names of Python", names(1) == "0.weight" .and. names(4) == "2.bias")
    x = ones([1, 3])
    before = net%forward(x)
    weight = net%parameter("0.weight")
    copy = weight
    call net%set_parameter("0.weight", 2 * weight)
    call check("a parameter is the network's own", distance(weight, 2 * copy) == 0)
    after = net%forward(x)
    call check("what is set is used", distance(before, after) > 0)
    call to_array(weight, found)
    call check("a parameter comes into an array", all(shape(found) == shape(weight)) .and. any(found /= 0))
    call delete(net)
    call delete(net)
    call check("a network may be deleted twice", ekman_object_count() == 0)
    call check("a parameter outlives its network", distance(weight, 2 * copy) == 0)
  end subroutine parameters_are_the_network

  subroutine assignment_copies()
    type(network) :: one, two
    type(tensor) :: x, y
    one = network(mlp, inputs=3, outputs=2, kind=tensor_real64)
    call set_requires_grad(one%parameter("0.bias"), .false.)
    two = one
    x = random_normal([2, 3], seed=1, kind=tensor_real64)
    y = one%forward(x)
    call check("a copy has the values", distance(y, two%forward(x)) == 0)
    call check("a copy knows what is frozen", .not. requires_grad(two%parameter("0.bias")) .and. &
      requires_grad(two%parameter("2.bias")))
    call one%set_parameter("0.bias", ones([4], kind=tensor_real64))
    call check("a copy is a network of its own", distance(y, two%forward(x)) == 0)
    two = two
    call check("a network may be assigned to itself", distance(y, two%forward(x)) == 0 .and. ekman_object_count() == 2)
  end subroutine assignment_copies

  subroutine files_come_back()
    type(network) :: one, two
    type(tensor) :: x
    one = network("{builtin: resmlp, width: 8, blocks: 1, activation: relu, seed: 5}", inputs=3, outputs=2, kind=tensor_real64)
    x = random_normal([2, 3], seed=1, kind=tensor_real64)
    call one%save("resmlp.safetensors")
    two = network("resmlp.safetensors")
    call check("a file gives the network again", distance(one%forward(x), two%forward(x)) == 0)
    two = network("{checkpoint: resmlp.safetensors}", kind=tensor_real32)
    call check("its kind may be another", kind(two%parameter("first.bias")) == tensor_real32)
    one = network("{builtin: unet, width: 4, depth: 1, activation: relu, padding: {y: zero, x: periodic}}", inputs=2, outputs=1, &
      grid=[8, 8])
    x = one%forward(ones([3, 2, 8, 8]))
    call check("a network of a grid is made", all(shape(x) == [3, 1, 8, 8]))
  end subroutine files_come_back

  subroutine gradients_go_through()
    type(network) :: net
    type(tensor) :: x, loss
    real(real64) :: by_x(1, 3), by_bias(2)
    net = network(mlp, inputs=3, outputs=2, kind=tensor_real64)
    x = ones([1, 3], kind=tensor_real64, requires_grad=.true.)
    loss = sum(net%forward(x))
    call backward(loss)
    call get_gradient(x, by_x)
    call get_gradient(net%parameter("2.bias"), by_bias)
    call check("gradients reach inputs and parameters", any(by_x /= 0) .and. all(by_bias == 1))
  end subroutine gradients_go_through

  subroutine wrong_descriptions_are_told()
    type(network) :: net
    integer :: stat
    character(len=600) :: errmsg
    net = network("{builtin: mlp, hiden: [4]}", inputs=3, outputs=2, stat=stat, errmsg=errmsg)
    call check("a wrong key is told", stat /= 0 .and. index(errmsg, 'did you mean "hidden"') > 0)
    net = network(mlp, stat=stat, errmsg=errmsg)
    call check("missing lengths are told", stat /= 0 .and. index(errmsg, "say how many values of a point go in") > 0)
    net = network("nothere.pt", stat=stat, errmsg=errmsg)
    call check("a missing file is told", stat /= 0 .and. index(errmsg, "nothere.pt does not exist; check its name") > 0)
    net = network("nothere.safetensors", stat=stat, errmsg=errmsg)
    call check("a missing checkpoint is told", stat /= 0 .and. index(errmsg, "nothere.safetensors") > 0)
    net = network("", stat=stat, errmsg=errmsg)
    call check("an empty description is told", stat /= 0 .and. index(errmsg, "name a file") > 0)
    net = network("{echo: true}", stat=stat, errmsg=errmsg)
    call check("what is no network is told", stat /= 0)
    net = network("{builtin: unet, width: 4, depth: 1}", inputs=2, outputs=1, stat=stat, errmsg=errmsg)
    call check("a missing grid is told", stat /= 0 .and. index(errmsg, "grid") > 0)
    call check("failures leave nothing", ekman_object_count() == 0)
  end subroutine wrong_descriptions_are_told

  subroutine wrong_uses_are_told()
    type(network) :: net, none
    type(tensor) :: x, y, two(2)
    integer :: stat
    character(len=300) :: errmsg
    net = network(mlp, inputs=3, outputs=2)
    x = ones([1, 3])
    y = none%forward(x, stat=stat, errmsg=errmsg)
    call check("a network without value is told", stat /= 0 .and. index(errmsg, "the network was never given a value; ") > 0)
    y = net%forward([x, x], stat=stat, errmsg=errmsg)
    call check("too many inputs are told", stat /= 0 .and. index(errmsg, "2 inputs to a network that takes one") > 0)
    call net%forward_to([x], two, stat=stat, errmsg=errmsg)
    call check("a wrong number of outputs is told", stat /= 0 .and. index(errmsg, "returns 1 tensors, and 2 are asked for") > 0)
    y = net%forward(ones([1, 4]), stat=stat, errmsg=errmsg)
    call check("a wrong shape is told", stat /= 0 .and. index(errmsg, "forward: LibTorch refuses") > 0)
    y = net%parameter("0.wight", stat=stat, errmsg=errmsg)
    call check("a wrong name is told", stat /= 0 .and. index(errmsg, 'did you mean "0.weight"') > 0)
    call net%set_parameter("0.bias", x, stat=stat, errmsg=errmsg)
    call check("a parameter of another shape is told", stat /= 0 .and. index(errmsg, "[4], and the tensor [1, 3]") > 0)
    call net%save("nowhere/net.safetensors", stat=stat, errmsg=errmsg)
    call check("a folder that is not there is told", stat /= 0 .and. index(errmsg, "nowhere") > 0)
  end subroutine wrong_uses_are_told

  function made() result(net)
    type(network) :: net
    net = network(mlp, inputs=3, outputs=2)
    call as_result(net)
  end function made

  subroutine results_of_functions_live()
    type(network) :: net
    type(tensor) :: y
    net = made()
    y = net%forward(ones([1, 3]))
    call check("a function may return a network", size(y) == 2 .and. ekman_object_count() == 1)
  end subroutine results_of_functions_live

end program networks
