//! Suspicions, what is watched, people and their logins, keywords: how they are read, shown and refused.

use std::path::PathBuf;
use std::time::Duration;

use super::messages::problems;
use super::{
    ConfirmMode, DatabaseUrl, FileFormat, Role, WatchedFile, WatchedRows, defaults, read, units, valid,
};
use crate::rewards::suspicions::Measure;

const KEY: &str = "00000000000000000000000000000000000000000000000000000000000000aa";

#[test]
fn suspicions_are_read_and_judged() {
    let config = valid(
        "[[suspicions]]\nname = 'n'\nmeasure = 'night'\n[[suspicions]]\nname = 'a'\nmeasure = 'position_jump'
         stages = ['3.5', 7]\nmin_votes = 1\nmin_days = 14",
    );
    let [night, jump] = config.suspicions.as_slice() else { panic!("two suspicions") };
    assert_eq!((night.measure, night.min_votes, night.min_days), (Measure::Night, 20, 7));
    assert_eq!(night.stages, ["4", "6", "8"].map(units));
    assert_eq!((jump.measure, jump.min_votes, jump.min_days), (Measure::PositionJump, 1, 14));
    assert_eq!(jump.stages, ["3.5", "7"].map(units));
    assert_eq!(valid(&config.show()), config);

    for measure in Measure::ALL {
        let text = format!("[[suspicions]]\nname = 'a'\nmeasure = '{}'", measure.name());
        assert_eq!(valid(&text).suspicions[0].measure, measure);
    }

    let of = |keys: &str| problems(&format!("[[suspicions]]\nname = 'a'\n{keys}"), &[]);
    let measures = "votes, ecc_per_vote, regularity, night, position_jump, cohort";
    assert_eq!(of(""), format!("c.toml:1: suspicions.a: measure is missing: set it to one of {measures}"));
    let stages = "must be 1 to 5 scores above 0, each larger than the one before, as in [\"4\", \"6\"]";
    for wrong in ["[]", "[0]", "[2, 1]", "[1, 2, 3, 4, 5, 6]"] {
        assert_eq!(
            of(&format!("measure = 'votes'\nstages = {wrong}")),
            format!("c.toml:4: suspicions.a.stages: {stages}")
        );
    }
    assert_eq!(
        of("measure = 'votes'\nmin_days = 1"),
        "c.toml:4: suspicions.a.min_days: must be 2 to 14, not 1"
    );
}

#[test]
fn what_is_watched_is_read_and_shown_again() {
    let config = valid(
        "[[confirm.files]]\nname = 'csv'\npath = 'lists/Bonus.CSV'\nkey = ['partner', 'month']\ncolumns = ['cc']
         [[confirm.files]]\nname = 'tiers'\npath = 'tiers.txt'\nformat = 'toml'\nrows = 'a.b'\nkey = ['tier']
         [[confirm.files]]\nname = 'json'\npath = 'x.json'\nkey = ['id']
         [[confirm.files]]\nname = 'prices'\ntable = 'shop.prices'\nurl = 'sqlite://shop.db'\nkey = ['id']
         [[confirm.repositories]]\nname = 'code'\npath = '/srv/code'\npaths = ['src/**']\nkeywords = ['rate']
         [confirm]\nmode = 'log'\nreminder = '6h'\nevery = '0 0 * * * *'\nvalid = '5m'",
    );
    let confirm = &config.confirm;
    assert_eq!((confirm.mode, confirm.reminder), (ConfirmMode::Log, Duration::from_hours(6)));
    assert_eq!((&*confirm.every, confirm.valid), ("0 0 * * * *", Duration::from_mins(5)));
    let file = |path: &str, format, at: &[&str]| {
        let at = at.iter().map(|name| (*name).to_owned()).collect();
        WatchedRows::File { path: PathBuf::from(path), format, at }
    };
    let url = Some(DatabaseUrl::parse("sqlite://shop.db").unwrap());
    let rows: Vec<_> = confirm.files.iter().map(|file| file.rows.clone()).collect();
    assert_eq!(
        rows,
        [
            file("lists/Bonus.CSV", FileFormat::Csv, &[]),
            file("tiers.txt", FileFormat::Toml, &["a", "b"]),
            file("x.json", FileFormat::Json, &[]),
            WatchedRows::Table { url, table: "shop.prices".to_owned() },
        ]
    );
    let WatchedFile { name, key, columns, .. } = &confirm.files[0];
    assert_eq!(
        (&**name, &**key, &**columns),
        ("csv", &["partner", "month"].map(str::to_owned)[..], &["cc".to_owned()][..])
    );
    let code = &confirm.repositories[0];
    assert_eq!((&*code.branch, code.path.to_str()), ("HEAD", Some("/srv/code")));
    assert_eq!((&code.paths[..], &code.keywords[..]), (&["src/**".to_owned()][..], &["rate".to_owned()][..]));
    assert_eq!(valid(&config.show()), config);
}

