! The Fortran face of Ekman: interfaces to bind(C) procedures, nothing else, so that arrays arrive with their own
! strides and no copy. Call them directly: a Fortran procedure around them would pass packed copies.
!
! Without ierr a failing call prints one line and ends the whole job; with ierr it returns a code and
! ekman_last_error has the sentence. After an error the coupler refuses further calls.
module ekman
  use, intrinsic :: iso_c_binding, only: c_ptr, c_null_ptr, c_int, c_char
  use mpi_f08, only: MPI_Comm
  implicit none
  private

  public :: ekman_coupler, ekman_init, ekman_init_comm, ekman_init_dummy, ekman_serve, ekman_handshake
  public :: ekman_def_points, ekman_def_coordinates, ekman_def_field, ekman_enddef, ekman_put, ekman_get, ekman_advance
  public :: ekman_get_step, ekman_get_scalar, ekman_get_string, ekman_write_restart
  public :: ekman_put_adjoint, ekman_get_adjoint, ekman_zero_grad
  public :: ekman_finalize, ekman_abort, ekman_last_error, ekman_version
  public :: EKMAN_COUPLED, EKMAN_HELD, EKMAN_NONE, EKMAN_FALLBACK

  ! What a put or get did (info=): took part in an exchange; between couplings, fed the time reduction or returned the last
  ! outputs again; nothing (get: nothing computed yet, put: no network uses the field); the guard gave up points, which
  ! hold the fallback field or were not touched.
  integer, parameter :: EKMAN_COUPLED = 0, EKMAN_HELD = 1, EKMAN_NONE = 2, EKMAN_FALLBACK = 3

  ! One rank's end of the coupler.
  type, bind(C) :: ekman_coupler
    private
    type(c_ptr) :: handle = c_null_ptr
  end type ekman_coupler

  ! Collective over comm, shared with the ML ranks and with others that speak the MPI handshake v1. local_comm becomes
  ! the component's own communicator, valid until ekman_finalize. Communicators of mpi (integer) or mpi_f08. In a job without
  ! ML ranks, whose networks all have `placement: inline`, the environment variable EKMAN_PLAN names the plan.
  interface ekman_init
    subroutine ekman_f_init(c, component, comm, local_comm, ierr) bind(C, name="ekman_f_init")
      import :: ekman_coupler, c_char, c_int
      type(ekman_coupler), intent(inout) :: c
      character(kind=c_char, len=*), intent(in) :: component
      integer, intent(in) :: comm
      integer, intent(out), optional :: local_comm
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_f_init
    subroutine ekman_f_init_f08(c, component, comm, local_comm, ierr) bind(C, name="ekman_f_init_f08")
      import :: ekman_coupler, c_char, c_int, MPI_Comm
      type(ekman_coupler), intent(inout) :: c
      character(kind=c_char, len=*), intent(in) :: component
      type(MPI_Comm), intent(in) :: comm
      type(MPI_Comm), intent(out), optional :: local_comm
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_f_init_f08
  end interface ekman_init

  ! As ekman_init, over a communicator that only Ekman's ranks share; no handshake.
  interface ekman_init_comm
    subroutine ekman_f_init_comm(c, component, comm, local_comm, ierr) bind(C, name="ekman_f_init_comm")
      import :: ekman_coupler, c_char, c_int
      type(ekman_coupler), intent(inout) :: c
      character(kind=c_char, len=*), intent(in) :: component
      integer, intent(in) :: comm
      integer, intent(out), optional :: local_comm
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_f_init_comm
    subroutine ekman_f_init_comm_f08(c, component, comm, local_comm, ierr) bind(C, name="ekman_f_init_comm_f08")
      import :: ekman_coupler, c_char, c_int, MPI_Comm
      type(ekman_coupler), intent(inout) :: c
      character(kind=c_char, len=*), intent(in) :: component
      type(MPI_Comm), intent(in) :: comm
      type(MPI_Comm), intent(out), optional :: local_comm
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_f_init_comm_f08
  end interface ekman_init_comm

  ! Collective. For ranks of comm that take no part in Ekman.
  interface ekman_init_dummy
    subroutine ekman_f_init_dummy(comm, ierr) bind(C, name="ekman_f_init_dummy")
      import :: c_int
      integer, intent(in) :: comm
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_f_init_dummy
    subroutine ekman_f_init_dummy_f08(comm, ierr) bind(C, name="ekman_f_init_dummy_f08")
      import :: c_int, MPI_Comm
      type(MPI_Comm), intent(in) :: comm
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_f_init_dummy_f08
  end interface ekman_init_dummy

  ! Collective over comm, as ekman_init is for components: this rank serves a network of the plan, as `ekman serve` does, until
  ! the run is over.
  interface ekman_serve
    subroutine ekman_f_serve(comm, plan, ierr) bind(C, name="ekman_f_serve")
      import :: c_char, c_int
      integer, intent(in) :: comm
      character(kind=c_char, len=*), intent(in) :: plan
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_f_serve
    subroutine ekman_f_serve_f08(comm, plan, ierr) bind(C, name="ekman_f_serve_f08")
      import :: c_char, c_int, MPI_Comm
      type(MPI_Comm), intent(in) :: comm
      character(kind=c_char, len=*), intent(in) :: plan
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_f_serve_f08
  end interface ekman_serve

  ! Collective. One round of the MPI handshake v1: comms(i) joins all ranks that gave names(i).
  interface ekman_handshake
    subroutine ekman_f_handshake(comm, names, comms, ierr) bind(C, name="ekman_f_handshake")
      import :: c_char, c_int
      integer, intent(in) :: comm
      character(kind=c_char, len=*), intent(in) :: names(:)
      integer, intent(out) :: comms(*)
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_f_handshake
    subroutine ekman_f_handshake_f08(comm, names, comms, ierr) bind(C, name="ekman_f_handshake_f08")
      import :: c_char, c_int, MPI_Comm
      type(MPI_Comm), intent(in) :: comm
      character(kind=c_char, len=*), intent(in) :: names(:)
      type(MPI_Comm), intent(out) :: comms(*)
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_f_handshake_f08
  end interface ekman_handshake

  interface
    ! Local. ids: int32 or int64, any rank, in array order; negative: no point in this slot.
    subroutine ekman_def_points(c, ids, name, ierr) bind(C, name="ekman_f_def_points")
      import :: ekman_coupler, c_char, c_int
      type(ekman_coupler), intent(inout) :: c
      type(*), dimension(..), intent(in) :: ids
      character(kind=c_char, len=*), intent(in), optional :: name
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_def_points

    ! Local. Degrees east and north of all slots of a point set defined before, real32 or real64, shaped as its ids; for
    ! recordings.
    subroutine ekman_def_coordinates(c, longitude, latitude, points, ierr) bind(C, name="ekman_f_def_coordinates")
      import :: ekman_coupler, c_char, c_int
      type(ekman_coupler), intent(inout) :: c
      type(*), dimension(..), intent(in) :: longitude
      type(*), dimension(..), intent(in) :: latitude
      character(kind=c_char, len=*), intent(in), optional :: points
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_def_coordinates

    ! Local. levels: an integer scalar of 32 or 64 bits (default 1); axes: what each array axis is, "p" point, "l" level.
    subroutine ekman_def_field(c, name, units, levels, axes, points, ierr) bind(C, name="ekman_f_def_field")
      import :: ekman_coupler, c_char, c_int
      type(ekman_coupler), intent(inout) :: c
      character(kind=c_char, len=*), intent(in) :: name
      character(kind=c_char, len=*), intent(in), optional :: units
      type(*), dimension(..), intent(in), optional :: levels
      character(kind=c_char, len=*), intent(in), optional :: axes
      character(kind=c_char, len=*), intent(in), optional :: points
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_def_field

    ! Collective, together with the ML ranks. With resume in the plan the run goes on from that restart set. step, if given,
    ! is the step that the model makes next, from 1: an error unless it is the coupler's.
    subroutine ekman_enddef(c, step, ierr) bind(C, name="ekman_f_enddef")
      import :: ekman_coupler, c_int
      type(ekman_coupler), intent(inout) :: c
      type(*), dimension(..), intent(in), optional :: step
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_enddef

    ! Local, after ekman_enddef. step: an integer scalar of 32 or 64 bits that becomes the step to be made, from 1; after a
    ! resume the one that the restart set goes on with.
    subroutine ekman_get_step(c, step, ierr) bind(C, name="ekman_f_get_step")
      import :: ekman_coupler, c_int
      type(ekman_coupler), intent(in) :: c
      type(*), dimension(..), intent(inout) :: step
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_get_step

    ! array: real32 or real64, shaped as the field's axes; first, if it is a part: the place of its first point among
    ! all points of the field's point set on this rank, from 1.
    ! Parts may come from OpenMP threads; for gets below MPI_THREAD_MULTIPLE, with ML ranks on other nodes, the thread
    ! that called init gets first (an empty part is enough).
    subroutine ekman_put(c, field, array, first, info, ierr) bind(C, name="ekman_f_put")
      import :: ekman_coupler, c_char, c_int
      type(ekman_coupler), intent(in) :: c
      character(kind=c_char, len=*), intent(in) :: field
      type(*), dimension(..), intent(in) :: array
      type(*), dimension(..), intent(in), optional :: first
      integer(c_int), intent(out), optional :: info
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_put

    subroutine ekman_get(c, field, array, first, info, ierr) bind(C, name="ekman_f_get")
      import :: ekman_coupler, c_char, c_int
      type(ekman_coupler), intent(in) :: c
      character(kind=c_char, len=*), intent(in) :: field
      type(*), dimension(..), intent(inout) :: array
      type(*), dimension(..), intent(in), optional :: first
      integer(c_int), intent(out), optional :: info
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_get

    ! Adjoints, for networks with a tape in the plan, between steps or after the inputs of a step are put. put: the
    ! derivative of the model's loss by an output of the last exchange on the tape, of each of its outputs once for every
    ! point; then get: its derivative by an input. The exchange leaves the tape, unless retain is true: then it takes
    ! another adjoint, and they add up. retain: a logical scalar of any kind, the same for all outputs.
    subroutine ekman_put_adjoint(c, output, array, first, retain, ierr) bind(C, name="ekman_f_put_adjoint")
      import :: ekman_coupler, c_char, c_int
      type(ekman_coupler), intent(in) :: c
      character(kind=c_char, len=*), intent(in) :: output
      type(*), dimension(..), intent(in) :: array
      type(*), dimension(..), intent(in), optional :: first
      type(*), dimension(..), intent(in), optional :: retain
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_put_adjoint

    subroutine ekman_get_adjoint(c, input, array, first, ierr) bind(C, name="ekman_f_get_adjoint")
      import :: ekman_coupler, c_char, c_int
      type(ekman_coupler), intent(in) :: c
      character(kind=c_char, len=*), intent(in) :: input
      type(*), dimension(..), intent(inout) :: array
      type(*), dimension(..), intent(in), optional :: first
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_get_adjoint

    ! Local; on all ranks between the same calls. Drops what the parameters of a network have accumulated, and its tape.
    subroutine ekman_zero_grad(c, network, ierr) bind(C, name="ekman_f_zero_grad")
      import :: ekman_coupler, c_char, c_int
      type(ekman_coupler), intent(in) :: c
      character(kind=c_char, len=*), intent(in) :: network
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_zero_grad

    ! Collective, by the thread that called init; after the inputs of this step are put. value: a real scalar of 32 or 64
    ! bits that becomes what the ML ranks have learned: name is "convection/loss", or step, validation_loss, learning_rate,
    ! gradient_norm in place of loss. As it was when the outputs of the last exchange were computed, the same on all ranks;
    ! NaN: not known yet. Local, after ekman_enddef, of any network: "convection/ml_ranks" (0: inline), "convection/chunks".
    subroutine ekman_get_scalar(c, name, value, ierr) bind(C, name="ekman_f_get_scalar")
      import :: ekman_coupler, c_char, c_int
      type(ekman_coupler), intent(in) :: c
      character(kind=c_char, len=*), intent(in) :: name
      type(*), dimension(..), intent(inout) :: value
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_get_scalar

    ! Local, after ekman_enddef. Where a network runs: name is "convection/device" or "convection/node"; text becomes that of
    ! each of its ML ranks in their order, such as "cuda:0, cuda:1", once if all are alike; inline: that of this rank. A text
    ! that is too short is an error that says how long it must be.
    subroutine ekman_get_string(c, name, text, ierr) bind(C, name="ekman_f_get_string")
      import :: ekman_coupler, c_char, c_int
      type(ekman_coupler), intent(in) :: c
      character(kind=c_char, len=*), intent(in) :: name
      character(kind=c_char, len=*), intent(out) :: text
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_get_string

    ! Local; across nodes it waits until the messages of the exchange before have left. Ends the model step.
    subroutine ekman_advance(c, ierr) bind(C, name="ekman_f_advance")
      import :: ekman_coupler, c_int
      type(ekman_coupler), intent(inout) :: c
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_advance

    ! Collective; between steps, after ekman_advance and before the first put. Writes the restart set of that label, which
    ! resume in the plan takes up; returns when it is on disk. A set that cannot be written ends the job with path and cause.
    subroutine ekman_write_restart(c, label, ierr) bind(C, name="ekman_f_write_restart")
      import :: ekman_coupler, c_char, c_int
      type(ekman_coupler), intent(inout) :: c
      character(kind=c_char, len=*), intent(in) :: label
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_write_restart

    ! Collective. MPI_Finalize then waits until all ranks of the job have called it.
    subroutine ekman_finalize(c, ierr) bind(C, name="ekman_f_finalize")
      import :: ekman_coupler, c_int
      type(ekman_coupler), intent(inout) :: c
      integer(c_int), intent(out), optional :: ierr
    end subroutine ekman_finalize

    ! Prints text and ends the whole job with exit status 1.
    subroutine ekman_abort(text) bind(C, name="ekman_f_abort")
      import :: c_char
      character(kind=c_char, len=*), intent(in) :: text
    end subroutine ekman_abort

    ! The sentence of the last error, blanks after it; cut if text is shorter.
    subroutine ekman_last_error(text) bind(C, name="ekman_f_last_error")
      import :: c_char
      character(kind=c_char, len=*), intent(out) :: text
    end subroutine ekman_last_error

    subroutine ekman_version(text) bind(C, name="ekman_f_version")
      import :: c_char
      character(kind=c_char, len=*), intent(out) :: text
    end subroutine ekman_version
  end interface
end module ekman
