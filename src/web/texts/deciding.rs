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
}
