//! Error numbers that have no [`std::io::ErrorKind`] (errno(3)). Those of the generic Linux ABI, which x86-64, aarch64
//! and riscv64 share; elsewhere the message is the general one.

pub(super) const EBADF: i32 = 9;
pub(super) const EINVAL: i32 = 22;
pub(super) const ELOOP: i32 = 40;
pub(super) const ENOTSOCK: i32 = 88;
pub(super) const EAFNOSUPPORT: i32 = 97;
