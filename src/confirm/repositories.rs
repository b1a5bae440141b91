//! Repositories some lines of which decide about money: which new commits touched such lines, and who wrote them before.

use std::collections::BTreeSet;
use std::path::Path;

use git2::{
    BlameOptions, Commit, Diff, DiffFindOptions, DiffOptions, ErrorCode, Oid, Patch, Repository, Sort, Tree,
};

use super::git::{GitError, instant, lossy, person};
use crate::config::WatchedRepository;
use crate::rewards::window::Instant;

/// A larger file is no source code.
const LARGEST: i64 = 16 * 1024 * 1024;
/// Lines of a change that are kept; of the rest it is said how many they are.
const KEPT: usize = 200;

/// What one look at a repository has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// The commit that the branch is at.
    pub tip: String,
    /// Where the history was rewritten since the last look: what became of it.
    pub rewritten: Option<String>,
    /// In the order of history, oldest first.
    pub touched: Vec<Touched>,
}

/// A commit that touched watched lines of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    pub commit: String,
    pub author: String,
    pub at: Option<Instant>,
    pub message: String,
    pub path: String,
    /// What was taken away, and what came: all lines of those places where one is watched.
    pub before: Vec<Line>,
    pub after: Vec<Line>,
    /// Lines that are left out of the two.
    pub left_out: usize,
    /// Who had last touched the lines that were taken away.
    pub blame: Vec<Blamed>,
}

/// A line with its number in its version of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub number: u32,
    pub text: String,
}

/// Lines in a row, by one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blamed {
    pub first: u32,
    pub last: u32,
    pub author: String,
    pub commit: String,
    pub at: Option<Instant>,
}

/// Looks at what has come since a commit; at the first look, only where the branch is.
///
/// # Errors
/// [`GitError`]: there is no such repository or branch, or it is broken.
pub fn look_at(watch: &WatchedRepository, last: Option<&str>) -> Result<Looked, GitError> {
    looked(watch, last).map_err(|source| GitError { path: watch.path.display().to_string(), source })
}

fn looked(watch: &WatchedRepository, last: Option<&str>) -> Result<Looked, git2::Error> {
    let repository = Repository::open(&watch.path)?;
    let tip = tip(&repository, &watch.branch)?;
    let mut looked = Looked { tip: tip.to_string(), rewritten: None, touched: vec![] };
    let Some(last) = last else { return Ok(looked) };
    let last = Oid::from_str(last)?;
    if last == tip {
        return Ok(looked);
    }
    let from = match base(&repository, last, tip)? {
        Some(base) => base,
        None => {
            looked.rewritten = Some(format!(
                "the history was replaced: commit {last}, which was seen last, is gone or has nothing in common with \
                 {tip}; what was committed up to there was not looked at, and looks go on from there"
            ));
            return Ok(looked);
        }
    };
    if from != last {
        looked.rewritten = Some(format!(
            "the history was rewritten: commit {last}, which was seen last, is not part of the branch any more; what \
             came after {from} is looked at, up to {tip}"
        ));
    }
    let mut walk = repository.revwalk()?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)?;
    walk.push(tip)?;
    walk.hide(from)?;
    let keywords: Vec<String> = watch.keywords.iter().map(|word| word.to_lowercase()).collect();
    let eye = Eye { repository: &repository, paths: &watch.paths, keywords };
    for id in walk {
        eye.touches(&repository.find_commit(id?)?, &mut looked.touched)?;
    }
    Ok(looked)
}

fn tip(repository: &Repository, branch: &str) -> Result<Oid, git2::Error> {
    let reference = match branch {
        "HEAD" => repository.head()?,
        branch => repository.resolve_reference_from_short_name(branch)?,
    };
    Ok(reference.peel_to_commit()?.id())
}

