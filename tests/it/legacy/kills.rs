//! A conversion that is killed at any point: either the old tables stand, or the new ones do.

use super::*;

on_every_backend!(killed_at_every_point_a_conversion_is_finished_by_the_next);

fn killed_at_every_point_a_conversion_is_finished_by_the_next(backend: Backend) {
    let scratch = Scratch::new(backend);
    make_old(&scratch, &GOOD);
    let old = everything(&scratch);
    scratch.run(&["migrate", "--convert"]);
    let converted = everything(&scratch);

    let (mut last, mut kills, mut stood) = (0, 0, 0);
    for point in backend.fault_points() {
        forget_everything(&scratch);
        make_old(&scratch, &GOOD);
        let mut disturbed = scratch.rewardd(&["migrate", "--convert"]);
        let output = disturbed.env("REWARDD_FAULT", format!("kill@any:{point}")).output().unwrap();
        if output.status.signal() != Some(Signal::KILL.as_raw()) {
            assert!(output.status.success(), "{}", shown(&output, &[]));
            break;
        }
        (last, kills) = (point, kills + 1);
        // An ordinary start refuses the old tables, or finishes what is left.
        let start = says(&scratch, &["migrate"]);
        if start.starts_with("exit code 78") {
            stood += 1;
            let now = everything(&scratch);
            let is_half = |line: &&str| !line.ends_with("_converting");
            let now: String = now.lines().filter(is_half).map(|line| format!("{line}\n")).collect();
            assert_eq!(now, old, "killed at point {point}");
            scratch.run(&["migrate", "--convert"]);
        } else {
            assert!(start.starts_with("exit code 0"), "killed at point {point}: {start}");
        }
        assert_eq!(everything(&scratch), converted, "killed at point {point}");
    }
    assert_eq!(everything(&scratch), converted, "undisturbed at last");
    assert!(stood >= 10 && kills > stood, "{kills} kills, the old tables stood after {stood}");
    eprintln!("{backend:?}: killed {kills} times up to point {last}, the old tables stood after {stood}");
}

fn forget_everything(scratch: &Scratch) {
    if scratch.backend == Backend::Sqlite {
        for ending in ["", "-wal", "-shm"] {
            // A killed process may leave these beside the file, or not.
            let _ = fs::remove_file(scratch.path(&format!("rewards.db{ending}")));
        }
        return;
    }
    let tables = everything(scratch);
    let tables: Vec<&str> = tables.lines().filter(|line| !line.starts_with("  ")).collect();
    scratch.query(&format!("DROP TABLE {}", tables.join(", ")));
}
