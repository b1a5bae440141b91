//! The frame of every page: navigation, search, language, and the parts that pages are put together from.

use std::sync::LazyLock;

use maud::{DOCTYPE, Markup, html};
use sha2::{Digest, Sha256};

use super::context::Ctx;
use super::form::FORM_KEY;
use super::format;
use super::tables::Table;
use super::texts::{Lang, fill};
use crate::people::Role;

/// The style of all pages.
pub const STYLE: &str = include_str!("style.css");

/// A bar chart in a circle, for the browser's tab.
pub const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0b5c6b"/><path d="M8 23V15m8 8V9m8 14v-5" stroke="#fff" stroke-width="4" stroke-linecap="round" fill="none"/></svg>"##;

/// Where the style lies; the address changes with its content, so browsers may keep it.
pub static STYLE_PATH: LazyLock<String> = LazyLock::new(|| asset_path("style", STYLE, "css"));
pub static ICON_PATH: LazyLock<String> = LazyLock::new(|| asset_path("icon", ICON, "svg"));

fn asset_path(name: &str, content: &str, ending: &str) -> String {
    let digest = Sha256::digest(content);
    let hex: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("/assets/{name}-{hex}.{ending}")
}

/// The parts of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Overview,
    Windows,
    Partners,
    Audit,
    Rules,
    Transfers,
    Alarms,
    Holds,
    Cases,
    Changes,
    /// None of them: errors and the login.
    Other,
}

/// What a handler makes of a request.
pub struct Page {
    pub section: Section,
    pub title: String,
    pub body: Markup,
}

/// The whole page.
pub fn document(ctx: &Ctx, page: &Page) -> Markup {
    let texts = ctx.texts;
    html! {
        (DOCTYPE)
        html lang=(ctx.lang.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex, nofollow";
                title { (page.title) " · rewardd" }
                link rel="stylesheet" href=(*STYLE_PATH);
                link rel="icon" type="image/svg+xml" href=(*ICON_PATH);
            }
            body {
                a.skip href="#content" { (texts.skip) }
                (header(ctx, page.section))
                main #content tabindex="-1" {
                    h1 { (page.title) }
                    (page.body)
                }
                (footer(ctx))
            }
        }
    }
}

fn header(ctx: &Ctx, current: Section) -> Markup {
    let texts = ctx.texts;
    let sections = [
        (Section::Overview, "/", texts.overview),
        (Section::Windows, "/windows", texts.windows),
        (Section::Partners, "/partners", texts.partners),
        (Section::Audit, "/audit", texts.audit),
        (Section::Rules, "/rules", texts.rules),
        (Section::Transfers, "/transfers", texts.transfers),
        (Section::Alarms, "/alarms", ctx.deciding.alarms),
        (Section::Holds, "/holds", ctx.deciding.holds),
        (Section::Cases, "/cases", ctx.deciding.cases),
        (Section::Changes, "/changes", ctx.deciding.changes),
    ];
    html! {
        header.top {
            div.bar {
                a.brand href="/" { span.mark aria-hidden="true" {} "rewardd" }
                @if ctx.is_welcome {
                    nav aria-label=(texts.navigation) {
                        ul {
                            @for (section, href, name) in sections {
                                li { a href=(href) aria-current=[(section == current).then_some("page")] { (name) } }
                            }
                        }
                    }
                    form.search role="search" action="/search" method="get" {
                        label.hidden for="q" { (texts.search_label) }
                        input #q name="q" type="search" placeholder=(texts.search_hint) autocomplete="off" maxlength="64"
                            value=[ctx.params.get("q")];
                        button type="submit" { (texts.search) }
                    }
                }
                (languages(ctx))
                @if let Some(guest) = &ctx.guest {
                    form.logout action="/logout" method="post" {
                        (form_key(ctx))
                        span.guest {
                            @if let Some(name) = &guest.name { strong { (name) } " " }
                            (role_name(ctx, guest.role))
                        }
                        button.quiet type="submit" { (texts.log_out) }
                    }
                }
            }
        }
    }
}

/// What shows that a form is one of ours, made for this session.
pub fn form_key(ctx: &Ctx) -> Markup {
    html! {
        @if let Some(guest) = &ctx.guest { input type="hidden" name=(FORM_KEY) value=(guest.form_key()); }
    }
}

/// A role in the page's language.
pub const fn role_name(ctx: &Ctx, role: Role) -> &'static str {
    match role {
        Role::Viewer => ctx.deciding.viewer,
        Role::Reviewer => ctx.deciding.reviewer,
        Role::Admin => ctx.deciding.admin,
    }
}

fn languages(ctx: &Ctx) -> Markup {
    html! {
        div.languages role="group" aria-label=(ctx.texts.language) {
            @for lang in Lang::ALL {
                a href=(ctx.here(&[("lang", Some(lang.code()))])) lang=(lang.code()) hreflang=(lang.code())
                    aria-current=[(lang == ctx.lang).then_some("true")] title=(lang.name()) { (lang.code().to_uppercase()) }
            }
        }
    }
}

fn footer(ctx: &Ctx) -> Markup {
    let zone = ctx.calendar.zone().name();
    let now = format::time(ctx.now, &ctx.calendar, ctx.lang);
    let mut parts = ctx.texts.as_of.split("{}");
    html! {
        footer.bottom {
            p {
                (parts.next().unwrap_or_default()) (now) (parts.next().unwrap_or_default()) (zone)
                @if !ctx.may(Role::Reviewer) { " · " (ctx.texts.read_only) }
                " · rewardd " (env!("CARGO_PKG_VERSION"))
            }
        }
    }
}

/// A table with its downloads and its pages.
pub fn sheet(ctx: &Ctx, table: &Table, pager: &Markup) -> Markup {
    let name = Some(table.name);
    let links = [("CSV", "csv"), ("JSON", "json")];
    let tools = html! {
        div.tools {
            div.downloads {
                span { (ctx.texts.download) ":" }
                @for (label, format) in links {
                    " " a href=(ctx.here(&[("table", name), ("format", Some(format))])) rel="nofollow"
                        aria-label=(format!("{}: {}, {label}", ctx.texts.download, table.caption)) { (label) }
                }
            }
            (pager)
        }
    };
    table.html(&ctx.style(), &tools)
}

/// Links to the pages before and after, each absent where there is none.
pub fn pager(ctx: &Ctx, what: &str, before: Option<(&str, String)>, after: Option<(&str, String)>) -> Markup {
    html! {
        @if before.is_some() || after.is_some() {
            nav.pager aria-label=(fill(ctx.texts.pages, &[what])) {
                @if let Some((name, href)) = before { a rel="prev" href=(href) { "‹ " (name) } }
                @if let Some((name, href)) = after { a rel="next" href=(href) { (name) " ›" } }
            }
        }
    }
}

/// One figure that is read at a glance.
pub fn card(title: &str, figure: &Markup, note: &Markup) -> Markup {
    html! { div.card { h2 { (title) } p.figure { (figure) } p.note { (note) } } }
}

/// Names with their values.
pub fn facts(items: &[(&str, Markup)]) -> Markup {
    html! { dl.facts { @for (name, value) in items { div { dt { (name) } dd { (value) } } } } }
}

/// A trail from the section down to here.
pub fn trail(items: &[(String, String)]) -> Markup {
    html! { p.trail { @for (href, name) in items { a href=(href) { (name) } span aria-hidden="true" { " / " } } } }
}
