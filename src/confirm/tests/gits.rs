use std::fs;
use std::path::Path;

use git2::{Repository, Signature, Time};
use tempfile::TempDir;

use crate::config::WatchedRepository;
use crate::confirm::git::{Origin, origins};
use crate::confirm::{Line, look_at};

/// A repository of its own, without anybody's settings.
struct Made {
    dir: TempDir,
    repository: Repository,
}

impl Made {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let repository = Repository::init(dir.path()).unwrap();
        Self { dir, repository }
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Commits all that is there, on top of a commit or of HEAD.
    fn commit(&self, who: &str, seconds: i64, parents: Option<&[git2::Oid]>) -> git2::Oid {
        let mut index = self.repository.index().unwrap();
        index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
        index.update_all(["*"], None).unwrap();
        index.write().unwrap();
        let tree = self.repository.find_tree(index.write_tree().unwrap()).unwrap();
        let head = self.repository.head().ok().and_then(|head| head.target());
        let parents: Vec<git2::Commit<'_>> = parents
            .map_or_else(|| head.into_iter().collect(), <[_]>::to_vec)
            .into_iter()
            .map(|id| self.repository.find_commit(id).unwrap())
            .collect();
        let mail = format!("{who}@example.org");
        let signature = Signature::new(who, &mail, &Time::new(seconds, 0)).unwrap();
        let parents: Vec<&git2::Commit<'_>> = parents.iter().collect();
        let message = format!("{who} at {seconds}");
        let id = self.repository.commit(None, &signature, &signature, &message, &tree, &parents).unwrap();
        self.move_to(id);
        id
    }

    fn move_to(&self, id: git2::Oid) {
        let name =
            self.repository.find_reference("HEAD").unwrap().symbolic_target().unwrap().unwrap().to_owned();
        self.repository.reference(&name, id, true, "moved").unwrap();
    }

    fn watch(&self, paths: &[&str], keywords: &[&str]) -> WatchedRepository {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        WatchedRepository {
            name: "code".to_owned(),
            path: self.dir.path().to_owned(),
            branch: "HEAD".to_owned(),
            paths: owned(paths),
            keywords: owned(keywords),
        }
    }
}

fn line(number: u32, text: &str) -> Line {
    Line { number, text: text.to_owned() }
}

#[test]
fn rows_have_the_author_of_their_line_and_files_that_of_their_last_commit() {
    let made = Made::new();
    made.write("lists/vip.csv", "id,bonus\n1,5\n2,5\n3,5\n");
    let first = made.commit("ann", 1_000, None);
    made.write("lists/vip.csv", "id,bonus\n1,5\n2,50\n3,5\n");
    let second = made.commit("bob", 2_000, None);
    made.write("other", "x\n");
    made.commit("eve", 3_000, None);
    let file = made.dir.path().join("lists/vip.csv");
    let trace = |lines: &[Option<usize>]| origins(&file, &fs::read(&file).unwrap(), lines).unwrap();

    let (whole, rows) = trace(&[Some(2), Some(3), None]);
    assert_eq!(whole.revision, Some(second.to_string()));
    assert_eq!((whole.author.as_deref(), whole.by), (Some("bob <bob@example.org>"), Origin::LAST_COMMIT));
    assert_eq!((rows[0].revision.clone(), rows[0].by), (Some(first.to_string()), Origin::BLAME));
    assert_eq!((rows[1].revision.clone(), rows[1].by), (Some(second.to_string()), Origin::BLAME));
    assert_eq!(rows[1].at.map(|at| at.timestamp()), Some(2_000));
    assert_eq!(rows[2], whole, "of a row that is gone");

    // Edited: only the line that was, and what is gone, has nobody.
    made.write("lists/vip.csv", "id,bonus\n0,9\n1,5\n2,50\n3,5\n");
    let (whole, rows) = trace(&[Some(2), Some(4), None]);
    assert_eq!((whole.author.as_deref(), whole.by), (None, Origin::NOT_COMMITTED));
    assert_eq!((rows[0].author.as_deref(), rows[0].by), (None, Origin::NOT_COMMITTED));
    assert_eq!(rows[1].revision, Some(second.to_string()));
    assert_eq!(rows[2].by, Origin::NOT_COMMITTED);
}

#[test]
fn a_file_outside_of_git_or_never_committed_has_no_author() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("vip.csv");
    fs::write(&file, "id\n1\n").unwrap();
    let (whole, rows) = origins(&file, b"id\n1\n", &[Some(2)]).unwrap();
    assert_eq!((whole.by, rows[0].by), (Origin::NO_GIT, Origin::NO_GIT));
    let made = Made::new();
    made.write("vip.csv", "id\n1\n");
    let file = made.dir.path().join("vip.csv");
    assert_eq!(origins(&file, b"id\n1\n", &[]).unwrap().0.by, Origin::NOT_COMMITTED, "no commit at all");
    made.write("other", "x");
    made.repository.index().unwrap().add_path(Path::new("other")).unwrap();
    assert_eq!(origins(&file, b"id\n1\n", &[Some(2)]).unwrap().1[0].by, Origin::NOT_COMMITTED);
}

