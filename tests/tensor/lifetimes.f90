! What lives and what is freed, with compilers that finalise function results and with those that do not.
program lifetimes
  use, intrinsic :: iso_c_binding, only: c_int, c_long
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use checks
  use ekman_tensor
  implicit none

  interface
    integer(c_int) function getrusage(who, usage) bind(C)
      import :: c_int, c_long
      integer(c_int), value :: who
      integer(c_long), intent(inout) :: usage(*)
    end function getrusage
  end interface

  type :: layer
    type(tensor) :: weight, bias
  end type layer

  call check("nothing lives before", ekman_tensor_count() == 0)
  call sums_leave_nothing()
  call check("locals are freed at the end of their procedure", ekman_tensor_count() == 0)
  call values_are_copied()
  call results_are_freed()
  call components_are_copied()
  call allocatable_components_are_no_danger()
  call arrays_are_freed()
  call expressions_as_arguments()
  call failures_free_what_they_use()
  call check("nothing lives after", ekman_tensor_count() == 0)
  call memory_stays_flat()
  call check("nothing lives at the end", ekman_tensor_count() == 0)
  call finish()

contains

  ! In kilobytes, the program's argument: sanitizers keep freed memory for a while.
  integer(int64) function allowed_growth()
    character(len=20) :: text
    allowed_growth = 4096
    call get_command_argument(1, text)
    if (text /= "") read (text, *) allowed_growth
  end function allowed_growth

  subroutine sums_leave_nothing()
    type(tensor) :: a, b, c, d
    integer :: i
    real :: value
    a = ones([3])
    b = ones([3])
    c = ones([3])
    do i = 1, 1000
      d = a + b + c
    end do
    call check("1000 sums leave their four tensors", ekman_tensor_count() == 4)
    value = sum(d)
    call check("a sum is right", value == 9)
    call check("a scalar takes the value of an expression and frees it", ekman_tensor_count() == 4)
    do i = 1, 10
      d = d + d * 2.0 - (d)
    end do
    d = d
    d = (d)
    call check("a tensor may stand on both sides", ekman_tensor_count() == 4)
    value = sum(d)
    call check("the value on both sides is right", value == 9 * 2.0**10)
    call delete(d)
    d = a
    call delete(d)
    call delete(d)
    call check("a tensor may be deleted twice", ekman_tensor_count() == 3)
  end subroutine sums_leave_nothing

  subroutine values_are_copied()
    real(real64), target :: x(2)
    type(tensor) :: a, b
    real(real64) :: found(2)
    x = [1, 2]
    a = from_array(x, shared=.true.)
    b = a
    x(1) = 5
    call to_array(a, found)
    call check("a shared tensor sees the array", all(found == [5, 2]))
    call to_array(b, found)
    call check("what was assigned from a variable is a copy", all(found == [1, 2]))
  end subroutine values_are_copied

  function doubled(a) result(c)
    type(tensor), intent(in) :: a
    type(tensor) :: c
    c = a * 2.0
    call as_result(c)
  end function doubled

  subroutine results_are_freed()
    type(tensor) :: a, d
    real :: value
    a = ones([2])
    d = doubled(a) + doubled(doubled(a))
    value = sum(d)
    call check("functions of one's own give right values", value == 12)
    call check("results of functions of one's own are freed", ekman_tensor_count() == 2)
    d = doubled(a)
    call check("a result that is assigned is freed", ekman_tensor_count() == 2)
  end subroutine results_are_freed

  subroutine components_are_copied()
    type(layer) :: one, two
    type(layer), allocatable :: many(:)
    real :: value
    one%weight = ones([2])
    one%bias = zeros([2])
    two = one
    call delete(one%weight)
    value = sum(two%weight)
    call check("components are copied with what they are in", value == 2)
    allocate (many(3))
    many(1) = two
    many(2)%weight = many(1)%weight * 3
    value = sum(many(2)%weight)
    call check("components of elements are assigned", value == 6)
    call check("every component lives once", ekman_tensor_count() == 6)
  end subroutine components_are_copied

  ! gfortran copies such a component bit by bit: two variables with one tensor.
  subroutine allocatable_components_are_no_danger()
    type :: network
      type(layer), allocatable :: layers(:)
    end type network
    type(network) :: one, two
    type(tensor) :: total
    integer :: stat
    character(len=300) :: errmsg
    allocate (one%layers(2))
    one%layers(1)%weight = ones([2])
    two = one
    call delete(one%layers(1)%weight)
    total = sum(two%layers(1)%weight, stat=stat, errmsg=errmsg)
    call check("a copy is a tensor of its own, or is told to be none", stat == 0 .or. index(errmsg, "value is gone") > 0)
  end subroutine allocatable_components_are_no_danger

  subroutine uses_twice(x, stat, errmsg)
    type(tensor), intent(in) :: x
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(tensor) :: total
    total = sum(x)
    total = sum(x, stat=stat, errmsg=errmsg)
  end subroutine uses_twice

  subroutine arrays_are_freed()
    type(tensor) :: all_of(4), joined
    type(tensor), allocatable :: some(:)
    integer :: i
    do i = 1, 4
      all_of(i) = full([2], i)
    end do
    joined = concatenate(all_of)
    call check("an array of tensors is joined", all(shape(joined) == [8]))
    joined = concatenate([all_of(1), all_of(2) + all_of(3)])
    call check("a constructor of tensors is joined", all(shape(joined) == [4]))
    call check("a constructor leaves nothing, and its tensors live on", ekman_tensor_count() == 5)
    allocate (some(3))
    some = all_of(2)
    call check("a tensor is assigned to each element", ekman_tensor_count() == 8)
    deallocate (some)
    call check("deallocation frees the elements", ekman_tensor_count() == 5)
  end subroutine arrays_are_freed

  subroutine takes(x, total)
    type(tensor), intent(in) :: x
    real, intent(out) :: total
    type(tensor) :: mine
    mine = x
    total = sum(mine + mine)
  end subroutine takes

  subroutine expressions_as_arguments()
    type(tensor) :: a
    real :: total
    integer :: stat
    character(len=300) :: errmsg
    a = ones([2])
    call takes(a, total)
    call check("a variable may be an argument", total == 4)
    call takes(a + a, total)
    call check("an expression may be an argument that is assigned", total == 8)
    call check("arguments leave nothing", ekman_tensor_count() == 1)
    call uses_twice(a + a, stat, errmsg)
    call check("a second use of an expression is told", stat /= 0 .and. index(errmsg, "assign it to a variable") > 0)
  end subroutine expressions_as_arguments

  subroutine failures_free_what_they_use()
    type(tensor) :: a, none, c
    integer :: stat
    character(len=300) :: errmsg
    a = ones([2])
    c = reshape(a + a, [3], stat=stat, errmsg=errmsg)
    call check("a wrong shape is told", stat /= 0 .and. index(errmsg, "reshape: LibTorch refuses: ") == 1)
    call check("a call that fails frees the expression it was given", ekman_tensor_count() == 1)
    c = sum(none, stat=stat, errmsg=errmsg)
    call check("a tensor without value is told", stat /= 0 .and. index(errmsg, "was never given a value; ") > 0)
    c = none
    call check("a tensor without value can be assigned", ekman_tensor_count() == 1)
  end subroutine failures_free_what_they_use

  ! The most memory that was ever resident, in kilobytes.
  integer(int64) function most_resident()
    integer(c_long) :: usage(18)
    if (getrusage(0, usage) /= 0) error stop "getrusage failed"
    most_resident = usage(5)
  end function most_resident

  subroutine memory_stays_flat()
    type(tensor) :: a, b
    integer(int64) :: before
    integer :: i
    a = ones([1000], kind=tensor_real64)
    do i = 1, 1000
      b = a
    end do
    before = most_resident()
    do i = 1, 1000000
      b = a
    end do
    ! One leak of 8 kB in each would be 8 GB.
    call check("memory is flat over a million reassignments", most_resident() - before < allowed_growth())
    before = most_resident()
    do i = 1, 100000
      b = a + a - b
    end do
    call check("memory is flat over 100000 expressions", most_resident() - before < allowed_growth())
    call check("reassignments leave two tensors", ekman_tensor_count() == 2)
  end subroutine memory_stays_flat

end program lifetimes
