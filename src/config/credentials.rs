//! Secrets that systemd hands over: one file each in `$CREDENTIALS_DIRECTORY`, named as the variable that it stands for.

use std::fs;
use std::io;
use std::path::Path;

use super::error::ConfigError;
use super::settings::{PREFIX, Variable};

/// The credentials in a folder whose names are variables of ours, in order of names. The end of the last line is no part
/// of a secret.
///
/// # Errors
/// [`ConfigError::Unreadable`] where the folder or one of the files cannot be read as text.
pub(super) fn read(dir: &Path) -> Result<Vec<Variable>, ConfigError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| ConfigError::Unreadable { path, source }
    };
    let mut variables = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable(dir))? {
        let path = entry.map_err(unreadable(dir))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if name.starts_with(PREFIX) {
            let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
            let (name, place) = (name.to_owned(), path.display().to_string());
            variables.push(Variable { name, text: text.trim_end_matches(['\r', '\n']).to_owned(), place });
        }
    }
    variables.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_named_as_variables_are_read_without_their_last_line_end() {
        let dir = tempfile::TempDir::new().unwrap();
        fs::write(dir.path().join("REWARDD__DATABASE__URL"), "mysql://rewardd:geheim@db/rewards\n").unwrap();
        fs::write(dir.path().join("another-service"), "x").unwrap();
        let variables = read(dir.path()).unwrap();
        assert_eq!(variables.len(), 1);
        assert_eq!(variables[0].name, "REWARDD__DATABASE__URL");
        assert_eq!(variables[0].text, "mysql://rewardd:geheim@db/rewards");
        assert!(variables[0].place.ends_with("/REWARDD__DATABASE__URL"));
        assert!(matches!(read(&dir.path().join("none")), Err(ConfigError::Unreadable { .. })));
    }
}
