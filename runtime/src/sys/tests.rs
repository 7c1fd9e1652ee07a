//! Tests on the real kernel.
