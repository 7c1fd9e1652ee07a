//! Error numbers that have no [`std::io::ErrorKind`] (errno(3)). Those of the generic Linux ABI, which x86-64, aarch64
//! and riscv64 share; elsewhere the message is the general one.

pub(crate) const EBADF: i32 = 9;
pub(crate) const EINVAL: i32 = 22;
pub(crate) const ELOOP: i32 = 40;
pub(crate) const ENOTSOCK: i32 = 88;
pub(crate) const EAFNOSUPPORT: i32 = 97;
