//! The patches of `benches/broken` still apply. In: the patches, and the tree. Out: which have to be made anew. Whether each is
//! found by seeds is told by `benches/broken/run`, which takes minutes.

use std::path::Path;
use std::process::Command;

#[test]
fn every_broken_build_can_still_be_made() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let patches = std::fs::read_dir(top.join("benches/broken")).expect("the patches' directory");
    let patches: Vec<_> = patches
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "patch"))
        .collect();
    assert!(patches.len() >= 20, "{} patches", patches.len());
    for patch in patches {
        let applied = Command::new("git").current_dir(&top).args(["apply", "--check"]).arg(&patch).output();
        let Ok(applied) = applied else { return eprintln!("skipped: there is no git") };
        let text = std::fs::read_to_string(&patch).expect("a patch is text");
        let workload = text.lines().find_map(|line| line.strip_prefix("workload: "));
        let is_known = workload.is_none_or(|workload| matches!(workload, "server" | "site"));
        assert!(is_known, "{}: {workload:?} is no workload of `simulate`", patch.display());
        let errors = String::from_utf8_lossy(&applied.stderr).into_owned();
        assert!(applied.status.success(), "make {} anew: {errors}", patch.display());
    }
}
