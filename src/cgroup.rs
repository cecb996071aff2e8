//! The memory that the system allows this process: the limit of its control group, as systemd's `MemoryMax=` and
//! containers set it (<https://docs.kernel.org/admin-guide/cgroup-v2.html>).

use std::{fs, path::Path};

/// The limit in bytes; `None` if there is none.
pub fn memory_limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    // Version 2 has one line, with no controllers between the colons.
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    least_limit(Path::new("/sys/fs/cgroup"), group)
}

/// The least limit of the group and those around it. In a container, the group's path may be one that only its host has.
fn least_limit(root: &Path, group: &str) -> Option<u64> {
    let group = root.join(group.trim_start_matches('/'));
    let groups = group.ancestors().take_while(|path| path.starts_with(root));
    groups.filter_map(|path| fs::read_to_string(path.join("memory.max")).ok()?.trim().parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_of_all_groups_counts() {
        let root = tempfile::tempdir().unwrap();
        let group = root.path().join("system.slice/emotiond.service");
        fs::create_dir_all(&group).unwrap();
        let limit = |folder: &Path, limit: &str| fs::write(folder.join("memory.max"), limit).unwrap();
        let found = || least_limit(root.path(), "/system.slice/emotiond.service");
        assert_eq!(found(), None);
        limit(&group, "max\n");
        assert_eq!(found(), None);
        limit(&group, "1073741824\n");
        assert_eq!(found(), Some(1 << 30));
        limit(&root.path().join("system.slice"), "536870912\n");
        assert_eq!(found(), Some(1 << 29));
        assert_eq!(least_limit(root.path(), "/of/the/host"), None);
        limit(root.path(), "1048576\n");
        assert_eq!(least_limit(root.path(), "/of/the/host"), Some(1 << 20));
    }
}
