! What components of tests share: how points are dealt to ranks, and words on the command line.
module job_of_points
  implicit none
  private
  public :: ids_of, has

contains

  ! The global ids, from 0, of a rank: cyclic | sparse (in order, none on rank 0 of several) | else in order, uneven.
  function ids_of(numbering, total, rank, ranks) result(ids)
    character(*), intent(in) :: numbering
    integer, intent(in) :: total, rank, ranks
    integer, allocatable :: ids(:)
    integer :: first, last, i
    if (numbering == "cyclic") then
      ids = [(i, i=rank, total - 1, ranks)]
      return
    end if
    if (numbering == "sparse" .and. ranks > 1) then
      first = (total*max(rank - 1, 0))/(ranks - 1)
      last = (total*rank)/(ranks - 1) - 1
    else
      first = (total*rank*(rank + 1))/(ranks*(ranks + 1))
      last = (total*(rank + 1)*(rank + 2))/(ranks*(ranks + 1)) - 1
    end if
    ids = [(i, i=first, last)]
  end function ids_of

  ! Whether `word` is one of the arguments from the fifth on.
  logical function has(word)
    character(*), intent(in) :: word
    character(256) :: text
    integer :: argument
    has = .false.
    do argument = 5, command_argument_count()
      call get_command_argument(argument, text)
      has = has .or. text == word
    end do
  end function has

end module job_of_points
