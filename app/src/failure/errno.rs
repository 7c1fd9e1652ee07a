//! Error numbers that have no [`std::io::ErrorKind`] (errno(3)). Those of the generic Linux ABI, which x86-64, aarch64
//! and riscv64 share; elsewhere the message is the general one.

pub(crate) const ELOOP: i32 = 40;
