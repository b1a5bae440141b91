//! Reward lists and repositories that are watched: what changes in them is told, confirmed, rejected and taken back.

use std::fs;
use std::path::Path;

use git2::{Repository, Signature, Time};
use rewardd::app::open_notices;
use rewardd::config::{Config, FileFormat, WatchedFile, WatchedRepository, WatchedRows};
use rewardd::confirm::{Found, Watch, look};
use rewardd::rewards::window::Instant;
use rewardd::store::Changes;

use crate::daemon::process::{Programme, STANDS, clock, until};
use crate::on_every_backend;
use crate::support::receiver::Receiver;
use crate::support::{Backend, Scratch, shown};

on_every_backend!(
    a_list_is_confirmed_rejected_and_taken_back,
    a_list_that_waits_as_a_whole_is_confirmed_row_by_row,
    a_table_is_watched,
    commits_of_a_repository_are_confirmed_and_rejected,
    of_looks_at_once_one_writes,
    killed_in_a_decision_all_of_it_is_decided_or_nothing,
    killed_in_a_look_all_of_it_is_written_or_nothing,
    the_daemon_tells_what_waits_and_reminds_until_it_is_decided,
);

struct Watched {
    scratch: Scratch,
    config: Config,
}

impl Watched {
    fn new(backend: Backend, files: Vec<WatchedFile>, repositories: Vec<WatchedRepository>) -> Self {
        let scratch = Scratch::new(backend);
        scratch.run(&["migrate"]);
        let mut config = Config::default_with_url(&scratch.url).unwrap();
        (config.confirm.files, config.confirm.repositories) = (files, repositories);
        Self { scratch, config }
    }

    fn of_file(backend: Backend, text: &str) -> Self {
        let mut watched = Self::new(backend, vec![], vec![]);
        let path = watched.scratch.path("vip.csv");
        let rows = WatchedRows::File { path, format: FileFormat::Csv, at: vec![] };
        let file = WatchedFile { name: "vip".to_owned(), rows, key: vec!["id".to_owned()], columns: vec![] };
        watched.config.confirm.files.push(file);
        watched.scratch.write_config(&of_configuration(&watched.scratch));
        watched.write(text);
        watched
    }

    fn write(&self, text: &str) {
        fs::write(self.scratch.path("vip.csv"), text).unwrap();
    }

    /// One look at everything.
    fn look(&self) -> Found {
        self.scratch.block_on(async {
            let (database, stored) = open_notices(&self.config).await.unwrap();
            let confirm = &self.config.confirm;
            let watches = confirm.files.iter().map(Watch::List);
            let mut all = Found::default();
            for watch in watches.chain(confirm.repositories.iter().map(Watch::Repository)) {
                let found = look(watch, &self.config, &stored, now()).await.unwrap();
                all.announced += found.announced;
                all.superseded += found.superseded;
                all.withdrawn += found.withdrawn;
                all.trouble = all.trouble.or(found.trouble);
            }
            database.close().await;
            all
        })
    }

    fn announced(&self) -> usize {
        let found = self.look();
        assert_eq!(found.trouble, None);
        found.announced
    }

    fn decide(&self, what: &[&str]) -> String {
        let args = [&["changes"], what, &["--as", "ann", "--note", "looked at"]].concat();
        self.scratch.run(&args)
    }

    /// A decision that is refused, with this reason.
    fn refused(&self, what: &[&str]) -> String {
        let args = [&["changes"], what, &["--as", "ann", "--note", "looked at"]].concat();
        let output = self.scratch.rewardd(&args).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", shown(&output, &[]));
        String::from_utf8(output.stderr).unwrap().trim().to_owned()
    }

    fn rows(&self, watch: &str) -> String {
        self.scratch.run(&["changes", "rows", watch])
    }

    fn states(&self) -> String {
        let sql = "SELECT state FROM reward_changes ORDER BY number";
        self.scratch.query(sql).into_iter().map(|row| row[0].clone().unwrap()).collect::<Vec<_>>().join(" ")
    }

