! What an operator of the module ekman_tensor costs beside LibTorch's own, called from C++: microseconds of the processor for one
! operator, less those of the other, in blocks that take turns. Tensors of 8 elements, so that the call is what counts.
program operators
  use, intrinsic :: iso_c_binding, only: c_double, c_int
  use by_hand, only: median_of, pairs_of_run, print_ratio
  use ekman_tensor
  implicit none

  interface
    ! Seconds of one operator, over `count` rounds of `what`.
    function libtorch_seconds(what, count) bind(C, name="bench_operator_seconds") result(seconds)
      import :: c_double, c_int
      integer(c_int), value :: what, count
      real(c_double) :: seconds
    end function libtorch_seconds
    function cpu_seconds() bind(C, name="bench_cpu_seconds") result(seconds)
      import :: c_double
      real(c_double) :: seconds
    end function cpu_seconds
  end interface

  character(len=*), parameter :: names(5) = [character(len=8) :: "add", "scalar", "chain", "function", "graph"]
  integer, parameter :: operators_of(5) = [1, 1, 4, 1, 1]
  integer, parameter :: count = 20000
  type(tensor) :: a, b, c, g
  real(c_double), allocatable :: ours(:), theirs(:)
  character(len=160) :: note
  integer :: what, pair, pairs

  pairs = pairs_of_run()
  allocate (ours(pairs), theirs(pairs))
  a = random_normal([8], seed=1)
  b = random_normal([8], seed=2)
  g = random_normal([8], seed=3, requires_grad=.true.)
  do what = 1, size(names)
    do pair = 0, pairs   ! the first is not counted
      associate (here => max(1, pair))
        theirs(here) = libtorch_seconds(what, count)
        ours(here) = seconds(what)
      end associate
    end do
    write (note, '(2(a, f6.3))') "microseconds: ", 1e6_c_double * median_of(ours), ", LibTorch's ", 1e6_c_double * median_of(theirs)
    call print_ratio("tensor_" // trim(names(what)), 1e6_c_double * (ours - theirs), "<=", 0.3_c_double, trim(note))
  end do

contains

  ! As libtorch_seconds, of bench/operators_by_hand.cpp.
  real(c_double) function seconds(what)
    integer, intent(in) :: what
    real(c_double) :: begin
    integer :: i
    begin = cpu_seconds()
    select case (what)
    case (1)
      do i = 1, count
        c = a + b
      end do
    case (2)
      do i = 1, count
        c = 2.5 * a
      end do
    case (3)
      do i = 1, count
        c = a * b + a - b * a
      end do
    case (4)
      do i = 1, count
        c = tanh(a)
      end do
    case (5)
      do i = 1, count
        c = g * a
      end do
    end select
    seconds = (cpu_seconds() - begin) / (count * operators_of(what))
  end function seconds

end program operators
