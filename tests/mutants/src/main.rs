//! `switches LIST OUT`, in the package that `LIST` is about: mutants as `cargo mutants --list --json` names them. Writes every
//! one of them into the code behind a switch (`BROKEN` has its number), builds once, and asks the tests once for each.
//!
//! ```text
//! a == b           (if crate::broken(7) { a != b } else { a == b })
//! fn f() -> T {    fn f() -> T { if crate::broken(8) { return Default::default(); }
//! ```
//!
//! What the compiler refuses is taken out again. OUT/others has, for each file, a pattern of the names of what cannot be
//! switched while a program runs: constants, and iterators of a type without a name.

mod ask;
mod place;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::process::ExitCode;
use std::process::Stdio;

use serde::Deserialize;
use serde_json::Value;

/// A mutant; its number is its place in the list, from one.
#[derive(Deserialize)]
struct Mutant {
    #[serde(skip)]
    number: usize,
    name: String,
    file: String,
    genre: String,
    replacement: String,
    span: Span,
}

#[derive(Deserialize)]
struct Span {
    start: Place,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    line: usize,
    column: usize,
}

fn main() -> ExitCode {
    let [list, out] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else { panic!("switches LIST OUT") };
    let mut mutants: Vec<Mutant> = serde_json::from_str(&fs::read_to_string(list).unwrap()).unwrap();
    mutants.iter_mut().enumerate().for_each(|(index, mutant)| mutant.number = index + 1);
    let files: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.file.as_str()).collect();
    let texts: BTreeMap<&str, String> =
        files.into_iter().map(|file| (file, fs::read_to_string(file).unwrap())).collect();

    // Number and error code of those that the compiler refuses.
    let mut refused: BTreeMap<usize, String> = BTreeMap::new();
    let (placed, program) = loop {
        let mut placed = BTreeSet::new();
        for (file, text) in &texts {
            let own = mutants.iter().filter(|mutant| mutant.file == *file && !refused.contains_key(&mutant.number));
            let (switched, numbers) = place::switches(text, own);
            fs::write(file, switched).unwrap();
            placed.extend(numbers);
        }
        match build() {
            Ok(program) => break (placed, program),
            Err(more) => refused.extend(more),
        }
    };
    texts.iter().for_each(|(file, text)| fs::write(file, text).unwrap());

    // No Default: no compiler would take it. What it had against the others may be the switch.
    let hopeless = |mutant: &&Mutant| refused.get(&mutant.number).is_some_and(|code| code == "E0277");
    let others = mutants.iter().filter(|mutant| !placed.contains(&mutant.number) && !hopeless(mutant));
    let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for mutant in others {
        names.entry(&mutant.file).or_default().push(format!("^{}$", escaped(&mutant.name)));
    }
    let lines = names.iter().map(|(file, names)| format!("{file} {}\n", names.join("|")));
    fs::write(format!("{out}/others"), lines.collect::<String>()).unwrap();
    let hopeless = mutants.iter().filter(hopeless);
    fs::write(format!("{out}/unviable"), hopeless.map(|mutant| format!("{}\n", mutant.name)).collect::<String>())
        .unwrap();

    let asked = mutants.iter().filter(|mutant| placed.contains(&mutant.number));
    if ask::all(&program, asked, out) { ExitCode::SUCCESS } else { ExitCode::from(2) }
}

/// The test program; or the mutants that the compiler names first, of which each is the last one before an error.
fn build() -> Result<String, BTreeMap<usize, String>> {
    let cargo = ["test", "--lib", "--no-run", "--message-format=json"];
    let built = Command::new("cargo").args(cargo).stderr(Stdio::null()).output().unwrap();
    let messages =
        || built.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    if built.status.success() {
        let program = messages().filter_map(|message| Some(message["executable"].as_str()?.to_owned())).last();
        return Ok(program.expect("a test program"));
    }
    let mut refused = BTreeMap::new();
    for error in messages().map(|message| message["message"].clone()).filter(|message| message["level"] == "error") {
        let primary = |span: &&Value| span["is_primary"] == true;
        for span in error["spans"].as_array().into_iter().flatten().filter(primary) {
            let text = fs::read_to_string(span["file_name"].as_str().unwrap()).unwrap();
            let before = &text[..usize::try_from(span["byte_end"].as_u64().unwrap()).unwrap()];
            let number =
                before.rsplit_once("crate::broken(").and_then(|(_, rest)| rest.split_once(')')?.0.parse().ok());
            refused
                .extend(number.map(|number| (number, error["code"]["code"].as_str().unwrap_or_default().to_owned())));
        }
    }
    assert!(!refused.is_empty(), "it does not compile without mutants either");
    Err(refused)
}

/// `<` and `>` mean something only when they are escaped.
fn escaped(name: &str) -> String {
    let special = |c: char| c.is_ascii_punctuation() && !matches!(c, '_' | '<' | '>');
    name.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}
