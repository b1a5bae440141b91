use std::thread;

use tempfile::TempDir;

use super::*;

fn instant(text: &str) -> Instant {
    text.parse().unwrap()
}

/// A state that fills every field.
fn running() -> ProcessState {
    let at = instant("2026-11-19T14:00:05.25Z");
    ProcessState {
        pid: 4711,
        host: "payhost".to_owned(),
        version: "0.1.0".to_owned(),
        started_at: instant("2026-11-19T08:00:00Z"),
        activity: Activity::Running {
            job: "hourly".to_owned(),
            window: "hour 13 of 2026-11-19 (2026-11-19T13:00:00.000000Z)".to_owned(),
        },
        standby: false,
        last_success: BTreeMap::from([("hourly".to_owned(), instant("2026-11-19T13:00:07Z"))]),
        next_ticks: BTreeMap::from([("transfers".to_owned(), instant("2026-11-19T14:01:00Z"))]),
        last_error: Some(LastError { at, job: "transfers".to_owned(), error: "no route".to_owned() }),
        waiting: vec!["day 2026-11-18: an hour of this day has failed".to_owned()],
        http: Some("127.0.0.1:9464".parse().unwrap()),
    }
}

fn stopped() -> ProcessState {
    ProcessState { activity: Activity::Stopped, ..running() }
}

/// An empty folder, and a state file in a folder of it that is still to be made.
fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state/processes.json");
    (folder, path)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_live_owner_refuses_a_second_one_and_says_who_it_is() {
    let (_folder, path) = place();
    let (owner, claim) = StateFile::claim(&path).unwrap();
    assert!(matches!(claim, Claim::Fresh));
    let silent = StateFile::claim(&path).unwrap_err().to_string();
    assert!(silent.starts_with("a process that has not said yet what it does already works"), "{silent}");

    owner.write(&running()).unwrap();
    assert_eq!(
        StateFile::claim(&path).unwrap_err().to_string(),
        format!(
            "rewardd 0.1.0 (pid 4711 on payhost, started 2026-11-19T08:00:00.000000Z, running hourly: hour 13 of \
             2026-11-19 (2026-11-19T13:00:00.000000Z)) already works with the state file {}; stop it first, or give \
             this one a process.state_file of its own",
            path.display()
        )
    );

    fs::write(&path, "{").unwrap();
    let broken = StateFile::claim(&path).unwrap_err().to_string();
    assert!(broken.starts_with("a process that cannot be told (cannot read the state file"), "{broken}");
}

#[test]
fn what_is_written_is_read_again_and_looks_like_this() {
    let (_folder, path) = place();
    assert_eq!(StateFile::read(&path).unwrap(), None);
    let (owner, _) = StateFile::claim(&path).unwrap();
    for activity in [Activity::Starting, Activity::Idle, Activity::Stopping, Activity::Stopped] {
        let state = ProcessState { activity, standby: true, last_error: None, ..running() };
        owner.write(&state).unwrap();
        assert_eq!(StateFile::read(&path).unwrap(), Some(state));
    }
    owner.write(&running()).unwrap();
    assert_eq!(StateFile::read(&path).unwrap(), Some(running()));
    let expected = r#"{
  "record_version": 1,
  "pid": 4711,
  "host": "payhost",
  "version": "0.1.0",
  "started_at": "2026-11-19T08:00:00.000000Z",
  "activity": {
    "state": "running",
    "job": "hourly",
    "window": "hour 13 of 2026-11-19 (2026-11-19T13:00:00.000000Z)"
  },
  "standby": false,
  "last_success": {
    "hourly": "2026-11-19T13:00:07.000000Z"
  },
  "next_ticks": {
    "transfers": "2026-11-19T14:01:00.000000Z"
  },
  "last_error": {
    "at": "2026-11-19T14:00:05.250000Z",
    "job": "transfers",
    "error": "no route"
  },
  "waiting": [
    "day 2026-11-18: an hour of this day has failed"
  ],
  "http": "127.0.0.1:9464"
}
"#;
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}

#[test]
fn a_starting_process_names_itself() {
    let now = instant("2026-11-19T08:00:00Z");
    let state = ProcessState::starting(now);
    assert_eq!((state.pid, state.started_at), (std::process::id(), now));
    assert_eq!((state.activity, state.version.as_str()), (Activity::Starting, env!("CARGO_PKG_VERSION")));
    assert!(!state.host.is_empty());
}

