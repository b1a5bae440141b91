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
}
