//! What is wrong with a configuration.

use std::io;
use std::path::PathBuf;

/// Why there is no configuration. Messages never repeat the text of a URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "there is no configuration file {}: copy the commented config.toml that comes with rewardd there, or \
         name the file you mean; a file with only database.url is enough", .0.display()
    )]
    Missing(PathBuf),
    #[error("cannot read {}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// Everything that was found, each as `where: key: what is wrong and what is allowed`; never empty.
    #[error("the configuration is not valid:\n  {}", .0.join("\n  "))]
    Invalid(Vec<String>),
}

/// The candidate that `word` was probably meant to be: one that ends with it (a section was left out), or else the
/// closest in spelling.
pub(super) fn nearest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    // Nothing here is that long, and comparing takes the product of both lengths.
    if word.len() > 100 {
        return None;
    }
    let candidates: Vec<_> = candidates.collect();
    let shortened = candidates.iter().find(|c| c.strip_suffix(word).is_some_and(|rest| rest.ends_with('.')));
    let tolerated = word.len() / 3;
    let closest = || {
        let ranked = candidates.iter().map(|c| (edits(word, c), c));
        ranked.filter(|(edits, _)| *edits <= tolerated).min_by_key(|(edits, _)| *edits).map(|(_, c)| c)
    };
    shortened.or_else(closest).copied()
}

/// The single-byte insertions, removals and replacements between two texts (Levenshtein's distance).
fn edits(from: &str, to: &str) -> usize {
    let mut previous: Vec<usize> = (0..=to.len()).collect();
    for (row, a) in from.bytes().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in to.bytes().enumerate() {
            let replaced = previous[column] + usize::from(a != b);
            current.push(replaced.min(previous[column + 1] + 1).min(current[column] + 1));
        }
        previous = current;
    }
    previous[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_close_or_none() {
        let keys = ["rules.daily.min_votes", "rules.daily.min_active_hours", "database.url"];
        for (word, expected) in [
            ("rules.daily.min_vote", Some("rules.daily.min_votes")),
            ("rules.dayly.minvotes", Some("rules.daily.min_votes")),
            ("daily.min_votes", Some("rules.daily.min_votes")),
            ("database.uri", Some("database.url")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, keys.into_iter()), expected, "{word}");
        }
    }
}