/// The last commit that is common to what was seen and what is there now.
fn base(repository: &Repository, last: Oid, tip: Oid) -> Result<Option<Oid>, git2::Error> {
    if let Err(error) = repository.find_commit(last) {
        return if error.code() == ErrorCode::NotFound { Ok(None) } else { Err(error) };
    }
    match repository.merge_base(last, tip) {
        Ok(base) => Ok(Some(base)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is watched.
struct Eye<'a> {
    repository: &'a Repository,
    paths: &'a [String],
    keywords: Vec<String>,
}

impl<'a> Eye<'a> {
    fn touches(&self, commit: &Commit<'a>, found: &mut Vec<Touched>) -> Result<(), git2::Error> {
        let tree = commit.tree()?;
        let parents: Vec<Commit<'_>> = commit.parents().collect();
        let first = parents.first().map(Commit::tree).transpose()?;
        let diff = self.diff(first.as_ref(), &tree)?;
        // Of a merge only what is as in none of its parents is its own; the rest came with other commits.
        let mut others = vec![];
        for parent in parents.iter().skip(1) {
            others.push(self.paths_of(&self.diff(Some(&parent.tree()?), &tree)?));
        }
        for index in 0..diff.deltas().len() {
            let Some(patch) = Patch::from_diff(&diff, index)? else { continue };
            let delta = patch.delta();
            let path = delta.new_file().path_bytes().or(delta.old_file().path_bytes());
            let path = path.unwrap_or_default().to_vec();
            if others.iter().any(|paths| !paths.contains(&path)) {
                continue;
            }
            let old_path = delta.old_file().path().map(Path::to_owned);
            let Some(mut touched) = self.lines(&patch)? else { continue };
            touched.path = lossy(&path);
            touched.commit = commit.id().to_string();
            touched.author = person(&commit.author());
            touched.at = instant(&commit.author());
            touched.message = String::from_utf8_lossy(commit.message_bytes()).trim().to_owned();
            if let (Some(parent), Some(old_path)) = (parents.first(), old_path) {
                touched.blame = self.blame(parent.id(), &old_path, &touched.before)?;
            }
            found.push(touched);
        }
        Ok(())
    }

    /// Paths are matched as git's pathspecs: `*` stands for folders too, and a folder for all that is in it.
    fn diff(&self, old: Option<&Tree<'_>>, new: &Tree<'_>) -> Result<Diff<'a>, git2::Error> {
        let mut options = DiffOptions::new();
        // A file that an attribute calls binary is looked at all the same.
        options.context_lines(0).force_text(true).max_size(LARGEST);
        for path in self.paths {
            options.pathspec(path.as_str());
        }
        let mut diff = self.repository.diff_tree_to_tree(old, Some(new), Some(&mut options))?;
        // A file that moves as it is touches no line.
        diff.find_similar(Some(DiffFindOptions::new().renames(true).exact_match_only(true)))?;
        Ok(diff)
    }

    fn paths_of(&self, diff: &Diff<'_>) -> BTreeSet<Vec<u8>> {
        let path = |delta: git2::DiffDelta<'_>| {
            delta.new_file().path_bytes().or(delta.old_file().path_bytes()).unwrap_or_default().to_vec()
        };
        diff.deltas().map(path).collect()
    }

    fn is_watched(&self, line: &str) -> bool {
        let line = line.to_lowercase();
        self.keywords.is_empty() || self.keywords.iter().any(|word| line.contains(word.as_str()))
    }

    /// The places of a patch where a line is watched; none where there is none.
    fn lines(&self, patch: &Patch<'_>) -> Result<Option<Touched>, git2::Error> {
        let (mut before, mut after) = (vec![], vec![]);
        for hunk in 0..patch.num_hunks() {
            let (mut old, mut new, mut watched) = (vec![], vec![], false);
            for index in 0..patch.num_lines_in_hunk(hunk)? {
                let line = patch.line_in_hunk(hunk, index)?;
                let side = match line.origin() {
                    '-' => &mut old,
                    '+' => &mut new,
                    _ => continue,
                };
                let text = lossy(line.content().strip_suffix(b"\n").unwrap_or(line.content()));
                watched |= self.is_watched(&text);
                let number = line.old_lineno().or(line.new_lineno()).unwrap_or_default();
                side.push(Line { number, text });
            }
            if watched {
                before.extend(old);
                after.extend(new);
            }
        }
        if before.is_empty() && after.is_empty() {
            return Ok(None);
        }
        let left_out = before.len().saturating_sub(KEPT) + after.len().saturating_sub(KEPT);
        before.truncate(KEPT);
        after.truncate(KEPT);
        Ok(Some(Touched {
            commit: String::new(),
            author: String::new(),
            at: None,
            message: String::new(),
            path: String::new(),
            before,
            after,
            left_out,
            blame: vec![],
        }))
    }

    /// Who had last touched lines of a file as it was at a commit.
    fn blame(&self, at: Oid, file: &Path, lines: &[Line]) -> Result<Vec<Blamed>, git2::Error> {
        let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return Ok(vec![]) };
        let mut options = BlameOptions::new();
        options.newest_commit(at).min_line(first.number as usize).max_line(last.number as usize);
        let blame = self.repository.blame_file(file, Some(&mut options))?;
        let mut found: Vec<Blamed> = vec![];
        for Line { number, .. } in lines {
            let Some(hunk) = blame.get_line(*number as usize) else { continue };
            let commit = hunk.final_commit_id().to_string();
            match found.last_mut() {
                Some(run) if run.commit == commit && run.last + 1 == *number => run.last = *number,
                _ => {
                    let signature = hunk.final_signature();
                    found.push(Blamed {
                        first: *number,
                        last: *number,
                        author: signature.as_ref().map(person).unwrap_or_default(),
                        commit,
                        at: signature.as_ref().and_then(instant),
                    });
                }
            }
        }
        Ok(found)
    }
}
