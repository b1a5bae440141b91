//! The optional `.env` file beside the configuration file. It is read without touching the process's environment.

use std::fs;
use std::io;
use std::path::Path;

use super::error::ConfigError;
use super::settings::{PREFIX, Variable};

/// The variables of the file at `path`, in its order; none where it does not exist.
///
/// # Errors
/// [`ConfigError::Unreadable`], or [`ConfigError::Invalid`] with every line that is not `KEY=VALUE`.
pub(super) fn read(path: &Path) -> Result<Vec<Variable>, ConfigError> {
    match fs::read_to_string(path) {
        Ok(text) => parse(&path.display().to_string(), &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(ConfigError::Unreadable { path: path.to_owned(), source }),
    }
}

/// Each line is parsed alone: a value never spans lines here, so that a quote left open is found where it opens
/// instead of swallowing what follows, and every error has its line.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Variable>, ConfigError> {
    let (mut variables, mut problems) = (Vec::<Variable>::new(), Vec::new());
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let place = format!("{file}:{}", index + 1);
        match parse_line(line) {
            Ok(None) => {}
            Ok(Some((name, _))) if variables.iter().any(|known| known.name == name) => {
                problems.push(format!("{place}: {name} is set before already"));
            }
            Ok(Some((name, text))) => variables.push(Variable { name, text, place }),
            Err(what) => problems.push(format!("{place}: {what}")),
        }
    }
    if problems.is_empty() { Ok(variables) } else { Err(ConfigError::Invalid(problems)) }
}

/// The messages do not repeat the line: it may hold a password.
fn parse_line(line: &str) -> Result<Option<(String, String)>, String> {
    // Without its end, a line with trailing blanks would be taken for one that goes on.
    let Some(variable) = dotenvy::from_read_iter(format!("{line}\n").as_bytes()).next() else {
        return Ok(None);
    };
    let (name, text) = variable.map_err(|_| {
        "is not KEY=VALUE; a value with blanks or # goes in quotes, and quotes must be closed on the same line"
            .to_owned()
    })?;
    // What a $ outside single quotes names would be put in its place, or nothing: a password silently changed.
    let value = line.split_once('=').map_or("", |(_, value)| value.trim_start());
    let quoted = value.strip_prefix('\'').and_then(|rest| rest.split_once('\''));
    let unquoted = quoted.map_or(value, |(_, rest)| rest);
    if name.starts_with(PREFIX) && unquoted.replace("\\$", "").contains('$') {
        return Err(format!("{name}: a value with $ goes in single quotes"));
    }
    Ok(Some((name, text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<(String, String)>, String> {
        let pairs = |variables: Vec<Variable>| variables.into_iter().map(|v| (v.name, v.text)).collect();
        parse(".env", text).map(pairs).map_err(|error| error.to_string())
    }

    #[test]
    fn key_value_lines_are_read_and_the_rest_is_skipped() {
        let text = "\u{feff}# a comment\r\n\nA=1\r\nexport B=\"two words\" # why\nC='a $b # c' \nD=\nE=x#y";
        let expected = [("A", "1"), ("B", "two words"), ("C", "a $b # c"), ("D", ""), ("E", "x#y")];
        let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(parsed(text), Ok(expected.to_vec()));
    }

    #[test]
    fn every_half_written_line_is_named() {
        let text = "A=1\nREWARDD__DATABASE__URL\n\nB=\"secret\nC='x\nD=a secret\nA=2\n=1\nREWARDD__X=pa$s\nREWARDD__Y='pa'$s\n2=3";
        let expected = "the configuration is not valid:
  .env:2: is not KEY=VALUE; a value with blanks or # goes in quotes, and quotes must be closed on the same line
  .env:4: is not KEY=VALUE; a value with blanks or # goes in quotes, and quotes must be closed on the same line
  .env:5: is not KEY=VALUE; a value with blanks or # goes in quotes, and quotes must be closed on the same line
  .env:6: is not KEY=VALUE; a value with blanks or # goes in quotes, and quotes must be closed on the same line
  .env:7: A is set before already
  .env:8: is not KEY=VALUE; a value with blanks or # goes in quotes, and quotes must be closed on the same line
  .env:9: REWARDD__X: a value with $ goes in single quotes
  .env:10: REWARDD__Y: a value with $ goes in single quotes
  .env:11: is not KEY=VALUE; a value with blanks or # goes in quotes, and quotes must be closed on the same line";
        assert_eq!(parsed(text), Err(expected.to_owned()));
    }
}
