! The component of adjoint_model.f90 written with tensors: no adjoint stands here, the loss is one line, and `backward` goes back
! through the steps and both networks.
!
! tensor_model IDS TAPE WINDOWS OUTPUT [learns] [between] [retain] [local] [masked] [no_graph] [arrays]
!   IDS, OUTPUT, learns, between   as of adjoint_model
!   retain   calls backward twice, for parts of unequal weight
!   local    the loss of each rank is its own part, without global_sum
!   masked   points below 60 have no part in the loss; a rank that has none but these calls backward of a constant
!   no_graph such a rank steps without graphs
!   arrays   such a rank gets no tensors, but arrays
program tensor_model
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use ekman
  use job_of_points
  use ekman_tensor
  implicit none
  integer, parameter :: nlev = 3, total = 203, masked_points = 60
  type(ekman_coupler) :: c
  type(MPI_Comm) :: comm
  character(32) :: numbering, text
  character(256) :: output
  integer :: me, ranks, n, i, k, tape, windows, window
  integer, allocatable :: ids(:)
  real(real64), allocatable :: t(:, :), s(:), gradient_of_t(:, :), gradient_of_s(:), area_of_points(:)
  real(real64), allocatable :: all(:, :), scalars(:, :)
  real(real64), parameter :: points(0:total - 1) = [(real(i, real64), i=0, total - 1)]
  type(tensor) :: first_t, first_s, last_t, last_s, area, loss
  logical :: takes_no_part

  call get_command_argument(1, numbering)
  call get_command_argument(2, text)
  read (text, *) tape
  call get_command_argument(3, text)
  read (text, *) windows
  call get_command_argument(4, output)
  call MPI_Init()
  call ekman_init(c, "atmosphere", MPI_COMM_WORLD, comm)
  call MPI_Comm_rank(comm, me)
  call MPI_Comm_size(comm, ranks)
  ids = ids_of(numbering, total, me, ranks)
  n = size(ids)
  allocate (t(n, nlev), s(n), gradient_of_t(n, nlev), gradient_of_s(n))
  allocate (all(0:total - 1, 2*(nlev + 1)*windows), scalars(4, windows))
  all = 0
  area_of_points = 1 + 0.5_real64*at_points(sin(0.3_real64*points))
  if (has("masked")) area_of_points = merge(area_of_points, 0.0_real64, ids >= masked_points)
  takes_no_part = has("masked") .and. maxval([ids, -1]) < masked_points
  area = from_array(area_of_points)
  call ekman_def_points(c, ids)
  call ekman_def_field(c, "t", levels=nlev)
  call ekman_def_field(c, "s")
  call ekman_def_field(c, "dt", levels=nlev)
  call ekman_def_field(c, "ds")
  call ekman_def_field(c, "u", levels=2)
  call ekman_def_field(c, "du")
  call ekman_enddef(c)
  do window = 1, windows
    call set_state()
    if (takes_no_part .and. (has("no_graph") .or. has("arrays"))) call begin_no_grad()
    call go_forward()
    if (takes_no_part .and. (has("no_graph") .or. has("arrays"))) call end_no_grad()
    if (has("learns")) call ask_scalars()
    if (has("between")) call ekman_advance(c)
    call go_back()
    if (.not. has("between")) call ekman_advance(c)
    call to_array(last_t, t)
    call to_array(last_s, s)
    do i = 1, n
      all(ids(i), 8*window - 7:8*window) = [t(i, :), s(i), gradient_of_t(i, :), gradient_of_s(i)]
    end do
  end do
  call write_output()
  call ekman_finalize(c)
  deallocate (ids, t, s, gradient_of_t, gradient_of_s, area_of_points, all, scalars)   ! nobody else frees a program's
  call MPI_Finalize()