#[test]
fn what_cannot_be_watched_is_named() {
    let file = |keys: &str| problems(&format!("[[confirm.files]]\nname = 'f'\n{keys}"), &[]);
    for (keys, expected) in [
        ("key = ['a']", "1: confirm.files.f: path is missing: say which file has the rows, or which table"),
        (
            "path = 'x.csv'",
            "1: confirm.files.f: key is missing: name the columns that tell a row from all others, as in key = [\"id\"]",
        ),
        (
            "path = 'x.csv'\ntable = 't'\nkey = ['a']",
            "4: confirm.files.f.table: and path are both set: the rows are in a file or in a table",
        ),
        (
            "path = 'x.csv'\nurl = 'sqlite://a'\nkey = ['a']",
            "4: confirm.files.f.url: is not for a file, but for a table",
        ),
        (
            "table = 't'\nrows = 'a'\nkey = ['a']",
            "4: confirm.files.f.rows: is not for a table, but for a file",
        ),
        (
            "table = 't'\nkey = ['a b']",
            "4: confirm.files.f.key: item 1: \"a b\" is not a column's name: 1 to 64 of A-Z, a-z, 0-9, _ and $",
        ),
        (
            "path = 'x.csv'\nkey = ['a']\ncolumns = ['a']",
            "5: confirm.files.f.columns: \"a\" is in key, which is always looked at",
        ),
        (
            "path = 'rewards'\nkey = ['a']",
            "1: confirm.files.f: format is missing, and the path does not end with it: set it to csv, toml or json",
        ),
        (
            "path = 'x.toml'\nkey = ['a']",
            "1: confirm.files.f: rows is missing: a TOML file has its rows under a name, as in rows = \"rewards\"",
        ),
        (
            "path = 'x.json'\nrows = 'a..b'\nkey = ['a']",
            "4: confirm.files.f.rows: \"a..b\" is not names with dots between them, such as \"programme.rewards\"",
        ),
        (
            "path = 'x.csv'\nrows = 'a'\nkey = ['a']",
            "4: confirm.files.f.rows: is not for CSV, whose rows are all there is",
        ),
    ] {
        assert_eq!(file(keys), format!("c.toml:{expected}"));
    }
    assert_eq!(
        problems("[[confirm.repositories]]\nname = 'r'", &[]),
        "c.toml:1: confirm.repositories.r: path is missing: say in which folder the repository is"
    );
    let both =
        "[[confirm.files]]\nname = 'r'\npath = 'x.csv'\nkey = ['a']\n[[confirm.repositories]]\nname = 'r'
                path = '.'";
    assert_eq!(
        problems(both, &[]),
        "c.toml:5: confirm.repositories.r: is the name of one of confirm.files already: take another name"
    );
    assert!(
        problems("confirm.every = '* * *'", &[])
            .starts_with("c.toml:1: confirm.every: \"* * *\" is not cron")
    );
}

#[test]
fn people_come_from_the_file_and_from_variables() {
    let config = read(
        &format!("[people.berta]\nrole = 'admin'\nkey = '{KEY}'\n[people.anna]\nlogin = 'anna@example.org'"),
        &[("REWARDD__PEOPLE__CARLA__LOGIN", "sub|7"), ("REWARDD__PEOPLE__ANNA__ROLE", "reviewer")],
    )
    .unwrap();
    let names: Vec<_> = config.people.iter().map(|person| (&*person.name, person.role)).collect();
    assert_eq!(names, [("anna", Role::Reviewer), ("berta", Role::Admin), ("carla", Role::Viewer)]);
    assert!(Role::Viewer < Role::Reviewer && Role::Reviewer < Role::Admin);
    assert_eq!(config.people[1].key.unwrap().to_string(), KEY);
    assert_eq!(valid(&config.show()), config);

    for (text, expected) in [
        (
            "[people.anna]\nrole = 'viewer'".to_owned(),
            "2: people.anna: key is missing: set it to the one that `rewardd token new` prints, or set a login",
        ),
        (
            "[people.anna]\nkey = 'geheim'".to_owned(),
            "2: people.anna.key: must be the public half of a token, 64 digits of 0-9a-f: `rewardd token new`",
        ),
        (
            format!("[people.anna]\nkey = '{KEY}'\n[people.b]\nkey = '{KEY}'"),
            "4: people.b.key: is that of anna: everybody has a key of their own",
        ),
        (
            "[people.anna]\nlogin = 'A@example.org'\n[people.b]\nlogin = 'a@example.org'".to_owned(),
            "4: people.b.login: is that of anna: everybody has a login of their own",
        ),
        (
            "[people.'Anna K']\nlogin = 'a'".to_owned(),
            "1: people.Anna K: a person's name is 1 to 32 of a-z, 0-9 and single _ between them",
        ),
    ] {
        assert_eq!(problems(&text, &[]), format!("c.toml:{expected}"));
    }
}