#[test]
fn the_file_of_a_dead_owner_is_healed_and_tells_what_was_running() {
    let (_folder, path) = place();
    let (owner, _) = StateFile::claim(&path).unwrap();
    // The pid of a live process, as after a reboot: it is no owner without the lock.
    let died = ProcessState { pid: std::process::id(), ..running() };
    owner.write(&died).unwrap();
    drop(owner);
    let (_next, claim) = StateFile::claim(&path).unwrap();
    let warning = claim.warning().unwrap();
    assert!(warning.contains("running hourly: hour 13 of 2026-11-19"), "{warning}");
    assert!(matches!(claim, Claim::Healed(former) if *former == died));
}

#[test]
fn an_owner_that_stopped_leaves_nothing_to_say() {
    let (_folder, path) = place();
    let (owner, _) = StateFile::claim(&path).unwrap();
    owner.write(&stopped()).unwrap();
    drop(owner);
    let (_next, claim) = StateFile::claim(&path).unwrap();
    assert!(matches!(claim, Claim::Clean));
    assert_eq!(claim.warning(), None);
}

#[test]
fn a_broken_file_is_said_and_replaced() {
    let (_folder, path) = place();
    fs::create_dir_all(folder(&path)).unwrap();
    let whole =
        serde_json::to_string(&Record { record_version: RECORD_VERSION + 1, state: running() }).unwrap();
    for broken in ["", "{\"pid\": 1", "[]", "\u{0}\u{0}", &whole] {
        fs::write(&path, broken).unwrap();
        let (owner, claim) = StateFile::claim(&path).unwrap();
        assert!(matches!(claim, Claim::Unreadable(_)), "{broken}");
        let warning = claim.warning().unwrap();
        assert!(
            warning.starts_with(&format!("cannot read the state file {}: ", path.display())),
            "{warning}"
        );
        owner.write(&running()).unwrap();
        assert_eq!(StateFile::read(&path).unwrap(), Some(running()));
    }
}

#[test]
fn a_folder_in_the_place_of_the_file_is_said_and_nothing_is_left_beside_it() {
    let (_folder, path) = place();
    fs::create_dir_all(&path).unwrap();
    let (owner, claim) = StateFile::claim(&path).unwrap();
    assert!(matches!(claim, Claim::Unreadable(_)));
    owner.write(&running()).unwrap_err();
    assert_eq!(names(folder(&path)), ["processes.json", "processes.json.lock"]);
}

/// A file in the place of the folder: nobody can write there, not even root, whom permissions do not stop.
#[test]
fn where_nothing_can_be_written_this_is_said_until_it_can() {
    let (_folder, path) = place();
    fs::write(folder(&path), "").unwrap();
    let (first, claim) = StateFile::claim(&path).unwrap();
    assert!(matches!(claim, Claim::Unlocked(_)));
    let warning = claim.warning().unwrap();
    assert!(warning.starts_with(&format!("cannot lock {}.lock: ", path.display())), "{warning}");
    first.write(&running()).unwrap_err();

    fs::remove_file(folder(&path)).unwrap();
    let (second, _) = StateFile::claim(&path).unwrap();
    second.write(&stopped()).unwrap();
    let refused = chain(&first.write(&running()).unwrap_err());
    assert!(refused.ends_with(": another process holds it"), "{refused}");
    assert_eq!(StateFile::read(&path).unwrap(), Some(stopped()), "only the lock's holder writes");

    drop(second);
    first.write(&running()).unwrap();
    StateFile::claim(&path).unwrap_err();
}

#[test]
fn what_a_killed_writer_left_is_cleared_away() {
    let (_folder, path) = place();
    let (owner, _) = StateFile::claim(&path).unwrap();
    fs::write(path.with_added_extension("tmp"), "half of a sta").unwrap();
    owner.write(&running()).unwrap();
    assert_eq!(names(folder(&path)), ["processes.json", "processes.json.lock"]);
}

#[test]
fn readers_see_whole_states_while_threads_write() {
    let (_folder, path) = place();
    let (owner, _) = StateFile::claim(&path).unwrap();
    owner.write(&running()).unwrap();
    let write_many = || {
        for length in 0..100 {
            let window = "x".repeat(length * 97);
            let activity = Activity::Running { job: "daily".to_owned(), window };
            owner.write(&ProcessState { activity, ..running() }).unwrap();
        }
    };
    thread::scope(|scope| {
        let writers = [scope.spawn(write_many), scope.spawn(write_many)];
        while !writers.iter().all(thread::ScopedJoinHandle::is_finished) {
            assert!(StateFile::read(&path).unwrap().is_some());
        }
    });
}

#[test]
fn a_bare_name_lies_in_the_current_folder() {
    assert_eq!(folder(Path::new("processes.json")), Path::new("."));
    assert_eq!(folder(Path::new("/run/processes.json")), Path::new("/run"));
}
