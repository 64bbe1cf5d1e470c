! A linear layer learns to move each of five numbers one place on: train FOLDER LOSSES. The problem is that of FTorch's training
! example. The network comes from a TorchScript file in FOLDER, and goes to learned.pt there; LOSSES gets the loss of each step.
program train
  use ekman_tensor
  implicit none
  integer, parameter :: n = 5, steps = 10000
  real :: x(n), value, answer(n)
  type(network) :: net
  type(optimizer) :: optim
  type(tensor) :: input, target, loss
  character(len=200) :: folder, losses
  integer :: step, file

  call get_command_argument(1, folder)
  call get_command_argument(2, losses)
  net = network(trim(folder) // "/linear.pt")
  call net%train()
  optim = sgd(net, lr=0.05d0)
  open (newunit=file, file=trim(losses), action="write", status="replace")
  do step = 1, steps
    input = random_uniform([n], seed=step)   ! what PyTorch draws
    call to_array(input, x)
    target = from_array(cshift(x, -1))
    call optim%zero_grad()
    loss = mse(net%forward(input), target)
    call backward(loss)
    call optim%step()
    value = loss
    write (file, '(es16.9)') value
  end do
  close (file)
  call net%save(trim(folder) // "/learned.pt")

  call net%eval()
  call to_array(net%forward(from_array([1.0, 2.0, 3.0, 4.0, 5.0])), answer)
  print '(a, 5f8.4)', "1 2 3 4 5 becomes", answer
end program train
