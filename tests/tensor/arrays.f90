! Ranks 0 to 7, logicals, indices, shared memory, tensors made from shapes, and what is refused.
program arrays
  use, intrinsic :: iso_fortran_env, only: int8, int32, real32, real64
  use checks
  use ekman_tensor
  implicit none

  call every_rank()
  call logicals()
  call indices_are_those_of_the_array()
  call components()
  call made_from_shapes()
  call random_numbers()
  call conversions()
  call refusals()
  call check("nothing is left", ekman_tensor_count() == 0)
  call finish()

contains

  subroutine every_rank()
    real(real64) :: x0, y0, x1(2), y1(2), x2(2, 3), y2(2, 3), x3(2, 3, 2), y3(2, 3, 2), x4(2, 1, 3, 2), y4(2, 1, 3, 2)
    real(real64) :: x5(2, 1, 3, 2, 2), y5(2, 1, 3, 2, 2), x6(2, 1, 3, 2, 1, 2), y6(2, 1, 3, 2, 1, 2)
    real(real64) :: x7(2, 1, 3, 2, 1, 2, 3), y7(2, 1, 3, 2, 1, 2, 3)
    type(tensor) :: a
    call random_number(x7)
    x6 = x7(:, :, :, :, :, :, 2)
    x5 = x6(:, :, :, :, 1, :)
    x4 = x5(:, :, :, :, 2)
    x3 = x4(:, 1, :, :)
    x2 = x3(:, :, 1)
    x1 = x2(:, 3)
    x0 = x1(2)
    a = from_array(x0)
    call to_array(a, y0)
    call check("rank 0", y0 == x0 .and. rank(a) == 0 .and. size(a) == 1)
    a = from_array(x1)
    call to_array(a, y1)
    call check("rank 1", all(y1 == x1) .and. rank(a) == 1)
    a = from_array(x2)
    call to_array(a, y2)
    call check("rank 2", all(y2 == x2) .and. all(shape(a) == shape(x2)))
    a = from_array(x3)
    call to_array(a, y3)
    call check("rank 3", all(y3 == x3) .and. all(shape(a) == shape(x3)))
    a = from_array(x4)
    call to_array(a, y4)
    call check("rank 4", all(y4 == x4) .and. all(shape(a) == shape(x4)))
    a = from_array(x5)
    call to_array(a, y5)
    call check("rank 5", all(y5 == x5) .and. all(shape(a) == shape(x5)))
    a = from_array(x6)
    call to_array(a, y6)
    call check("rank 6", all(y6 == x6) .and. all(shape(a) == shape(x6)))
    a = from_array(x7)
    call to_array(a, y7)
    call check("rank 7", all(y7 == x7) .and. all(shape(a) == shape(x7)) .and. size(a) == 72 .and. size(a, 3) == 3)
    a = from_array(x7(2:1:-1, :, 1:3:2, :, :, 2:1:-1, 3:1:-2), shared=.false.)
    y7 = 0
    call to_array(a, y7(:, :, 1:2, :, :, :, 1:2))
    call check("a section of rank 7", &
      all(y7(:, :, 1:2, :, :, :, 1:2) == x7(2:1:-1, :, 1:3:2, :, :, 2:1:-1, 3:1:-2)))
    a = from_array(x2(:, 3:2))
    call check("an array without elements", all(shape(a) == [2, 0]) .and. size(a) == 0)
  end subroutine every_rank

  subroutine logicals()
    logical :: wide(3), found(3)
    logical(1) :: narrow(3)
    type(tensor) :: a
    wide = [.true., .false., .true.]
    narrow = wide
    a = from_array(wide)
    call to_array(a, found)
    call check("logicals", kind(a) == tensor_logical .and. all(found .eqv. wide))
    a = from_array(narrow, shared=.true.)
    narrow(2) = .true.
    call to_array(a, found)
    call check("logicals of a byte are shared", all(found))
    narrow = .false.
    call to_array(from_array(wide(3:1:-1)), narrow)
    call check("logicals backwards, into others", all(narrow .eqv. wide(3:1:-1)))
  end subroutine logicals

  subroutine indices_are_those_of_the_array()
    integer, parameter :: ncol = 3, nlev = 4
    real(real64) :: x(ncol, nlev), column(nlev), turned(nlev, ncol), long(ncol * nlev), short(4, 3)
    type(tensor) :: a
    integer :: i
    x = reshape([(real(i, real64), i = 1, size(x))], shape(x))
    a = from_array(x)
    call to_array(sum(a, dim=1), column)
    call check("sum along columns", all(shape(a) == [ncol, nlev]) .and. all(column == sum(x, dim=1)))
    call to_array(transpose(a), turned)
    call check("transpose", all(turned == transpose(x)))
    call to_array(matmul(a, from_array(column)), x(:, 1))
    call check("matmul with a vector", all(abs(x(:, 1) - matmul(transpose(turned), column)) < 1e-12_real64))
    x(:, 1) = [1, 2, 3]
    a = from_array(x)
    call to_array(reshape(a, [nlev, ncol]), turned)
    call check("reshape in array order", all(turned == reshape(x, [nlev, ncol])))
    call to_array(reshape(transpose(a), [ncol * nlev]), long)
    call check("reshape of what is not in array order", all(long == reshape(transpose(x), [ncol * nlev])))
    call to_array(slice(transpose(a), 2, 1, ncol), short)
    call check("a whole slice", all(short == transpose(x)))
    call to_array(slice(a, 2, 2, 4, 2), x(:, 1:2))
    call check("a slice with a step", all(x(:, 1:2) == reshape([4, 5, 6, 10, 11, 12], [3, 2])))
    a = slice(a, 1, 3, 2)
    call check("an empty slice", all(shape(a) == [0, nlev]))
  end subroutine indices_are_those_of_the_array

  subroutine components()
    type :: cell
      real(real64) :: heat
      integer(int8) :: flags
      real(real32) :: rain
    end type cell
    type(cell) :: cells(3)
    real(real32) :: found(3)
    type(tensor) :: a
    cells%rain = [1.5, 2.5, 3.5]
    cells%flags = [1_int8, 2_int8, 3_int8]
    a = from_array(cells%rain)
    call to_array(a, found)
    call check("a component of an array", all(found == cells%rain))
    a = from_array(cells(3:1:-2)%flags)
    call to_array(a, cells(1:2)%rain)
    call check("into a component", all(cells(1:2)%rain == [3, 1]) .and. cells(3)%rain == 3.5)
    call check("beside the component", all(cells%flags == [1, 2, 3]))
  end subroutine components

  subroutine made_from_shapes()
    type(tensor) :: a
    real(real64) :: found(2, 3), value
    a = zeros([2, 3])
    call to_array(a, found)
    call check("zeros", all(found == 0) .and. kind(a) == tensor_real32 .and. device(a) == "cpu")
    a = ones([2, 3], kind=tensor_int16, device="cpu")
    call to_array(a, found)
    call check("ones", all(found == 1) .and. kind(a) == tensor_int16)
    a = full([2, 3], 0.1_real64)
    call to_array(a, found)
    call check("full", all(found == 0.1_real64))
    a = empty([2, 3], kind=tensor_real64, requires_grad=.true.)
    call check("empty", all(shape(a) == [2, 3]) .and. requires_grad(a))
    call set_requires_grad(a, .false.)
    call check("requires_grad can be taken back", .not. requires_grad(a))
    a = full([integer ::], 2.5_real64)
    value = a
    call check("a tensor of rank 0 is assigned to a scalar", value == 2.5_real64)
  end subroutine made_from_shapes

  subroutine random_numbers()
    real(real64) :: x(100, 50), y(100, 50), first(2, 3)
    type(tensor) :: a
    ! torch.randn(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    real(real64), parameter :: known(2, 3) = reshape([ &
      -0.1467950974849952_real64, -1.1143440212610307_real64, 0.7861412987235358_real64, &
      1.6907901257942333_real64, 0.9468216090039564_real64, -0.8948278791726386_real64], [2, 3])
    call to_array(random_normal([2, 3], seed=7, kind=tensor_real64), first)
    call check("numbers are PyTorch's for the same seed", all(abs(first - known) < 1e-12_real64))
    call to_array(random_normal([100, 50], seed=3, kind=tensor_real64), x)
    call to_array(random_normal([100, 50], seed=3, kind=tensor_real64), y)
    call check("the same seed gives the same numbers", all(x == y))
    ! Four standard deviations of mean and variance.
    call check("normal numbers have mean 0 and variance 1", &
      abs(sum(x) / 5000) < 0.057_real64 .and. abs(sum(x**2) / 5000 - 1) < 0.08_real64)
    call to_array(random_normal([100, 50], kind=tensor_real64), y)
    call check("other numbers are others", any(x /= y))
    call to_array(random_uniform([100, 50], seed=3, kind=tensor_real64), x)
    call check("uniform numbers lie between 0 and 1", &
      all(x >= 0) .and. all(x < 1) .and. abs(sum(x) / 5000 - 0.5_real64) < 0.017_real64)
    a = random_uniform([3])
    call check("random numbers are real32 unless asked otherwise", kind(a) == tensor_real32)
  end subroutine random_numbers

  subroutine conversions()
    type(tensor) :: a, b
    integer(int32) :: found(2)
    a = from_array([1.75, -2.75])
    b = to(a, kind=tensor_int32)
    call to_array(b, found)
    call check("reals to integers are cut, as Fortran does", kind(b) == tensor_int32 .and. all(found == [1, -2]))
    call to_array(a, found)
    call check("so are those that go to an array of integers", all(found == [1, -2]))
    b = to(a, device="cpu")
    call check("to a device keeps the kind", kind(b) == tensor_real32)
  end subroutine conversions

  subroutine refused(claim, stat, errmsg, part)
    character(len=*), intent(in) :: claim, errmsg, part
    integer, intent(in) :: stat
    call check(claim // ": " // trim(errmsg), stat /= 0 .and. index(errmsg, part) > 0 .and. index(errmsg, "; ") > 0)
  end subroutine refused

  subroutine refusals()
    type(tensor) :: a
    real, target :: x(4)
    real :: y(3)
    logical, target :: wide(2)
    complex :: z(2)
    integer :: stat
    character(len=400) :: errmsg
    x = 1
    wide = .true.
    z = 1
    errmsg = "as before"
    a = from_array(x, stat=stat, errmsg=errmsg)
    call check("success leaves errmsg alone", stat == 0 .and. errmsg == "as before")
    call to_array(a, y, stat, errmsg)
    call refused("a wrong shape", stat, errmsg, "the array has the shape [3]")
    a = from_array(x(4:1:-1), shared=.true., stat=stat, errmsg=errmsg)
    call refused("a shared array backwards", stat, errmsg, "from_array: shared=.true. with an axis that runs backwards")
    a = from_array(wide, shared=.true., stat=stat, errmsg=errmsg)
    call refused("shared logicals of 4 bytes", stat, errmsg, "logicals of more than a byte")
    a = from_array(z, stat=stat, errmsg=errmsg)
    call refused("complex numbers", stat, errmsg, "of no kind that a tensor has")
    a = zeros([2, -1], stat=stat, errmsg=errmsg)
    call refused("a negative extent", stat, errmsg, "negative extent")
    a = zeros([2], kind=9, stat=stat, errmsg=errmsg)
    call refused("a wrong kind", stat, errmsg, "kind=9 is none of a tensor")
    a = zeros([2], device="toaster", stat=stat, errmsg=errmsg)
    call refused("a wrong device", stat, errmsg, 'device="toaster" is no name of a device')
    a = zeros([2], kind=tensor_int8, requires_grad=.true., stat=stat, errmsg=errmsg)
    call refused("gradients of integers", stat, errmsg, "LibTorch refuses: ")
    a = random_normal([2], kind=tensor_int8, stat=stat, errmsg=errmsg)
    call refused("random integers", stat, errmsg, "random numbers of an integer")
    a = zeros([2, 2])
    a = sum(a, dim=3, stat=stat, errmsg=errmsg)
    call refused("a wrong axis", stat, errmsg, "dim=3 of sum is no axis of a tensor of rank 2")
    a = zeros([2, 2])
    a = slice(a, 1, 0, 2, stat=stat, errmsg=errmsg)
    call refused("a slice beyond the axis", stat, errmsg, "first=0, last=2, step=1 of an axis with 2 elements")
    a = mean(zeros([2], kind=tensor_int32), stat=stat, errmsg=errmsg)
    call refused("a mean of integers", stat, errmsg, "of no real kind")
    a = dot_product(zeros([2, 2]), zeros([2]), stat=stat, errmsg=errmsg)
    call refused("a dot product of matrices", stat, errmsg, "a tensor of rank 2 in place of one of rank 1")
    a = matmul(zeros([2, 3]), zeros([2, 3]), stat=stat, errmsg=errmsg)
    call refused("a product of matrices that do not fit", stat, errmsg, "matmul: LibTorch refuses: ")
  end subroutine refusals

end program arrays
