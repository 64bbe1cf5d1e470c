! The rules of tensors of a coupler, as claims; or one mistake, named on the command line, to see how the job ends.
program tensor_misuse
  use, intrinsic :: iso_fortran_env, only: int64, real32, real64
  use mpi_f08
  use ekman
  use ekman_tensor
  use checks
  implicit none
  type(ekman_coupler) :: c, none
  type(MPI_Comm) :: comm
  type(tensor) :: t, s, dt, ds, q, loss
  character(32) :: mistake
  character(600) :: errmsg
  integer :: me, i, stat
  real(real32) :: found(10, 5)

  call get_command_argument(1, mistake)
  call ekman_put_tensor(none, "t", ones([10]), stat, errmsg)
  call check("no coupler is told", stat /= 0 .and. index(errmsg, "is not initialised; call ekman_init first") > 0)
  call MPI_Init()
  call ekman_init(c, "atmosphere", MPI_COMM_WORLD, comm)
  call MPI_Comm_rank(comm, me)
  call ekman_def_points(c, [(10*me + i, i=1, 10)])
  call ekman_def_field(c, "t", levels=5)
  call ekman_def_field(c, "s")
  call ekman_def_field(c, "dt", levels=5)
  call ekman_def_field(c, "ds")
  call ekman_def_field(c, "p")
  call ekman_def_field(c, "q", axes="pp")
  if (mistake == "early") call ekman_put_tensor(c, "t", ones([10, 5]))
  call ekman_enddef(c)
  t = random_normal([10, 5], seed=me)
  call set_requires_grad(t)
  s = random_normal([10], seed=me + 10)
  select case (mistake)
  case ("none")
    call many_claims()
    call finish()
  case ("mixing")   ! each output is its input and the sum of all inputs
    call exchange()
    call ekman_advance(c)
    loss = zeros([integer ::])
    if (me == 0) loss = sum(dt)
    call backward(loss)
    call get_gradient(t, found)
    call check("gradients come to a rank whose loss is a constant", all(abs(found - merge(11, 10, me == 0)) < 1e-5))
    call ekman_finalize(c)
    call finish()
  case ("name")
    call ekman_put_tensor(c, "temperature", t)
  case ("late_backward")
    call exchange()
    if (me == 0) call backward(sum(dt))
    call MPI_Barrier(comm)
  case ("late_sum")
    call exchange()
    if (me == 0) loss = global_sum(c, sum(dt))
    call MPI_Barrier(comm)
  end select
  call MPI_Finalize()

