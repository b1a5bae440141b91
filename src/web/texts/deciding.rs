//! What the pages say on which something is decided.

texts! { Deciding:
    // Who is there.
    viewer: "viewer", "megtekintő";
    reviewer: "reviewer", "elbíráló";
    admin: "admin", "adminisztrátor";
    forbidden: "This takes another role", "Ehhez más szerepkör kell";
    forbidden_text: "Only somebody with the role {} ({}) may do this. Nothing was changed.", "Ezt csak {} ({}) szerepkörrel lehet megtenni. Semmi nem változott.";
    stale: "This form is not of your session", "Az űrlap nem az Ön munkamenetéhez tartozik";
    stale_text: "Nothing was changed. Go back, load the page again and send the form from there.", "Semmi nem változott. Lépjen vissza, töltse be újra az oldalt, és onnan küldje el az űrlapot.";
    conflict: "This cannot be decided so", "Ez így nem dönthető el";
    log_in_person: "This dashboard asks for your own token, or for http.token to only look.", "A felület a saját tokenjét kéri, vagy csak megtekintéshez a http.token értékét.";
    log_in_provider: "Log in with {}", "Bejelentkezés: {}";
    or_token: "Or with a token", "Vagy tokennel";

    unknown_text: "{} knows you as {}, but nobody in [people] of the configuration has this login. Ask whoever runs this programme to add it.", "{} így ismeri Önt: {}, de a beállítások [people] részében senkinek nincs ilyen bejelentkezése. Kérje a felvételét az üzemeltetőtől.";
    welcome: "Welcome, {}.", "Üdvözöljük, {}!";
    go_on: "Go on", "Tovább";
    provider_away: "{} does not answer, so nobody can log in by it now. Logging in by a token works.", "{} nem válaszol, ezért most nem lehet vele bejelentkezni. Tokennel lehet.";
    login_not_begun: "This login was not begun in this browser, or too long ago. Please begin again.", "Ez a bejelentkezés nem ebben a böngészőben kezdődött, vagy túl régen. Kérjük, kezdje újra.";
    login_refused: "What {} says about you is not accepted; why is in the log of the daemon. Please begin again.", "{} válasza nem fogadható el; az ok a szolgáltatás naplójában olvasható. Kérjük, kezdje újra.";
    log_in_otherwise: "Back to logging in", "Vissza a bejelentkezéshez";

    // Sections.
    alarms: "Alarms", "Riasztások";
    holds: "Holds", "Visszatartások";
    cases: "Cases", "Ügyek";
    changes: "Changes", "Változások";

    // Alarms.
    alarm: "Alarm", "Riasztás";
    any: "any", "bármelyik";
    all_alarms: "Show all", "Mind mutatása";
    found: "Found", "Találat";
    allowed: "Allowed", "Megengedett";
    at_stake: "At stake, CC", "Tét, CC";
    action: "Action", "Intézkedés";
    raised_at: "Raised at", "Keletkezett";
    only_told: "told", "jelezve";
    partner_held: "partner held", "partner visszatartva";
    window_held: "window held", "időszak visszatartva";
    no_alarms: "No alarm was raised here.", "Itt nem volt riasztás.";
    by_alarm: "By alarm", "Riasztásonként";
    by_alarm_in: "By alarm, last {} days", "Riasztásonként, az utolsó {} nap";
    over_time: "Alarms by day, last {} days", "Riasztások naponként, az utolsó {} nap";

    // Holds.
    set_aside: "Set aside", "Félretéve";
    set_aside_note: "amounts of {} partners' windows, market bonus apart", "{} partneridőszak összege, piaci bónusz nélkül";
    held_windows: "Held windows", "Visszatartott időszakok";
    held_windows_note: "nothing of them is paid until somebody decides", "döntésig semmi nem kerül belőlük kifizetésre";
    no_held_windows: "No window is held.", "Nincs visszatartott időszak.";
    no_holds: "Nothing here.", "Nincs itt semmi.";
    undecided: "undecided", "eldöntetlen";
    released: "released", "kifizetve";
    forfeited: "forfeited", "elvonva";
    approved: "to be paid", "kifizetésre vár";
    held_by_hand: "Set aside by a person", "Kézzel félretéve";
    tick: "Choose", "Kijelölés";
    from_pool: "From the pool, CC", "A díjalapból, CC";
    held_since: "Held since", "Visszatartva";
    decided_by: "Decided by", "Döntött";
    decided_at: "Decided at", "Döntés ideje";
    pool_day: "To the pool of", "Ennek a napnak a díjalapjába";
    all_of_these: "All of these, whatever is ticked", "Mindegyik, a kijelöléstől függetlenül";
    release: "Release: pay as computed", "Kifizetés a számított összeggel";
    forfeit: "Forfeit: to the pool", "Elvonás a díjalapba";
    release_note: "Released amounts are paid exactly as they were computed. Forfeited ones go to the pool of the oldest day that is not paid; their market bonus is not paid.", "A kifizetett összegek pontosan a számított összegek. Az elvontak a legrégebbi kifizetetlen nap díjalapjába kerülnek; a piaci bónuszuk nem kerül kifizetésre.";
    what_was_found: "What was found in it", "Mit találtak benne";
    set_aside_partners: "Partners to set aside, by id (may be empty)", "Félreteendő partnerek azonosítói (üres is lehet)";
    have_paid: "Have it paid", "Kifizetés engedélyezése";

    // Deciding.
    note: "Why (kept with the decision)", "Indoklás (a döntéssel együtt megmarad)";
    note_missing: "A decision has a reason, of at most 2,000 characters. Nothing was changed.", "Minden döntéshez indoklás kell, legfeljebb 2000 karakter. Semmi nem változott.";
    nothing_ticked: "Nothing was chosen, so nothing was changed.", "Semmi nem volt kijelölve, így semmi nem változott.";
    is_written: "Decision {} is written.", "A(z) {}. döntés rögzítve.";
    who_decides: "Deciding takes somebody with the role {} ({}) in [people] of the configuration.", "A döntéshez {} ({}) szerepkör kell a beállítások [people] részében.";

    // Cases.
    case: "Case", "Ügy";
    case_title: "Case {}", "{}. ügy";
    case_is: "Case {} is {} by now; nothing was changed.", "A(z) {}. ügy állapota már: {}; semmi nem változott.";
    suspicion: "Suspicion", "Gyanú";
    stage: "Stage", "Fokozat";
    stages: "stages:", "fokozatok:";
    score: "Score", "Pontszám";
    opened_at: "Opened at", "Megnyitva";
    no_cases: "There is no such case.", "Nincs ilyen ügy.";
    all: "all", "mind";
    open: "open", "nyitott";
    confirmed: "confirmed", "megerősítve";
    dismissed: "dismissed", "elvetve";
    closed: "closed", "lezárva";
    by_hour: "Votes by hour", "Szavazatok óránként";
    last_days: "The partner's last days", "A partner utolsó napjai";
    decide: "Decide", "Döntés";
    dismiss: "Dismiss: all is well", "Elvetés: minden rendben";
    confirm_case: "Confirm: it is as it looks", "Megerősítés: valóban az, aminek látszik";
    confirm_and_hold: "Confirm, and set later windows aside", "Megerősítés és a későbbi időszakok félretétele";
    close: "Close: it is over", "Lezárás: véget ért";
    case_note: "Who is dismissed is left alone up to this stage. With a hold, what the partner gets from now on is set aside until the case is closed; everyone else is paid.", "Elvetés után a partner eddig a fokozatig békén marad. Félretételkor a partner további összegei az ügy lezárásáig félre vannak téve; mindenki más megkapja a magáét.";

    // What was decided.
    decisions: "Decisions", "Döntések";
    decision: "Decision", "Döntés";
    verdict: "Verdict", "Ítélet";
    why: "Why", "Indoklás";
    no_decisions: "Nobody has decided yet.", "Még nem született döntés.";

    // Changes of lists and repositories.
    change: "Change", "Változás";
    change_title: "Change {}", "{}. változás";
    to_confirm: "To be confirmed", "Megerősítésre vár";
    all_changes: "All changes", "Minden változás";
    no_changes: "No change.", "Nincs változás.";
    cannot_be_read: "{} cannot be read", "{} nem olvasható";
    watch: "List or repository", "Lista vagy tároló";
    row: "Row", "Sor";
    what: "What", "Mi";
    author: "Author", "Szerző";
    seen_at: "Seen at", "Észlelve";
    source: "Where", "Hol";
    message: "Message", "Üzenet";
    blame: "Lines were by", "A sorok szerzői";
    place: "Place", "Hely";
    before: "Before", "Előtte";
    after: "After", "Utána";
    pending: "to be confirmed", "megerősítésre vár";
    rejected: "rejected", "elutasítva";
    superseded: "superseded", "felülírva";
    withdrawn: "withdrawn", "visszavonva";
    confirm: "Confirm", "Megerősítés";
    reject: "Reject", "Elutasítás";
    change_note: "What is confirmed is known from then on. What is rejected is not told again until it changes.", "Ami megerősített, attól kezdve ismert. Ami elutasított, arról a következő változásig nem lesz újabb értesítés.";
    whole_note: "This list has never been confirmed. Tick the rows that are right, or none for all of them; it can be rejected only as a whole.", "Ezt a listát még senki nem erősítette meg. Jelölje ki a helyes sorokat, vagy egyet sem, ha mind az; elutasítani csak egészben lehet.";
    not_pending: "These changes wait no more: {}. Nothing was changed.", "Ezek a változások már nem várnak döntésre: {}. Semmi nem változott.";
    no_such_rows: "The list has no such rows: {}. Nothing was changed.", "A listában nincsenek ilyen sorok: {}. Semmi nem változott.";

    // Rules that wait.
    pending_version: "Version {} waits", "A(z) {}. változat jóváhagyásra vár";
    key: "Key", "Kulcs";
    in_all: "In all", "Összesen";
    carried: "Carried on", "Továbbvitt";
    by_old: "By the rules in force, CC", "A hatályos szabályokkal, CC";
    by_new: "By these, CC", "Ezekkel, CC";
    effect: "Effect", "Hatás";
    effect_of_days: "What {} to {} would have paid", "Mit fizetett volna: {} – {}";
    winners: "{} partners win, {} lose, of {}", "{} partner nyer, {} veszít, összesen {}";
    effect_failed: "Its effect could not be simulated", "A hatása nem volt szimulálható";
    effect_awaited: "Its effect is still being simulated.", "A hatása még szimulálás alatt van.";
    seen: "to be proposed by its author", "a szerző előterjesztésére vár";
    proposed: "proposed; another person confirms it", "előterjesztve; másvalaki erősíti meg";
    own_token: "Your own token, which signs this and is not kept", "A saját tokenje: ezzel ír alá, és nem tárolódik";
    propose: "Propose: this is meant", "Előterjesztés: ez szándékos";
    sign_note: "Two people sign: the author proposes, another person with the role admin confirms. Until then windows are paid by the rules in force.", "Ketten írják alá: a szerző előterjeszti, egy másik, adminisztrátor szerepkörű személy megerősíti. Addig a hatályos szabályok szerint történik a kifizetés.";
}
