//! Every text of the pages in English and Hungarian, side by side: a text that lacks one of them does not compile.

/// A language of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    #[default]
    En,
    Hu,
}

impl Lang {
    pub const ALL: [Self; 2] = [Self::En, Self::Hu];

    /// As HTML, the cookie and `?lang=` name it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Hu => "hu",
        }
    }

    /// In the language itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Hu => "Magyar",
        }
    }

    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lang| lang.code() == code)
    }

    /// The first of `Accept-Language` that there is; the order of browsers is the order of preference.
    pub fn accepted(header: &str) -> Option<Self> {
        let codes = header.split(',').filter_map(|item| item.trim().split(['-', ';']).next());
        codes.map(str::to_ascii_lowercase).find_map(|code| Self::of_code(&code))
    }

    pub const fn texts(self) -> &'static Texts {
        match self {
            Self::En => &ENGLISH,
            Self::Hu => &HUNGARIAN,
        }
    }
}

/// A text with its `{}` filled in, one after the other.
pub fn fill(text: &str, values: &[&str]) -> String {
    let mut parts = text.split("{}");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for (part, value) in parts.zip(values) {
        filled.push_str(value);
        filled.push_str(part);
    }
    filled
}

macro_rules! texts {
    ($($key:ident: $english:literal, $hungarian:literal;)+) => {
        /// See the module.
        #[derive(Debug)]
        pub struct Texts {
            $(pub $key: &'static str,)+
        }

        const ENGLISH: Texts = Texts { $($key: $english,)+ };
        const HUNGARIAN: Texts = Texts { $($key: $hungarian,)+ };

        #[cfg(test)]
        const PAIRS: &[(&str, &str, &str)] = &[$((stringify!($key), $english, $hungarian),)+];
    };
}

texts! {
    // The frame of every page.
    skip: "Skip to content", "Ugrás a tartalomra";
    navigation: "Main navigation", "Fő navigáció";
    overview: "Overview", "Áttekintés";
    windows: "Windows", "Időszakok";
    partners: "Partners", "Partnerek";
    audit: "Audit", "Napló";
    rules: "Rules", "Szabályok";
    transfers: "Transfers", "Átvitelek";
    language: "Language", "Nyelv";
    log_out: "Log out", "Kijelentkezés";
    search: "Search", "Keresés";
    search_label: "Partner id or day", "Partnerazonosító vagy nap";
    search_hint: "7 or 2026-11-21", "7 vagy 2026-11-21";
    as_of: "As of {}, times in {}", "Állapot: {}, időzóna: {}";
    read_only: "Read-only", "Csak olvasható";
    older: "Older", "Régebbi";
    newer: "Newer", "Újabb";
    previous: "Previous", "Előző";
    next: "Next", "Következő";
    download: "Download", "Letöltés";
    pages: "Pages of {}", "{} lapjai";
    show: "Show", "Mutat";
    none: "none", "nincs";

    // Failures.
    not_found: "Not found", "Nem található";
    not_found_text: "There is no such page, window or partner.", "Nincs ilyen oldal, időszak vagy partner.";
    bad_request: "This request cannot be read", "A kérés nem értelmezhető";
    busy: "Busy", "Foglalt";
    busy_text: "Others are being answered and payments come first. Please try again in a few seconds.", "Mások kérése fut, és a kifizetések elsőbbséget élveznek. Kérjük, próbálja újra néhány másodperc múlva.";
    unavailable: "This page cannot be made now", "Az oldal most nem jeleníthető meg";
    unavailable_text: "What went wrong is in the log of the daemon. Please try again later.", "A hiba oka a szolgáltatás naplójában olvasható. Kérjük, próbálja újra később.";
    not_allowed: "This method is not allowed here", "Ez a művelet itt nem engedélyezett";
    back_to_overview: "Back to the overview", "Vissza az áttekintéshez";
    bad_search: "Enter the number of a partner or a day such as 2026-11-21.", "Adjon meg egy partnerazonosítót vagy egy napot, például: 2026-11-21.";
    bad_value: "“{}” is not a valid value here.", "„{}” itt nem érvényes érték.";

    // Logging in.
    log_in: "Log in", "Bejelentkezés";
    log_in_text: "This dashboard asks for the token that is set as http.token.", "A felület a http.token beállításban megadott tokent kéri.";
    token: "Token", "Token";
    wrong_token: "This is not the token.", "A token nem megfelelő.";
    too_many_logins: "Too many failed attempts. Please wait a minute.", "Túl sok sikertelen kísérlet. Kérjük, várjon egy percet.";

    // Overview.
    all_well: "All is well: nothing waits, nothing failed, the books balance.", "Minden rendben: semmi nem várakozik, nincs hiba, a könyvelés egyezik.";
    alarms: "Alarms", "Riasztások";
    alarm_waiting: "Due and not paid", "Esedékes, de nincs kifizetve";
    alarm_error: "Last error, {} ago: {}", "Utolsó hiba ({} telt el azóta): {}";
    alarm_transfers: "{} transfers fail; the oldest waits for {}", "{} átvitel sikertelen; a legrégebbi ennyi ideje vár: {}";
    alarm_books: "The books do not balance: the difference is {} CC", "A könyvelés nem egyezik: az eltérés {} CC";
    alarm_standby: "This instance stands by: another one holds the lease", "Ez a példány tartalék: a bérletet egy másik példány tartja";
    paid_today: "Paid today", "Ma kifizetve";
    paid_today_note: "{} runs since midnight", "{} futás éjfél óta";
    paid_this_hour: "Paid this hour", "Ebben az órában kifizetve";
    paid_this_hour_note: "{} runs since {}", "{} futás {} óta";
    pool_today: "Pool of today", "A mai díjalap";
    pool_today_note: "paid after midnight", "éjfél után kerül kifizetésre";
    last_payment: "Last payment", "Utolsó kifizetés";
    last_payment_note: "{} to {} partners", "{}, {} partnernek";
    nothing_yet: "Nothing yet.", "Még nincs adat.";
    queued: "Queued transfers", "Várakozó átvitelek";
    queued_note: "{} CC", "{} CC";
    held: "Held in all", "Összesen tartva";
    held_note: "{} in pools, {} in unpaid hours", "{} díjalapokban, {} kifizetetlen órákban";
    pool_chart: "Pool of today, hour by hour", "A mai díjalap óránként";
    pool_so_far: "pool so far", "díjalap addig";
    added_by_hour: "added by the hour", "az óra növekménye";
    pool_chart_text: "The pool grows with every hour and is paid after midnight. It holds {} CC now, of which {} CC were carried over.", "A díjalap óráról órára nő, és éjfél után kerül kifizetésre. Jelenleg {} CC van benne, ebből {} CC áthozat.";
    hour: "Hour", "Óra";
    added: "Added, CC", "Növekmény, CC";
    pool: "Pool, CC", "Díjalap, CC";
    next_looks: "Next looks", "Következő futások";
    job: "Job", "Feladat";
    job_hourly: "Hourly payment", "Óránkénti kifizetés";
    job_daily: "Daily payment", "Napi kifizetés";
    job_transfers: "Transfers", "Átvitelek";
    next_tick: "Next", "Következő";
    countdown: "In", "Ennyi idő múlva";
    last_success: "Last success", "Utolsó sikeres";
    now: "now", "most";
    health: "Health", "Állapot";
    process: "Process", "Folyamat";
    version: "Version", "Verzió";
    started: "Started", "Elindult";
    activity: "Activity", "Tevékenység";
    starting: "starting", "indul";
    idle: "at rest", "nyugalomban";
    running: "at work: {}", "dolgozik: {}";
    stopping: "stopping", "leáll";
    stopped: "stopped", "leállt";
    lease: "Lease", "Bérlet";
    lease_held: "held by this instance", "ez a példány tartja";
    lease_other: "held by {}", "tartja: {}";
    lease_free: "free", "szabad";
    database: "Database", "Adatbázis";
    database_answers: "answers", "válaszol";
    conservation: "Conservation", "Megmaradás";
    balances: "balances", "egyezik";
    books: "The books of all runs", "Az összes futás könyvelése";
    contributed: "Contributions", "Befizetések";
    hourly_paid: "Paid hourly", "Óránként kifizetve";
    daily_paid: "Paid daily", "Naponta kifizetve";
    pools_held: "Held in pools", "Díjalapokban tartva";
    hours_held: "Held for unpaid hours", "Kifizetetlen órákra tartva";
    difference: "Difference", "Eltérés";
    market_bonus_total: "Market bonus, on top of the pools", "Piaci bónusz, a díjalapokon felül";
    amount: "Amount, CC", "Összeg, CC";
    last_runs: "Last runs", "Utolsó futások";
    refresh_on: "Refresh every 30 s", "Frissítés 30 mp-enként";
    refresh_off: "Stop refreshing", "Frissítés leállítása";

    // Windows.
    window: "Window", "Időszak";
    kind: "Kind", "Fajta";
    hourly: "hourly", "óránkénti";
    daily: "daily", "napi";
    both: "both", "mindkettő";
    kind_filter: "Kind", "Fajta";
    until_day: "Up to day", "Eddig a napig";
    paid_windows: "Paid windows", "Kifizetett időszakok";
    no_windows: "No window has been paid here.", "Itt nincs kifizetett időszak.";
    paid_at: "Paid at", "Kifizetve";
    after_end: "After its end", "A vége után";
    newest: "Newest", "Legújabb";
    phases: "Load · rank · share · write", "Olvasás · rangsor · felosztás · írás";
    took: "Took", "Időtartam";
    votes: "Votes", "Szavazatok";
    voters: "Voters", "Szavazók";
    brought: "To share, CC", "Felosztható, CC";
    paid: "Paid, CC", "Kifizetve, CC";
    undistributed: "Undistributed, CC", "Fel nem osztott, CC";
    market_bonus: "Market bonus, CC", "Piaci bónusz, CC";
    pool_after: "Pool after, CC", "Díjalap utána, CC";
    rate: "CC rate", "CC árfolyam";
    rules_version: "Rules version", "Szabályverzió";
    sequence: "Run", "Futás";
    run_title: "Run {}", "{}. futás";
    ecc_cap: "ECC cap", "ECC felső határ";
    figures: "Figures", "Adatok";
    figure: "Figure", "Adat";
    value: "Value", "Érték";
    cc_total: "CC spent", "Elköltött CC";
    total_hour: "Brought by the hour, CC", "Az óra bevétele, CC";
    total_day: "Pool of the day, CC", "A nap díjalapja, CC";
    hourly_share: "Of it for the hour, CC", "Ebből az óráé, CC";
    daily_share: "Of it for the day, CC", "Ebből a napé, CC";
    late_cc: "CC of late votes", "Késői szavazatok CC-je";
    late_reward: "Added by late votes, CC", "Késői szavazatokból, CC";
    pool_before: "Pool before, CC", "Díjalap előtte, CC";
    categories: "Categories", "Kategóriák";
    category: "Category", "Kategória";
    part: "Part, CC", "Rész, CC";
    members: "Members", "Tagok";
    ranking: "Ranking", "Rangsor";
    ranking_of: "Ranking, positions {} to {} of {}", "Rangsor, {}–{}. helyezés, összesen {}";
    ranking_empty: "Nobody voted in this window.", "Ebben az időszakban senki nem szavazott.";
    position: "Position", "Helyezés";
    partner: "Partner", "Partner";
    sum: "Sum, CC", "Összesen, CC";
    find_partner: "Find partner", "Partner keresése";
    not_in_ranking: "Partner {} has no row in this window.", "A(z) {} partnernek nincs sora ebben az időszakban.";
    report: "Report", "Jelentés";
    report_csv: "Report as CSV", "Jelentés CSV-ben";
    hours_of_day: "Hours of the day", "A nap órái";
    by_type: "Votes by type", "Szavazatok típusonként";
    vote_type: "Vote type", "Szavazattípus";
    not_paid_yet: "not paid yet", "még nincs kifizetve";
    is_paid: "paid", "kifizetve";
    state: "State", "Állapot";

    paid_card: "Paid", "Kifizetve";
    to_share_card: "To share", "Felosztható";
    votes_note: "{} votes", "{} szavazat";
    undistributed_card: "Undistributed", "Fel nem osztott";
    undistributed_note: "goes on to the next pool", "a következő díjalapba kerül";
    bonus_note: "on top of the pool", "a díjalapon felül";

    // Partners.
    partners_text: "A partner's page shows what this partner has received, and why.", "A partner oldala megmutatja, mit kapott a partner, és miért.";
    partner_id: "Partner id", "Partnerazonosító";
    partner_title: "Partner {}", "{}. partner";
    between: "{} to {}", "{} – {}";
    received: "Received", "Összes jutalom";
    of_hours: "Hourly rewards", "Óránkénti jutalmak";
    of_days: "Daily rewards", "Napi jutalmak";
    bonus_note_plus: "market bonus", "piaci bónusz";
    best_position: "Best position", "Legjobb helyezés";
    of_a_day: "of a day", "napi rangsorban";
    active_days: "Days with votes: {}", "Szavazatos napok: {}";
    rewards_by_day: "Rewards by day", "Jutalmak naponként";
    count_votes: "Count the votes of these days", "A napok szavazatainak megszámolása";
    no_rewards: "No rewards on these days.", "Ezeken a napokon nincs jutalom.";
    day: "Day", "Nap";
    hours_with_votes: "Hours with votes", "Órák szavazattal";
    hourly_rewards: "Hourly, CC", "Óránkénti, CC";
    daily_rewards: "Daily, CC", "Napi, CC";

    // Explanations.
    agrees: "as paid", "egyezik";
    agrees_text: "Recomputed from the votes, every amount comes out as it was paid.", "A szavazatokból újraszámolva minden összeg megegyezik a kifizetettel.";
    drifted: "votes have changed since", "a szavazatok azóta változtak";
    drifted_text: "Votes or rates came, changed or vanished after the payment; what was paid is what they came to then.", "A kifizetés után szavazatok vagy árfolyamok érkeztek, változtak vagy eltűntek; a kifizetett összeg az akkori állapotnak felel meg.";
    differs: "differs", "eltér";
    differs_text: "The votes are those of the payment, and yet something stored is not what they come to. Run `rewardd verify`.", "A szavazatok változatlanok, a tárolt adat mégsem egyezik velük. Futtassa: `rewardd verify`.";
    votes_gone: "{} CC were paid at position {}, but the votes they were paid for are no longer there.", "{} CC került kifizetésre a(z) {}. helyezésért, de a hozzá tartozó szavazatok már nincsenek meg.";
    of_voters: "of {} voters", "{} szavazó közül";
    active_hours: "in {} hours", "{} különböző órában";
    ecc_note: "Effective Contribution Coefficient", "effektív hozzájárulási együttható";
    amounts: "Amounts", "Összegek";
    parts: "Parts, one by one", "Részek egyenként";
    comes_out: "Comes out, CC", "Számítva, CC";
    as_paid: "as paid", "egyezik";
    otherwise_paid: "paid otherwise", "eltérően fizetve";
    shares_it: "shares it", "részesül";
    shares_not: "does not share it", "nem részesül";
    why: "Why", "Miért";
    nobody_has_weight: "nobody in it has weight, so nothing is shared", "senkinek nincs súlya, ezért nincs felosztás";
    share_equal: "an equal share among {}", "egyenlő rész {} tag között";
    share_by_ecc: "by ECC: {} of {}", "ECC szerint: {} / {}";
    share_capped: "by ECC, at the cap: {} of {}", "ECC szerint, a felső határon: {} / {}";
    remainder_unit: "with one unit of the remainder", "a maradékból egy egységgel";
    needs_position: "needs position {} or better, had {}", "legalább {}. helyezés kell, elért: {}.";
    needs_votes: "needs {} votes in the day, had {}", "{} szavazat kell a napon, volt: {}";
    needs_hours: "needs votes in {} hours, had {}", "{} órában kell szavazat, volt: {}";
    needs_tier_votes: "needs {} votes for this tier, had {}", "{} szavazat kell ehhez a szinthez, volt: {}";
    brings_money: "brings money", "pénzt hoz";
    brings_none: "brings none", "nem hoz pénzt";
    for_the_pool: "Pool", "Díjalap";
    changes: "What has changed since", "Mi változott azóta";
    then: "When paid", "Kifizetéskor";
    today_now: "Now", "Most";
    rate_reference: "Reference rate", "Viszonyítási árfolyam";
    digest: "Digest of the votes", "A szavazatok kivonata";
    bonus_ratio: "Bonus ratio", "Bónusz aránya";
    bonus_of: "Bonus is of, CC", "A bónusz alapja, CC";
    key_votes: "votes", "szavazatok";
    key_ecc: "ECC", "ECC";
    key_last: "the earlier last vote", "korábbi utolsó szavazat";
    key_id: "partner id", "partnerazonosító";
    nobody: "nobody", "senki";
    decided_by: "position {}, decided by {}", "{}. helyezés, döntő: {}";
    stands_before: "Just before", "Közvetlenül előtte";
    stands_after: "Just after", "Közvetlenül utána";
    ranking_order: "Order of the ranking", "A rangsor kulcsai";
    last_vote: "Last vote", "Utolsó szavazat";
    money: "Where the money comes from", "Honnan jön a pénz";
    cc_of_all: "CC spent by all voters", "Összes elköltött CC";
    share_of_hour: "The hour's share of it", "Az óra része belőle";
    settled_now: "Settled with the payment, CC", "A kifizetéskor elszámolva, CC";
    ecc_own: "Own ECC", "Saját ECC";
    ecc_counted: "ECC that counts", "Beszámított ECC";
    cap_formula: "{} = {} × {} / {}", "{} = {} × {} / {}";
    window_in_full: "The window in full", "A teljes időszak";
    explanation_as_json: "This explanation as JSON", "Ez a magyarázat JSON-ként";

    // Audit and rules.
    audit_log: "Audit log", "Kifizetési napló";
    chain: "Chain", "Lánc";
    chain_text: "Every row carries the hash of the row before it, and the books carry that of the last: a changed, missing or added row shows.", "Minden sor tartalmazza az előző sor hash-ét, a könyvelés pedig az utolsóét: a módosított, hiányzó vagy beszúrt sor kiderül.";
    chain_holds: "All {} links on this page hold", "Az oldal mind a(z) {} láncszeme ép";
    chain_broken: "{} links on this page are broken", "Az oldalon {} láncszem sérült";
    link_holds: "holds", "ép";
    link_is_head: "holds, newest", "ép, legújabb";
    link_broken: "broken", "sérült";
    hash: "Hash", "Hash";
    previous_hash: "Previous hash", "Előző hash";
    record: "Record", "Bejegyzés";
    rules_in_force: "Rules in force", "Hatályos szabályok";
    rules_versions: "Versions of the rules", "A szabályok változatai";
    number: "Version", "Változat";
    since: "In force since", "Hatályos ettől";
    lines_added: "Lines added", "Új sorok";
    lines_removed: "Lines removed", "Törölt sorok";
    in_force: "in force", "hatályos";
    replaced: "replaced", "felváltva";
    version_number: "Version {} of the rules", "A szabályok {}. változata";
    changes_since: "Changes since version {}", "Változások a(z) {}. változat óta";
    first_version: "The first version", "Az első változat";

    // Transfers.
    waiting: "Waiting", "Várakozó";
    delivered: "Delivered", "Kézbesítve";
    failing: "Failing", "Sikertelen";
    failing_note: "tried in vain, and tried again", "eddig sikertelen, újrapróbálás folyamatban";
    oldest: "Oldest waits for", "A legrégebbi várakozása";
    nothing_waits: "Nothing waits.", "Semmi nem várakozik.";
    nothing_delivered: "Nothing has been delivered yet.", "Még semmi nem került kézbesítésre.";
    queued_state: "queued", "sorban";
    attempts: "Attempts", "Kísérletek";
    failed_attempts: "Failed attempts", "Sikertelen kísérletek";
    next_attempt: "Next attempt", "Következő kísérlet";
    reason: "Reason", "Ok";
    delivered_at: "Delivered at", "Kézbesítve";
    first_page: "First", "Első";

    // Categories.
    top10p: "First 10 %", "Első 10%";
    top10: "First 10", "Első 10";
    top100: "First 100", "Első 100";
    top1000: "First 1,000", "Első 1000";
    top10000: "First 10,000", "Első 10 000";
    all: "All", "Mindenki";
    top10p_ecc: "First 10 % by ECC", "Első 10% ECC szerint";
    top50p: "First 50 %", "Első 50%";
    bonus: "Market bonus", "Piaci bónusz";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_take_the_same_values_and_leave_nothing_blank() {
        for (key, english, hungarian) in PAIRS {
            assert!(!english.trim().is_empty() && !hungarian.trim().is_empty(), "{key}");
            assert_eq!(english.matches("{}").count(), hungarian.matches("{}").count(), "{key}");
        }
    }

    #[test]
    fn the_browser_s_first_known_language_is_taken() {
        assert_eq!(Lang::accepted("hu-HU,hu;q=0.9,en;q=0.8"), Some(Lang::Hu));
        assert_eq!(Lang::accepted("de,en-US;q=0.5"), Some(Lang::En));
        assert_eq!(Lang::accepted("*"), None);
        assert_eq!(fill("{} of {}", &["1", "2"]), "1 of 2");
    }
}
