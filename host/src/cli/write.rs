//! Files that are written whole or not at all.

use std::io::Write;
use std::path::Path;

/// Writes a file. Until all of it is there, what was in its place stays: a disk that is full or a process that is killed costs no good file.
pub fn write_file(path: &Path, contents: &[u8]) -> std::io::Result<()> {
    // Of a link, the file that it leads to.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let present = std::fs::metadata(path).ok();
    if present.as_ref().is_some_and(|present| !present.is_file()) {
        // A pipe or a device.
        return std::fs::write(path, contents);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".earmark-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(contents)?;
    if let Some(present) = present {
        file.as_file().set_permissions(present.permissions())?;
    }
    file.persist(path)?;
    Ok(())
}

/// Whether both paths lead to one file, which is there.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::write_file;

    #[test]
    fn files_keep_their_place_and_their_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("model.ear"), folder.path().join("current.ear"));
        std::fs::write(&file, "old").unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        write_file(&link, b"new").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
        assert!(link.is_symlink());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        assert!(write_file(&folder.path().join("none/model.ear"), b"new").is_err());
        write_file("/dev/null".as_ref(), b"new").unwrap();
    }
}
