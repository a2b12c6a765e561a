//! Warns of an SQLite database on a network file system: its write-ahead log is memory that processes share, which no network file system
//! offers, and the locks of many of them are not reliable. A database there works for a while and is damaged one day.

use std::{os::unix::fs::MetadataExt, path::Path};

/// The file that lists the mounts of this process; only Linux has it.
const MOUNTS_FILE: &str = "/proc/self/mountinfo";
/// The names of network file systems, as the kernel calls them.
const NETWORK_FILE_SYSTEMS: [&str; 20] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "ceph",
    "coda",
    "lustre",
    "gpfs",
    "beegfs",
    "glusterfs",
    "fuse.ceph",
    "fuse.glusterfs",
    "fuse.juicefs",
    "fuse.mfs",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.sshfs",
];

/// The warning about the file system of this file; `None` for a local disk, and where the system does not say.
pub(super) fn warning(file: &Path) -> Option<String> {
    let device = std::fs::metadata(file).ok()?.dev();
    let mounts = std::fs::read_to_string(MOUNTS_FILE).ok()?;
    let kind = network_file_system(&mounts, device)?;
    Some(format!(
        "database_url: {} lies on a network file system ({kind}), where SQLite is damaged sooner or later; move it to a disk of this machine, \
         or take PostgreSQL",
        file.display()
    ))
}

fn network_file_system(mounts: &str, device: u64) -> Option<&str> {
    // As the kernel writes a device and the C library reads it.
    let major = device >> 8 & 0xfff | device >> 32 & 0xffff_f000;
    let minor = device & 0xff | device >> 12 & 0xffff_ff00;
    let number = format!("{major}:{minor}");
    let mount = mounts.lines().find(|mount| mount.split(' ').nth(2) == Some(&number))?;
    // Optional fields end with a dash; the kind follows.
    let (_, rest) = mount.split_once(" - ")?;
    rest.split(' ').next().filter(|kind| NETWORK_FILE_SYSTEMS.contains(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "\
24 29 0:22 / /sys rw,nosuid shared:7 - sysfs sysfs rw
29 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw
301 29 0:52 / /mnt/team\\040files rw,relatime shared:170 - nfs4 nas:/export rw,vers=4.2
302 29 0:53 / /mnt/share rw - cifs //nas/share rw,vers=3.1.1
303 29 0:300 / /home/a/remote rw,nosuid - fuse.sshfs a@b: rw
304 29 0:301 / /home/a/.gvfs rw,nosuid - fuse.portal portal rw
";

    const fn device(major: u64, minor: u64) -> u64 {
        (major & 0xfff) << 8 | (minor & 0xff) | (minor & 0xffff_ff00) << 12
    }

    #[test]
    fn f10_a_network_file_system_is_known_by_the_device_that_a_file_lies_on() {
        for (number, kind) in [
            (device(0, 52), Some("nfs4")),
            (device(0, 53), Some("cifs")),
            (device(0, 300), Some("fuse.sshfs")),
            (device(0, 301), None),
            (device(259, 2), None),
            (device(8, 1), None),
        ] {
            assert_eq!(network_file_system(SAMPLE, number), kind);
        }
    }

    #[test]
    fn f10_a_disk_of_this_machine_is_nothing_to_warn_about() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(warning(folder.path()), None);
        // The mounts of this machine can be read at all: the folder's own is among them.
        let mounts = std::fs::read_to_string(MOUNTS_FILE).unwrap();
        let proc = std::fs::metadata("/proc/self").unwrap().dev();
        let number = format!("0:{}", proc & 0xff | proc >> 12 & 0xffff_ff00);
        assert!(mounts.lines().any(|mount| mount.split(' ').nth(2) == Some(&number)), "{number} in {mounts}");
    }
}
