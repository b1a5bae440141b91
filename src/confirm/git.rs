//! Who wrote what is in a file, where the file lies in a git work tree. It only reads.

use std::path::Path;

use chrono::DateTime;
use git2::{BlameOptions, Commit, ErrorCode, Oid, Repository, Signature, Sort, Status};

use crate::rewards::window::Instant;

/// What git cannot tell, and of which repository.
#[derive(Debug, thiserror::Error)]
#[error("the git repository of {path}: {source}")]
pub struct GitError {
    pub path: String,
    pub source: git2::Error,
}

/// Who is answerable for a content, as far as it can be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// `Name <mail>`.
    pub author: Option<String>,
    /// The commit.
    pub revision: Option<String>,
    pub at: Option<Instant>,
    /// The first line of the commit's message.
    pub summary: Option<String>,
    /// How it was found, or why it is not known.
    pub by: &'static str,
}

impl Origin {
    pub const NO_GIT: &'static str = "not in a git repository";
    pub const NOT_COMMITTED: &'static str = "not committed";
    pub const LAST_COMMIT: &'static str = "the last commit that touched the file";
    pub const UNREADABLE: &'static str = "git could not be asked";
    pub const BLAME: &'static str = "blame of the line";

    const fn unknown(by: &'static str) -> Self {
        Self { author: None, revision: None, at: None, summary: None, by }
    }

    fn of_commit(commit: &Commit<'_>, by: &'static str) -> Self {
        let author = commit.author();
        Self {
            author: Some(person(&author)),
            revision: Some(commit.id().to_string()),
            at: instant(&author),
            summary: commit.summary_bytes().map(lossy),
            by,
        }
    }
}

/// `Name <mail>`.
pub(super) fn person(signature: &Signature<'_>) -> String {
    format!("{} <{}>", lossy(signature.name_bytes()), lossy(signature.email_bytes()))
}

pub(super) fn instant(signature: &Signature<'_>) -> Option<Instant> {
    DateTime::from_timestamp(signature.when().seconds(), 0)
}

/// Bytes as a text for people: what is no UTF-8 is shown as such, and control characters do nothing in a terminal.
pub(super) fn lossy(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// Where a file comes from as a whole, and each of some of its lines (from 1; none: the line is not known).
///
/// # Errors
/// [`GitError`]; a file outside of any repository is none.
pub(super) fn origins(
    file: &Path,
    bytes: &[u8],
    lines: &[Option<usize>],
) -> Result<(Origin, Vec<Origin>), GitError> {
    let failed = |source| GitError { path: file.display().to_string(), source };
    let outside = || (Origin::unknown(Origin::NO_GIT), vec![Origin::unknown(Origin::NO_GIT); lines.len()]);
    let real = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let repository = match Repository::discover(real.parent().unwrap_or(&real)) {
        Ok(repository) => repository,
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(outside()),
        Err(error) => return Err(failed(error)),
    };
    let workdir = repository.workdir().and_then(|folder| folder.canonicalize().ok());
    let inside = workdir.as_deref().and_then(|folder| real.strip_prefix(folder).ok());
    let Some(inside) = inside else { return Ok(outside()) };
    traced(&repository, inside, bytes, lines).map_err(failed)
}

fn traced(
    repository: &Repository,
    file: &Path,
    bytes: &[u8],
    lines: &[Option<usize>],
) -> Result<(Origin, Vec<Origin>), git2::Error> {
    let uncommitted = || Origin::unknown(Origin::NOT_COMMITTED);
    let none = || (uncommitted(), vec![uncommitted(); lines.len()]);
    let head = match repository.head().and_then(|head| head.peel_to_commit()) {
        Ok(head) => head,
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
            return Ok(none());
        }
        Err(error) => return Err(error),
    };
    if head.tree()?.get_path(file).is_err() {
        return Ok(none());
    }
    let is_committed = repository.status_file(file)? == Status::CURRENT;
    let last = match is_committed {
        true => last_touch(repository, &head, file)?,
        false => uncommitted(),
    };
    let mut found = vec![];
    let wanted = lines.iter().flatten();
    let blame = match (wanted.clone().min(), wanted.max()) {
        (Some(first), Some(end)) => {
            let mut options = BlameOptions::new();
            options.newest_commit(head.id());
            if is_committed {
                options.min_line(*first).max_line(*end);
            }
            let blame = repository.blame_file(file, Some(&mut options))?;
            Some(blame)
        }
        _ => None,
    };
    let edited = match (&blame, is_committed) {
        (Some(blame), false) => Some(blame.blame_buffer(bytes)?),
        _ => None,
    };
    for line in lines {
        let blame = edited.as_ref().or(blame.as_ref());
        let hunk = line.and_then(|line| blame.and_then(|blame| blame.get_line(line)));
        let commit = hunk.map(|hunk| hunk.final_commit_id());
        found.push(match commit {
            Some(id) if id == Oid::ZERO_SHA1 => uncommitted(),
            Some(id) => Origin::of_commit(&repository.find_commit(id)?, Origin::BLAME),
            None => last.clone(),
        });
    }
    Ok((last, found))
}

/// The newest commit that made the file what it is, in the order of history.
fn last_touch(repository: &Repository, head: &Commit<'_>, file: &Path) -> Result<Origin, git2::Error> {
    let mut walk = repository.revwalk()?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
    walk.push(head.id())?;
    let entry = |commit: &Commit<'_>| -> Result<Option<Oid>, git2::Error> {
        Ok(commit.tree()?.get_path(file).ok().map(|entry| entry.id()))
    };
    let wanted = entry(head)?;
    for id in walk {
        let commit = repository.find_commit(id?)?;
        if entry(&commit)? != wanted {
            continue;
        }
        let mut came_with_it = true;
        for parent in commit.parents() {
            came_with_it &= entry(&parent)? != wanted;
        }
        if came_with_it {
            return Ok(Origin::of_commit(&commit, Origin::LAST_COMMIT));
        }
    }
    Ok(Origin::unknown(Origin::LAST_COMMIT))
}