contains

  subroutine set_state()
    do k = 1, nlev
      t(:, k) = at_points(sin(k*(0.1_real64*points + window)))
    end do
    s = at_points(cos(0.1_real64*points + window))
    first_t = from_array(t, requires_grad=.true.)
    first_s = from_array(s, requires_grad=.true.)
  end subroutine set_state

  ! Of values of all points those of this rank: bits of sin in a loop depend on the length of the loop.
  function at_points(values)
    real(real64), intent(in) :: values(0:)
    real(real64) :: at_points(n)
    at_points = values(ids)
  end function at_points

  ! Does not end the last step.
  subroutine go_forward()
    type(tensor) :: t, s, u, dt, ds, du
    t = first_t
    s = first_s
    do k = 1, tape
      if (k > 1) call ekman_advance(c)
      u = reshape(s, [n, 1])
      call ekman_put_tensor(c, "u", concatenate([u, u**2], dim=2))
      call ekman_put_tensor(c, "s", s)
      call ekman_put_tensor(c, "t", t)
      if (takes_no_part .and. has("arrays")) then
        call get_arrays(dt, ds, du)
      else if (modulo(me, 2) == 0) then   ! ranks need not get in one order
        call ekman_get_tensor(c, "dt", dt)
        call ekman_get_tensor(c, "du", du)
        call ekman_get_tensor(c, "ds", ds)
      else
        call ekman_get_tensor(c, "du", du)
        call ekman_get_tensor(c, "ds", ds, shape=[n], kind=tensor_real64)
        call ekman_get_tensor(c, "dt", dt)
      end if
      t = t + 0.1_real64*dt
      s = s + 0.1_real64*ds*du
    end do
    last_t = t
    last_s = s
  end subroutine go_forward

  subroutine get_arrays(dt, ds, du)
    type(tensor), intent(inout) :: dt, ds, du
    real(real64) :: of_levels(n, nlev), of_points(n)
    call ekman_get(c, "dt", of_levels)
    dt = from_array(of_levels)
    call ekman_get(c, "ds", of_points)
    ds = from_array(of_points)
    call ekman_get(c, "du", of_points)
    du = from_array(of_points)
  end subroutine get_arrays

  subroutine go_back()
    loss = sum(area*(sum((last_t - 0.3_real64)**2, dim=2) + (last_s + 0.2_real64)**2))/2
    if (takes_no_part) loss = zeros([integer ::], kind=tensor_real64)
    if (.not. (has("local") .or. has("masked"))) loss = global_sum(c, loss)
    if (has("retain")) then
      call backward(loss, gradient=full([integer ::], 0.75_real64), retain_graph=.true.)
      call backward(loss, gradient=full([integer ::], 0.25_real64))
    else
      call backward(loss)
    end if
    gradient_of_t = 0
    gradient_of_s = 0
    if (takes_no_part .and. (has("no_graph") .or. has("arrays"))) return
    call get_gradient(first_t, gradient_of_t)
    call get_gradient(first_s, gradient_of_s)
  end subroutine go_back

  subroutine ask_scalars()
    call ekman_get_scalar(c, "first/step", scalars(1, window))
    call ekman_get_scalar(c, "first/gradient_norm", scalars(2, window))
    call ekman_get_scalar(c, "second/step", scalars(3, window))
    call ekman_get_scalar(c, "second/gradient_norm", scalars(4, window))
  end subroutine ask_scalars

  subroutine write_output()
    integer :: unit
    call MPI_Allreduce(MPI_IN_PLACE, all, size(all), MPI_DOUBLE_PRECISION, MPI_SUM, comm)
    if (me /= 0) return
    open (newunit=unit, file=output, action="write", status="replace")
    do i = 0, total - 1
      write (unit, "(*(1x, z16.16))") all(i, :)
    end do
    do window = merge(1, windows + 1, has("learns")), windows
      write (unit, "(*(1x, z16.16))") scalars(:, window)
    end do
    close (unit)
  end subroutine write_output

end program tensor_model
