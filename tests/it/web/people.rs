//! People with roles, as the tests of decisions have them: in a programme of which alarms hold something.

use std::net::SocketAddr;

use rewardd::people::Token;

use super::access::request;
use super::served;
use crate::daemon::process::{Daemon, Programme, until_true};
use crate::support::Backend;
use crate::support::http::Answer;

/// Partners with more than four votes in a day are set aside: four of the eleven.
pub const ALARM: &str = "[[alarms]]\nname = \"busy\"\nrule = \"votes_per_window\"\nlimit = 4\nwindow = [\"daily\"]\n\
                         action = \"hold_partner\"\n";
pub const HELD: usize = 4;

/// Anna reviews, Bela looks, Cili administers.
pub const PEOPLE: [(&str, &str); 3] = [("anna", "reviewer"), ("bela", "viewer"), ("cili", "admin")];

/// Their sections of the configuration, and their tokens.
pub fn people() -> (String, [String; 3]) {
    let mut sections = String::new();
    let tokens = PEOPLE.map(|(name, role)| {
        let (token, text) = Token::generate().unwrap();
        let key = token.public_key();
        sections.push_str(&format!("[people.{name}]\nrole = \"{role}\"\nkey = \"{key}\"\n"));
        text
    });
    (sections, tokens)
}

/// A daemon that has set amounts aside, with the people's tokens.
pub fn guarded(backend: Backend) -> (Programme, Daemon, SocketAddr, [String; 3]) {
    let programme = Programme::new(backend);
    let (sections, tokens) = people();
    programme.configure(&format!("{ALARM}{sections}"));
    let (daemon, address) = served(&programme, &[]);
    let visit = Visit::log_in(address, &tokens[1]);
    until_true("the dashboard answers", || visit.get("/windows").status == 200);
    (programme, daemon, address, tokens)
}

/// Somebody with a session.
pub struct Visit {
    address: SocketAddr,
    cookie: String,
}

impl Visit {
    pub fn log_in(address: SocketAddr, token: &str) -> Self {
        let answer = request(address, "POST", "/login", &[], &format!("token={token}"));
        assert_eq!(answer.status, 303, "{answer:?}");
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        Self { address, cookie }
    }

    pub fn get(&self, path: &str) -> Answer {
        request(self.address, "GET", path, &[&format!("cookie: {}", self.cookie)], "")
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        request(self.address, "POST", path, &[&format!("cookie: {}", self.cookie)], body)
    }

    /// What every form of this session holds.
    pub fn form_key(&self) -> String {
        let page = self.get("/holds").body;
        let rest = page.split("name=\"form_key\" value=\"").nth(1).expect("a form");
        rest.split('"').next().unwrap().to_owned()
    }
}
