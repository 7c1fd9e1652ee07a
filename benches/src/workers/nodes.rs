//! Memory nodes. In: processors and pages. Out: the node of each.

use std::fs;
use std::io;

use anyhow::{Context, Result};

/// The smallest page of this kind of processor; pages are counted in it.
pub(super) const PAGE_BYTES: usize = 4_096;

/// The page that `bytes` begin in.
pub(super) fn page(bytes: &[u8]) -> usize {
    bytes.as_ptr().addr() / PAGE_BYTES
}

/// The memory node of a processor: the link in its directory of sysfs. 0 on a machine without nodes, which has no link.
pub(super) fn of_cpu(cpu: usize) -> Result<usize> {
    let directory = format!("/sys/devices/system/cpu/cpu{cpu}");
    let entries = fs::read_dir(&directory).with_context(|| directory.clone())?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter_map(|name| name.strip_prefix("node")?.parse().ok()).next().unwrap_or(0))
}

/// The memory node of each of this process's `pages`; `None` for one that is not in memory.
///
/// # Errors
/// Those of move_pages(2), as where a sandbox forbids it.
pub(super) fn of_pages(pages: &[usize]) -> io::Result<Vec<Option<usize>>> {
    let addresses: Vec<usize> = pages.iter().map(|page| page * PAGE_BYTES).collect();
    let mut nodes: Vec<libc::c_int> = vec![-1; pages.len()];
    // SAFETY: both arrays have as many elements as is said; without target nodes nothing is moved, and addresses are
    // only looked up (move_pages(2)).
    let result = unsafe {
        libc::syscall(
            libc::SYS_move_pages,
            0,
            addresses.len(),
            addresses.as_ptr(),
            std::ptr::null::<libc::c_int>(),
            nodes.as_mut_ptr(),
            0,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(nodes.into_iter().map(|node| usize::try_from(node).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_in_use_has_a_node_and_one_that_is_not_mapped_has_none() {
        let bytes = vec![1_u8; 2 * PAGE_BYTES];
        let nodes = of_pages(&[page(&bytes), 0]).unwrap();
        assert!(nodes[0].is_some() && nodes[1].is_none(), "{nodes:?}");
    }
}
