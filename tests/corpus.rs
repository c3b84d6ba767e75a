//! Every kept input of every fuzz target, once: what `fuzz/run` starts from must hold without it, too. The targets
//! themselves are in `fuzz/src`.

#[cfg(test)]
#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "a library there")]
mod fuzz;

#[cfg(test)]
mod replay {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;
    use std::path::PathBuf;

    use crate::fuzz::TARGETS;

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
    }

    fn names(folder: &Path) -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Says which input it was before it fails.
    #[test]
    fn every_kept_input_holds() {
        for (target, run) in TARGETS {
            let corpus = folder().join("corpus").join(target);
            let inputs = names(&corpus);
            assert!(inputs.len() >= 10, "{target} has too few inputs to begin with");
            for input in inputs {
                let bytes = fs::read(corpus.join(&input)).unwrap();
                assert!(bytes.len() <= 64 * 1024, "{target}/{input} is large");
                let holds = std::panic::catch_unwind(|| run(&bytes)).is_ok();
                assert!(holds, "fuzz/corpus/{target}/{input} does not hold");
            }
        }
    }

    #[test]
    fn every_target_has_a_program_and_a_corpus() {
        let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(names(&folder().join("corpus")), targets);
        let programs: BTreeSet<String> =
            names(&folder().join("fuzz_targets")).iter().map(|name| name.replace(".rs", "")).collect();
        assert_eq!(programs, targets);
        let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
        for target in targets {
            assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} is no [[bin]] of fuzz/Cargo.toml");
        }
    }
}
