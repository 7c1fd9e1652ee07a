//! What belongs to the process rather than to a worker: signals and limits.

pub use crate::sys::{
    DescriptorLimit, Signal, Signals, allowed_cpus, cpu_quota, descriptors_open, listen_backlog_max,
    memlock_limit_bytes, raise_descriptor_limit,
};