#[test]
fn four_eyes_take_somebody_who_proposes_and_another_one_who_confirms() {
    let with = |roles: [&str; 2], keys: [&str; 2]| {
        let person = |index: usize| {
            let (role, key) = (roles[index], keys[index]);
            format!("[people.p{index}]\nrole = '{role}'\nkey = '{key}'\nlogin = 'p{index}'\n")
        };
        read(&format!("confirm.mode = 'four-eyes'\n{}{}", person(0), person(1)), &[])
    };
    let other = KEY.replace("aa", "bb");
    for roles in [["admin", "reviewer"], ["admin", "admin"]] {
        assert_eq!(with(roles, [KEY, &other]).unwrap().confirm.mode, ConfirmMode::FourEyes);
    }
    for (roles, keys) in [
        (["reviewer", "reviewer"], [KEY, &*other]),
        (["admin", "viewer"], [KEY, &*other]),
        (["admin", "admin"], [KEY, ""]),
    ] {
        assert_eq!(
            with(roles, keys).unwrap_err(),
            "the configuration is not valid:\n  c.toml:1: confirm.mode: takes two people who can sign: give two in \
             [people] a key, one the role admin, the other reviewer or admin"
        );
    }
}

#[test]
fn openid_connect_is_off_or_complete() {
    assert_eq!(defaults().http.oidc, None);
    let on = "[http.oidc]\nissuer = 'https://login.example.org'\nclient_id = 'rewardd'
              redirect_url = 'https://rewards.example.org/login/return'\nscopes = ['openid']
              [people.a]\nlogin = 'a'\n";
    let mut config = read(on, &[("REWARDD__HTTP__OIDC__CLIENT_SECRET", "correct-horse-battery")]).unwrap();
    let shown = config.show();
    assert!(!shown.contains("horse") && shown.contains("client_secret = \"***\""), "{shown}");
    let oidc = config.http.oidc.as_mut().unwrap();
    assert_eq!((&*oidc.issuer, &oidc.scopes[..]), ("https://login.example.org", &["openid".to_owned()][..]));
    oidc.client_secret = None;
    assert_eq!(valid(&shown.replace("\"***\"", "\"\"")), config);

    for (keys, expected) in [
        ("client_id = 'x'", ": issuer is missing: issuer, client_id and redirect_url go together"),
        (
            "issuer = 'http://login.example.org'",
            ".issuer: must begin with https://, but for this machine's own addresses",
        ),
        (
            "redirect_url = 'rewards.example.org'",
            ".redirect_url: must be a URL that begins with https:// and a host, without user, password, ? and #",
        ),
        ("scopes = ['email']", ".scopes: must hold \"openid\""),
        ("scopes = ['openid', 'a b']", ".scopes: item 2: \"a b\" is not a scope such as \"email\""),
        (
            "issuer = 'http://localhost:8080', client_id = 'x', redirect_url = 'http://127.0.0.1/r'",
            ": lets nobody in: give somebody in [people] a login",
        ),
    ] {
        let found = problems(&format!("http.oidc = {{ {keys} }}"), &[]);
        assert_eq!(found.lines().next(), Some(&*format!("c.toml:1: http.oidc{expected}")));
    }
}

#[test]
fn a_receiver_hears_what_holds_one_of_its_keywords() {
    let receiver = |keywords: &str| {
        let text = format!(
            "[notify.receivers.a]\nkind = 'webhook'\nurl = 'http://localhost'\nkeywords = {keywords}"
        );
        let config = valid(&text);
        let shown = config.show().replace("http://localhost/***", "http://localhost/");
        assert_eq!(valid(&shown), config);
        config.notify.receivers.into_iter().next().unwrap()
    };
    assert!(receiver("[]").hears("alarm: burst"));
    let some = receiver("['BURST', 'Ünnep']");
    assert!(some.hears("alarm: Burst by 3 partners") && some.hears("az ÜNNEP"));
    assert!(!some.hears("alarm: budget"));
    let wrong = "[notify.receivers.a]\nkeywords = ['']\nkind = 'webhook'\nurl = 'http://localhost'";
    assert_eq!(problems(wrong, &[]), "c.toml:2: notify.receivers.a.keywords: item 1: must not be empty");
}