#[test]
fn commits_that_touch_watched_lines_are_found_with_blame() {
    let made = Made::new();
    made.write("src/pay.rs", "fn a() {}\nlet rate = 5;\nlet other = 1;\n");
    made.write("docs/pay.md", "rate\n");
    let first = made.commit("ann", 1_000, None);
    let watch = made.watch(&["src/*.rs"], &["RATE"]);
    let baseline = look_at(&watch, None).unwrap();
    assert_eq!(
        (baseline.tip.clone(), baseline.touched.len()),
        (first.to_string(), 0),
        "nothing waits at first"
    );

    made.write("src/pay.rs", "fn a() {}\nlet rate = 5;\nlet other = 2;\n");
    made.write("docs/pay.md", "the rate\n");
    made.commit("bob", 2_000, None);
    made.write("src/pay.rs", "fn a() {}\nlet rate = 50;\nlet other = 2;\n");
    let third = made.commit("eve", 3_000, None);
    made.write("src/pay.rs", "fn a() {}\nlet other = 2;\n");
    let last = made.commit("dan", 4_000, None);

    let looked = look_at(&watch, Some(&baseline.tip)).unwrap();
    assert_eq!((looked.tip, looked.rewritten), (last.to_string(), None));
    let [changed, removed] = &looked.touched[..] else { panic!("{:?}", looked.touched) };
    assert_eq!((changed.commit.clone(), changed.path.as_str()), (third.to_string(), "src/pay.rs"));
    assert_eq!(changed.author, "eve <eve@example.org>");
    assert_eq!(changed.message, "eve at 3000");
    assert_eq!(
        (&changed.before[..], &changed.after[..]),
        (&[line(2, "let rate = 5;")][..], &[line(2, "let rate = 50;")][..])
    );
    let [blamed] = &changed.blame[..] else { panic!("{:?}", changed.blame) };
    assert_eq!((blamed.author.as_str(), blamed.commit.clone()), ("ann <ann@example.org>", first.to_string()));
    assert_eq!((blamed.first, blamed.last), (2, 2));
    assert_eq!(removed.before, [line(2, "let rate = 50;")]);
    assert_eq!(removed.blame[0].commit, third.to_string());
    assert!(removed.after.is_empty());
}

#[test]
fn a_merge_is_told_only_of_what_it_changes_itself() {
    let made = Made::new();
    made.write("pay.rs", "rate 1\nx\nx\nx\nx\nrate 2\n");
    let base = made.commit("ann", 1_000, None);
    let watch = made.watch(&[], &["rate"]);
    made.write("pay.rs", "rate 10\nx\nx\nx\nx\nrate 2\n");
    let left = made.commit("bob", 2_000, Some(&[base]));
    made.write("pay.rs", "rate 1\nx\nx\nx\nx\nrate 20\n");
    made.write("new.rs", "rate 7\n");
    let right = made.commit("eve", 3_000, Some(&[base]));
    made.write("pay.rs", "rate 10\nx\nx\nx\nx\nrate 99\n");
    let merge = made.commit("dan", 4_000, Some(&[left, right]));
    let looked = look_at(&watch, Some(&base.to_string())).unwrap();
    let found: Vec<(String, &str)> =
        looked.touched.iter().map(|touched| (touched.commit.clone(), touched.path.as_str())).collect();
    for expected in [
        (left.to_string(), "pay.rs"),
        (right.to_string(), "new.rs"),
        (right.to_string(), "pay.rs"),
        (merge.to_string(), "pay.rs"),
    ] {
        assert!(found.contains(&expected), "{expected:?} in {found:?}");
    }
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn a_history_that_was_rewritten_is_said() {
    let made = Made::new();
    made.write("pay.rs", "rate 1\n");
    let base = made.commit("ann", 1_000, None);
    made.write("pay.rs", "rate 2\n");
    let seen = made.commit("bob", 2_000, None);
    made.write("pay.rs", "rate 3\n");
    let other = made.commit("eve", 3_000, Some(&[base]));
    let watch = made.watch(&[], &[]);
    let looked = look_at(&watch, Some(&seen.to_string())).unwrap();
    assert!(looked.rewritten.unwrap().contains(&format!("after {base} is looked at")));
    assert_eq!(looked.touched.len(), 1, "what is new is looked at from the common commit on");

    let gone = look_at(&watch, Some(&"1".repeat(40))).unwrap();
    assert!(gone.rewritten.unwrap().contains("is gone"));
    assert_eq!((gone.tip, gone.touched.len()), (other.to_string(), 0));
}

#[test]
fn a_repository_that_is_not_there_is_an_error_that_names_it() {
    let dir = TempDir::new().unwrap();
    let made = Made::new();
    let watch = WatchedRepository { path: dir.path().join("none"), ..made.watch(&[], &[]) };
    let why = look_at(&watch, None).unwrap_err().to_string();
    assert!(why.contains("none"), "{why}");
    let why = look_at(&made.watch(&[], &[]), None).unwrap_err().to_string();
    assert!(why.contains("HEAD") || why.contains("reference"), "no commit yet: {why}");
}