contains

  ! Does not end the step.
  subroutine exchange()
    call ekman_put_tensor(c, "t", t)
    call ekman_put_tensor(c, "s", s)
    call ekman_get_tensor(c, "dt", dt)
    call ekman_get_tensor(c, "ds", ds)
    call begin_no_grad()
    call ekman_put_tensor(c, "p", s)
    call end_no_grad()
  end subroutine exchange

  logical function refused(words)
    character(*), intent(in) :: words
    refused = stat /= 0 .and. index(errmsg, words) > 0
    if (.not. refused) print '(a, i0, 2a)', "stat ", stat, ": ", trim(errmsg)
  end function refused

  subroutine many_claims()
    call one_exchange()
    call many_exchanges()
    call sums()
    ! The tape is not empty at the end.
    call exchange()
    loss = sum(dt)
    call ekman_advance(c)
    call ekman_finalize(c)
    call backward(loss, stat=stat, errmsg=errmsg)
    call check("backward after finalize is refused", refused("call backward before ekman_finalize"))
    dt = ds
    call backward(sum(t))
    call check("and what needs no coupler goes on", .true.)
  end subroutine many_claims

  subroutine one_exchange()
    call ekman_put_tensor(c, "p", t, stat, errmsg)
    call check("a gradient that nobody would send is refused", refused('no network that keeps a tape has field "p"'))
    call ekman_put_tensor(c, "t", to(t, kind=tensor_int8), stat, errmsg)
    call check("int8 does not travel", refused("does not travel"))
    call exchange()
    call check("outputs require gradients", requires_grad(dt) .and. requires_grad(ds))
    call check("their shape is that of the axes", all(shape(dt) == [10, 5]) .and. all(shape(ds) == [10]))
    call check("their kind is that of the wire", kind(dt) == tensor_real32)
    call begin_no_grad()
    call ekman_get_tensor(c, "ds", ds, kind=tensor_real64)
    call end_no_grad()
    call check("in a no_grad region they do not", .not. requires_grad(ds) .and. kind(ds) == tensor_real64)
    call ekman_get_tensor(c, "q", q, stat=stat, errmsg=errmsg)
    call check("several axes of points want a shape", refused('do not tell the shape of the tensor; pass shape='))
    call ekman_get_tensor(c, "q", q, shape=[2, 5])
    call check("without a tape there is no graph", .not. requires_grad(q))
    loss = sum(dt*t) + sum(ds)
    call backward(loss, retain_graph=.true.)
    call get_gradient(t, found)
    call check("backward goes through the exchange", close_to_echo(2.0))
    call backward(loss)
    call get_gradient(t, found)
    call check("and again, if it is retained", close_to_echo(4.0))
    call backward(loss, stat=stat, errmsg=errmsg)
    call check("not a third time", refused("give that one retain_graph=.true."))
    call backward(sum(dt), stat=stat, errmsg=errmsg)
    call check("nor from another tensor", refused('the exchange of network "echo" in step 1 has left the tape'))
    call backward(sum(s), stat=stat, errmsg=errmsg)
    call check("a constant has no backward when the tape is empty", refused("depends on none that requires gradients"))
    call ekman_advance(c)
  end subroutine one_exchange

  logical function close_to_echo(factor)
    real, intent(in) :: factor
    real(real32) :: values(10, 5)
    call to_array(t, values)
    close_to_echo = all(abs(found - factor*values) <= 1e-6*abs(factor*values))
  end function close_to_echo

  subroutine many_exchanges()
    type(tensor) :: first
    do i = 1, 3
      call exchange()
      if (i == 1) first = dt
      call ekman_advance(c)
    end do
    call backward(sum(dt), retain_graph=.true., stat=stat, errmsg=errmsg)
    call check("only one exchange is retained", refused("of which only the last one can be retained"))
    call zero_grad(t)
    call backward(sum(first))
    call get_gradient(t, found)
    call check("exchanges that the loss does not depend on are completed", all(found == 1))
    do i = 1, 3
      call exchange()
      call ekman_advance(c)
    end do
    call zero_grad(t)
    call backward(sum(s))
    call get_gradient(t, found)
    call check("backward of a constant empties the tape", all(found == 0))
    call exchange()
    call ekman_zero_grad(c, "echo")
    call backward(sum(dt), stat=stat, errmsg=errmsg)
    call check("zero_grad of the network drops its graph", refused("has left the tape"))
    call ekman_advance(c)
  end subroutine many_exchanges

  subroutine sums()
    type(tensor) :: a
    integer :: ranks
    real(real64) :: here, least, most, gradients(4)
    call MPI_Comm_size(comm, ranks)
    a = random_normal([4], seed=me, kind=tensor_real64)
    call set_requires_grad(a)
    loss = global_sum(c, sum(a**2)/3)
    here = loss
    call MPI_Allreduce(here, least, 1, MPI_DOUBLE_PRECISION, MPI_MIN, comm)
    call MPI_Allreduce(here, most, 1, MPI_DOUBLE_PRECISION, MPI_MAX, comm)
    call check("a global sum has the same bits everywhere", least == most)
    call backward(loss*1.5_real64)
    call get_gradient(a, gradients)
    call to_array(a/1, found(:4, 1))
    call check("its gradient is that of one loss", all(abs(gradients - found(:4, 1)) < 1e-6))
    a = full([3, 2], me + 1.0)
    a = global_sum(c, transpose(a))
    call check("arrays are summed element by element", all(shape(a) == [2, 3]) .and. kind(a) == tensor_real32)
    here = sum(a)
    call check("over all ranks", nint(here) == 3*ranks*(ranks + 1))
    a = global_sum(c, from_array([1, 2]), stat, errmsg)
    call check("of reals only", refused("neither real32 nor real64"))
  end subroutine sums

end program tensor_misuse
