! The Fortran face of script_by_hand.hpp, and what the Fortran benches share.
module by_hand
  use, intrinsic :: iso_c_binding, only: c_char, c_double, c_float, c_int, c_int64_t, c_null_char
  implicit none
  private
  public :: value_of, open_script, script_seconds, script_output, print_ratio, argument, number, share_of, median_of, &
    pairs_of_run, block_of

  interface
    pure function value_of(point, level) bind(C, name="bench_value") result(value)
      import :: c_float, c_int64_t
      integer(c_int64_t), value :: point, level
      real(c_float) :: value
    end function value_of
    subroutine c_open_script(file, first, samples, levels, ny, nx, tuned, talks) bind(C, name="bench_script_open")
      import :: c_char, c_int, c_int64_t
      character(kind=c_char), intent(in) :: file(*)
      integer(c_int64_t), value :: first, samples, levels, ny, nx
      integer(c_int), value :: tuned, talks
    end subroutine c_open_script
    function script_seconds(count) bind(C, name="bench_script_seconds") result(seconds)
      import :: c_double, c_int
      integer(c_int), value :: count
      real(c_double) :: seconds
    end function script_seconds
    function script_output(point, level) bind(C, name="bench_script_output") result(value)
      import :: c_float, c_int64_t
      integer(c_int64_t), value :: point, level
      real(c_float) :: value
    end function script_output
    integer(c_int) function pairs_of_run() bind(C, name="bench_pairs")
      import :: c_int
    end function pairs_of_run
    ! Seconds of a block that shall take so long.
    real(c_double) function block_of(seconds) bind(C, name="bench_block")
      import :: c_double
      real(c_double), value :: seconds
    end function block_of
    subroutine c_print_ratio(name, ratios, count, goal, target, note) bind(C, name="bench_print_ratio")
      import :: c_char, c_double, c_int
      character(kind=c_char), intent(in) :: name(*), goal(*), note(*)
      real(c_double), intent(in) :: ratios(*)
      integer(c_int), value :: count
      real(c_double), value :: target
    end subroutine c_print_ratio
    function c_median(values, count) bind(C, name="bench_median") result(median)
      import :: c_double, c_int
      real(c_double), intent(in) :: values(*)
      integer(c_int), value :: count
      real(c_double) :: median
    end function c_median
  end interface

contains

  real(c_double) function median_of(values)
    real(c_double), intent(in) :: values(:)
    median_of = c_median(values, size(values))
  end function median_of


  ! Points from `first` (of 0) on; levels of a field; ny, nx: 0 for columns.
  subroutine open_script(file, first, samples, levels, ny, nx, tuned, talks)
    character(*), intent(in) :: file
    integer, intent(in) :: first, samples, levels, ny, nx
    logical, intent(in) :: tuned, talks
    call c_open_script(trim(file)//c_null_char, int(first, c_int64_t), int(samples, c_int64_t), int(levels, c_int64_t), &
                       int(ny, c_int64_t), int(nx, c_int64_t), merge(1, 0, tuned), merge(1, 0, talks))
  end subroutine open_script

  subroutine print_ratio(name, ratios, goal, target, note)
    character(*), intent(in) :: name, goal, note
    real(c_double), intent(in) :: ratios(:), target
    call c_print_ratio(trim(name)//c_null_char, ratios, size(ratios), trim(goal)//c_null_char, target, &
                       trim(note)//c_null_char)
  end subroutine print_ratio

  function argument(place) result(text)
    integer, intent(in) :: place
    character(:), allocatable :: text
    character(512) :: all
    call get_command_argument(place, all)
    text = trim(all)
  end function argument

  integer function number(place)
    integer, intent(in) :: place
    character(:), allocatable :: text
    text = argument(place)
    read (text, *) number
  end function number

  ! Points of rank `rank` of `ranks`, and the first of them: neighbours, as even as can be.
  pure subroutine share_of(total, rank, ranks, first, points)
    integer, intent(in) :: total, rank, ranks
    integer, intent(out) :: first, points
    first = int(int(total, c_int64_t)*rank/ranks)
    points = int(int(total, c_int64_t)*(rank + 1)/ranks) - first
  end subroutine share_of

end module by_hand