    fn count(&self, from: &str) -> String {
        self.scratch.one(&format!("SELECT CAST(COUNT(*) AS CHAR) FROM {from}"))
    }
}

/// The list as `config.toml` has it.
fn of_configuration(scratch: &Scratch) -> String {
    let path = scratch.path("vip.csv");
    format!("[[confirm.files]]\nname = \"vip\"\npath = {:?}\nkey = [\"id\"]\n", path.display().to_string())
}

fn now() -> Instant {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn a_list_is_confirmed_rejected_and_taken_back(backend: Backend) {
    let watched = Watched::of_file(backend, "id,bonus\n1,5\n2,5\n3 ,5\n");
    let list = |args: &[&str]| watched.scratch.run(&[&["changes", "list"], args].concat());
    assert_eq!(watched.announced(), 1);
    assert_eq!(watched.announced(), 0, "a list waits once");
    assert!(list(&[]).contains("the whole list, 3 rows"), "{}", list(&[]));
    let none = watched.scratch.rewardd(&["changes", "rows", "vip"]).output().unwrap();
    assert_eq!((none.status.code(), none.stdout.len()), (Some(3), 0), "nothing is confirmed yet");
    assert_eq!(watched.decide(&["confirm", "1"]), "1 confirmed, by decision 1\n");
    assert_eq!(watched.rows("vip"), "bonus,id\n5,1\n5,2\n5,3 \n");

    // A row changes, one goes, one comes, and one has a key that differs in a blank alone.
    watched.write("id,bonus\n2,50\n3 ,5\n3,7\n");
    assert_eq!(watched.announced(), 3);
    let said = list(&[]);
    for part in ["bonus 5 → 50", "removed bonus 5, id 1", "added bonus 7, id 3", "not in a git repository"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert_eq!(watched.decide(&["reject", "--all-of", "vip", "--row", "2"]), "1 rejected, by decision 2\n");
    assert_eq!(watched.decide(&["confirm", "--all-of", "vip"]), "2 confirmed, by decision 3\n");
    assert_eq!(watched.rows("vip"), "bonus,id\n5,2\n7,3\n5,3 \n");
    assert_eq!(watched.announced(), 0, "what was rejected is not told again");
    assert!(watched.refused(&["confirm", "2"]).contains("already; nothing was decided"));
    assert!(watched.refused(&["confirm", "99"]).contains("there is no change 99"));
    assert!(watched.refused(&["confirm", "--all-of", "vip"]).contains("no change of vip waits"));

    // Right again, then wrong again: that is told; taken back, it waits no more; overtaken, the newer one waits.
    watched.write("id,bonus\n2,5\n3 ,5\n3,7\n");
    assert_eq!(watched.announced(), 0);
    watched.write("id,bonus\n2,50\n3 ,5\n3,7\n");
    assert_eq!(watched.announced(), 1);
    watched.write("id,bonus\n3,7\n3 ,5\n2,5\n");
    assert_eq!(watched.look().withdrawn, 1);
    watched.write("id,bonus\n2,6\n3 ,5\n3,7\n");
    assert_eq!(watched.announced(), 1);
    watched.write("id,bonus\n2,8\n3 ,5\n3,7\n");
    assert_eq!(
        (watched.look().superseded, watched.count("reward_changes WHERE is_open = 1")),
        (1, "1".to_owned())
    );

    // A broken file leaves all as it is, and says so until it is read again.
    let before = watched.states();
    watched.write("id,bonus\n2,8\n2,8\n");
    let why = watched.look().trouble.unwrap();
    assert!(why.contains("vip.csv line 3: the key 2 is there already"), "{why}");
    assert!(list(&[]).contains("vip cannot be read"));
    assert_eq!(watched.states(), before);
    watched.write("id,bonus\n2,8\n3 ,5\n3,7\n");
    assert_eq!(watched.announced(), 0);
    assert!(!list(&[]).contains("cannot be read"));
    assert_eq!(watched.states(), "confirmed confirmed rejected confirmed withdrawn superseded pending");
    assert_eq!(watched.count("reward_decisions"), "3");
}

fn a_list_that_waits_as_a_whole_is_confirmed_row_by_row(backend: Backend) {
    let watched = Watched::of_file(backend, "id,bonus\n1,5\n2,500\n3,5\n");
    assert_eq!(watched.announced(), 1);
    assert!(watched.refused(&["reject", "--all-of", "vip", "--row", "2"]).contains("rejected as a whole"));
    assert!(watched.refused(&["confirm", "--all-of", "vip", "--row", "9"]).contains("no row 9"));
    watched.decide(&["reject", "1"]);
    assert_eq!(watched.announced(), 0, "a list that was rejected is not told again");
    watched.write("id,bonus\n1,5\n2,500\n3,6\n");
    assert_eq!(watched.announced(), 1, "until it changes");
    watched.decide(&["confirm", "--all-of", "vip", "--row", "1", "--row", "3"]);
    assert_eq!(watched.rows("vip"), "bonus,id\n5,1\n6,3\n");
    assert_eq!(watched.announced(), 1, "the other row is told by itself");
    assert!(watched.scratch.run(&["changes", "list"]).contains("added bonus 500, id 2"));
    watched.decide(&["reject", "3"]);
    assert_eq!(watched.announced(), 0);
    let json = watched.scratch.run(&["changes", "rows", "vip", "--format", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(rows, serde_json::json!([{ "id": "1", "bonus": "5" }, { "id": "3", "bonus": "6" }]));
}

fn a_table_is_watched(backend: Backend) {
    let rows = WatchedRows::Table { url: None, table: "prices".to_owned() };
    let key = vec!["id".to_owned()];
    let file = WatchedFile { name: "prices".to_owned(), rows, key, columns: vec![] };
    let watched = Watched::new(backend, vec![file], vec![]);
    assert!(watched.look().trouble.unwrap().contains("there is no table prices"));
    let make = match backend {
        Backend::Sqlite => "CREATE TABLE prices (id INTEGER, price TEXT, note TEXT)",
        _ => "CREATE TABLE prices (id BIGINT, price DECIMAL(12,4), note VARCHAR(50))",
    };
    for sql in [make, "INSERT INTO prices VALUES (1, '1.5000', NULL), (2, '2.0000', 'x')"] {
        watched.scratch.query(sql);
    }
    assert_eq!(watched.announced(), 1);
    watched.decide(&["confirm", "1"]);
    assert_eq!(watched.rows("prices"), "id,note,price\n1,,1.5000\n2,x,2.0000\n");
    watched.scratch.query("UPDATE prices SET price = '9.0000' WHERE id = 1");
    watched.scratch.query("DELETE FROM prices WHERE id = 2");
    assert_eq!(watched.announced(), 2);
    watched.decide(&["confirm", "--all-of", "prices", "--row", "1"]);
    watched.decide(&["reject", "--all-of", "prices"]);
    assert_eq!(watched.rows("prices"), "id,note,price\n1,,9.0000\n2,x,2.0000\n");
    assert_eq!(watched.announced(), 0);
    watched.scratch.query("INSERT INTO prices VALUES (1, '1.0000', NULL)");
    assert!(watched.look().trouble.unwrap().contains("the key 1 is there already"));
}

/// Commits a file to a repository that is made where there is none.
fn commit(folder: &Path, text: &str, who: &str, seconds: i64) -> String {
    let repository = Repository::open(folder).or_else(|_| Repository::init(folder)).unwrap();
    fs::write(folder.join("pay.rs"), text).unwrap();
    let mut index = repository.index().unwrap();
    index.add_path(Path::new("pay.rs")).unwrap();
    index.write().unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let who = Signature::new(who, &format!("{who}@example.org"), &Time::new(seconds, 0)).unwrap();
    let parent = repository.head().ok().map(|head| head.peel_to_commit().unwrap());
    let parents: Vec<_> = parent.iter().collect();
    repository.commit(Some("HEAD"), &who, &who, "The rate", &tree, &parents).unwrap().to_string()
}

fn commits_of_a_repository_are_confirmed_and_rejected(backend: Backend) {
    let mut watched = Watched::new(backend, vec![], vec![]);
    let folder = watched.scratch.path("code");
    watched.config.confirm.repositories.push(WatchedRepository {
        name: "code".to_owned(),
        path: folder.clone(),
        branch: "HEAD".to_owned(),
        paths: vec!["*.rs".to_owned()],
        keywords: vec!["rate".to_owned()],
    });
    assert!(watched.look().trouble.unwrap().contains("code"), "it is not there yet");
    commit(&folder, "let rate = 1;\nlet x = 1;\n", "ann", 1_000);
    assert_eq!(watched.announced(), 0, "the first look takes it as it is");
    commit(&folder, "let rate = 1;\nlet x = 2;\n", "bob", 2_000);
    assert_eq!(watched.announced(), 0, "no watched line");
    let third = commit(&folder, "let rate = 2;\nlet x = 2;\n", "eve", 3_000);
    commit(&folder, "let rate = 3;\nlet x = 2;\n", "dan", 4_000);
    assert_eq!(watched.announced(), 2);
    assert_eq!(watched.announced(), 0);
    let shown = watched.scratch.run(&["changes", "show", "1"]);
    let parts = [
        "eve <eve@example.org>",
        &third,
        "-     1 let rate = 1;",
        "+     1 let rate = 2;",
        "by ann <ann@example.org>",
    ];
    for part in parts {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    watched.decide(&["confirm", "1"]);
    watched.decide(&["reject", "2"]);
    assert_eq!((watched.states(), watched.announced()), ("confirmed rejected".to_owned(), 0));
    // Another history takes its place.
    fs::remove_dir_all(&folder).unwrap();
    commit(&folder, "let rate = 9;\n", "eve", 5_000);
    assert_eq!(watched.announced(), 1);
    assert!(watched.scratch.run(&["changes", "list"]).contains("the history was replaced"));
    watched.decide(&["confirm", "3"]);
}

fn of_looks_at_once_one_writes(backend: Backend) {
    let watched = Watched::of_file(backend, "id,bonus\n1,5\n");
    watched.scratch.block_on(async {
        let (database, stored) = open_notices(&watched.config).await.unwrap();
        let file = Watch::List(&watched.config.confirm.files[0]);
        for bonus in 0..10 {
            watched.write(&format!("id,bonus\n1,{bonus}\n"));
            let one = || look(file, &watched.config, &stored, now());
            let (a, b, c) = tokio::join!(one(), one(), one());
            let announced = [a, b, c].into_iter().map(|found| found.unwrap().announced).sum::<usize>();
            assert_eq!(announced, 1, "{bonus}");
            assert_eq!(stored.pending_changes(None).await.unwrap().len(), 1);
        }
        database.close().await;
    });
    assert_eq!(watched.count("reward_changes WHERE state = 'superseded'"), "9");
}

fn killed_in_a_decision_all_of_it_is_decided_or_nothing(backend: Backend) {
    let watched = Watched::of_file(backend, "id,bonus\n1,5\n2,5\n");
    watched.look();
    watched.decide(&["confirm", "1"]);
    watched.write("id,bonus\n1,6\n2,6\n3,6\n");
    assert_eq!(watched.announced(), 3);
    let args = ["changes", "confirm", "--all-of", "vip", "--as", "ann", "--note", "x"];
    let mut kills = 0;
    loop {
        let fault = format!("kill@any:{}", kills + 1);
        let output = watched.scratch.rewardd(&args).env("REWARDD_FAULT", fault).output().unwrap();
        let decided = (watched.states(), watched.count("reward_decisions"), watched.rows("vip"));
        let nothing = (
            "confirmed pending pending pending".to_owned(),
            "1".to_owned(),
            "bonus,id\n5,1\n5,2\n".to_owned(),
        );
        let all = (
            "confirmed confirmed confirmed confirmed".to_owned(),
            "2".to_owned(),
            "bonus,id\n6,1\n6,2\n6,3\n".to_owned(),
        );
        assert!(decided == nothing || decided == all, "killed at {}: {decided:?}", kills + 1);
        kills += 1;
        if decided == all {
            // Killed after its commit, a second try says that it is decided.
            assert!(kills > 10, "{kills}: {}", shown(&output, &[]));
            assert!(watched.refused(&["confirm", "2"]).contains("confirmed already"));
            return;
        }
        assert!(kills < 100, "{}", shown(&output, &[]));
    }
}

fn killed_in_a_look_all_of_it_is_written_or_nothing(backend: Backend) {
    let watched = Watched::of_file(backend, "id,bonus\n1,5\n2,5\n");
    watched.look();
    watched.decide(&["confirm", "1"]);
    watched.write("id,bonus\n1,6\n2,5\n");
    watched.look();
    // One overtakes what waits, one is taken away, one comes.
    watched.write("id,bonus\n1,7\n3,6\n");
    let mut kills = 0;
    loop {
        let fault = format!("kill@any:{}", kills + 1);
        let output =
            watched.scratch.rewardd(&["changes", "look"]).env("REWARDD_FAULT", fault).output().unwrap();
        let seen = watched.states();
        let all = "confirmed superseded pending pending pending";
        assert!(seen == "confirmed pending" || seen == all, "killed at {}: {seen}", kills + 1);
        kills += 1;
        if seen == all {
            assert!(kills > 6, "{kills}: {}", shown(&output, &[]));
            assert_eq!(watched.announced(), 0, "and a look after the kill finds nothing new");
            return;
        }
        assert!(kills < 100, "{}", shown(&output, &[]));
    }
}

fn the_daemon_tells_what_waits_and_reminds_until_it_is_decided(backend: Backend) {
    let receiver = Receiver::start();
    let programme = Programme::new(backend);
    let scratch = &programme.scratch;
    programme.configure(&format!(
        "[confirm]\nevery = \"*/5 * * * * *\"\nreminder = \"30m\"\n{}[notify]\ninterval = \"10s\"\nreminder = \"30m\"\n\
         [notify.receivers.ops]\nkind = \"webhook\"\nurl = {:?}\nevents = [\"confirmation_pending\", \"run_failed\"]\n",
        of_configuration(scratch),
        receiver.url("/"),
    ));
    let write = |text: &str| fs::write(scratch.path("vip.csv"), text).unwrap();
    let decide = |verdict: &str| {
        scratch.run(&["changes", verdict, "--all-of", "vip", "--as", "ann", "--note", "looked at"])
    };
    // Incidents of this list that a message names under one of its headings, by their lines.
    let told = |from: usize, heading: &str, part: &str| {
        until(&format!("{part:?} is told as {heading}"), || {
            let received = receiver.received();
            let messages = received.iter().enumerate().skip(from);
            let has = |body: &str| {
                let body: serde_json::Value = serde_json::from_str(body).unwrap();
                let incidents = body["details"][heading]["incidents"].as_array().cloned().unwrap_or_default();
                incidents.iter().any(|incident| incident.to_string().contains(part))
            };
            messages.filter(|(_, message)| has(&message.body)).map(|(index, _)| index).next()
        })
    };
    write("id,bonus\n1,5\n2,5\n");
    // Ten minutes a second.
    let mut daemon = programme.start("daemon", &[("REWARDD_CLOCK", &clock(STANDS, 600))]);
    let first = told(0, "new", "the whole list, 2 rows");
    decide("confirm");
    let solved = told(first + 1, "solved", "vip");
    write("id,bonus\n1,50\n2,5\n");
    let changed = told(solved + 1, "new", "1: bonus 5 → 50");
    write("id,bonus\n1,50\n2,70\n");
    let more = told(changed + 1, "new", "2: bonus 5 → 70");
    let reminded = told(more + 1, "open", "2 of vip wait");
    assert!(!scratch.run(&["changes", "list"]).contains("cannot be read"));
    write("id\n1\n1\n");
    told(reminded, "new", "vip.csv line 3: the key 1 is there already");
    write("id,bonus\n1,50\n2,70\n");
    let read = told(reminded, "solved", "cannot be read");
    decide("reject");
    told(read, "solved", "vip wait");
    daemon.stop();
    assert!(programme.runs() > 0, "and payments went on");
}
