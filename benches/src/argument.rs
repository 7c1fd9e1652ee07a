//! Values of options. In: one of those that the command line knows. Out: its name there.

use clap::ValueEnum;

/// What `value` is called on the command line.
///
/// # Panics
/// With a value that the command line does not know (`skip`).
pub(crate) fn argument(value: &impl ValueEnum) -> String {
    value.to_possible_value().expect("it is not skipped").get_name().to_owned()
}
