//! Where an export goes: standard output, or a file that has its name only once it is complete.

use std::fs::Permissions;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::super::error::{self, FileError};

/// Where rows are written.
#[derive(Debug)]
pub enum Output {
    Stdout,
    /// Under a temporary name beside the file; dropped before [`Output::finish`], nothing stays of it.
    File {
        path: PathBuf,
        file: NamedTempFile,
        replace: bool,
    },
}

impl Output {
    /// Begins a file.
    ///
    /// # Errors
    /// [`FileError::Exists`] where there is one and it may not be replaced; [`FileError::Io`].
    pub fn file(path: &Path, replace: bool) -> Result<Self, FileError> {
        if !replace && path.symlink_metadata().is_ok() {
            return Err(FileError::Exists { path: path.to_owned() });
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name =
            path.file_name().ok_or_else(|| error::io("create", path)(ErrorKind::IsADirectory.into()))?;
        // As any new file, which the process's umask narrows; a temporary one would be its owner's only.
        let file = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o666))
            .prefix(name)
            .suffix(".part")
            .tempfile_in(folder)
            // The name of a temporary file says nothing to anybody.
            .map_err(|failed| error::io("create", path)(failed.kind().into()))?;
        Ok(Self::File { path: path.to_owned(), file, replace })
    }

    /// How messages name it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match self {
            Self::Stdout => PathBuf::from("standard output"),
            Self::File { path, .. } => path.clone(),
        }
    }

    /// What is written to; it may be dropped before the file is finished.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn writer(&self) -> Result<Box<dyn Write + Send + Sync>, FileError> {
        Ok(match self {
            Self::Stdout => Box::new(io::stdout()),
            Self::File { path, file, .. } => {
                Box::new(file.as_file().try_clone().map_err(error::io("write", path))?)
            }
        })
    }

    /// Brings a file to the disk and gives it its name.
    ///
    /// # Errors
    /// [`FileError::Exists`] where a file of that name has come meanwhile; [`FileError::Io`].
    pub fn finish(self) -> Result<(), FileError> {
        let Self::File { path, file, replace } = self else { return Ok(()) };
        file.as_file().sync_all().map_err(error::io("write", &path))?;
        let kept = if replace { file.persist(&path) } else { file.persist_noclobber(&path) };
        match kept {
            Ok(_) => Ok(()),
            Err(failed) if failed.error.kind() == ErrorKind::AlreadyExists => Err(FileError::Exists { path }),
            Err(failed) => Err(error::io("write", &path)(failed.error)),
        }
    }
}
