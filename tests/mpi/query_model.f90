! Asks where its networks run, before the first put: two on ML ranks, one inline.
program query_model
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use ekman
  implicit none
  integer, parameter :: points = 9
  type(ekman_coupler) :: c
  type(MPI_Comm) :: comm
  integer :: rank, ranks, i, code
  character(256) :: node
  character(MPI_MAX_PROCESSOR_NAME) :: here
  character(2) :: short
  character(512) :: sentence

  call MPI_Init()
  call ekman_init(c, "ocean", MPI_COMM_WORLD, comm)
  call MPI_Comm_rank(comm, rank)
  call MPI_Comm_size(comm, ranks)
  call ekman_def_points(c, [(points*rank + i, i=1, points)])
  call ekman_def_field(c, "t")
  call ekman_def_field(c, "dt")
  call ekman_def_field(c, "du")
  call ekman_def_field(c, "dv")
  call ekman_enddef(c)
  call expect_number("far/ml_ranks", 2)
  call expect_number("far/chunks", (points*ranks + 3)/4)
  call expect_number("other/ml_ranks", 1)
  call expect_number("other/chunks", (points*ranks + 7)/8)
  call expect_number("near/ml_ranks", 0)
  call expect_number("near/chunks", (points*ranks + 15)/16)
  call expect_text("far/device", "cpu")
  call expect_text("other/device", "cpu")
  call expect_text("near/device", "cpu")
  call MPI_Get_processor_name(here, i)
  call ekman_get_string(c, "near/node", node)
  call expect_text("far/node", trim(node))
  call expect_text("other/node", trim(node))
  if (len_trim(node) == 0 .or. (here(:i) /= trim(node) .and. index(here(:i), trim(node)) == 0)) &
    error stop "near/node is not this node"
  call ekman_get_string(c, "far/device", short, code)
  call ekman_last_error(sentence)
  if (code == 0 .or. index(sentence, "has 3 characters, and there is room for 2") == 0) error stop "a short text was not told"
  call ekman_put(c, "t", [(1.0_real64*i, i=1, points)])
  call ekman_advance(c)
  call ekman_finalize(c)
  call MPI_Finalize()

contains

  subroutine expect_number(name, expected)
    character(*), intent(in) :: name
    integer, intent(in) :: expected
    real(real64) :: value
    call ekman_get_scalar(c, name, value)
    if (nint(value) /= expected) error stop "a number is not what was expected: "//name
  end subroutine expect_number

  subroutine expect_text(name, expected)
    character(*), intent(in) :: name, expected
    character(256) :: text
    call ekman_get_string(c, name, text)
    if (text /= expected) error stop "a text is not what was expected: "//name//" "//trim(text)
  end subroutine expect_text

end program query_model
