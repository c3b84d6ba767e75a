//! The figures as Markdown, and their place in docs/performance.md.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use signet::ambient::Clock;
use signet::ambient::SystemClock;

use crate::Fault;
use crate::figures::Figures;
use crate::figures::Flood;
use crate::figures::Row;
use crate::process::Cores;

const BEGIN: &str = "<!-- figures: written by `cargo bench --bench load` -->";
const END: &str = "<!-- end of figures -->";

/// Puts the figures between the two marks of docs/performance.md.
pub(crate) fn put(text: &str) -> Result<(), Fault> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
    let document = fs::read_to_string(&file)?;
    let (before, rest) = document.split_once(BEGIN).ok_or("docs/performance.md has lost its first mark")?;
    let (_, after) = rest.split_once(END).ok_or("docs/performance.md has lost its second mark")?;
    Ok(fs::write(&file, format!("{before}{BEGIN}\n\n{text}\n{END}{after}"))?)
}

pub(crate) fn markdown(figures: &Figures) -> String {
    let mut text = String::new();
    // Writing into a String does not fail.
    let _ = write(&mut text, figures);
    text
}

fn write(text: &mut String, figures: &Figures) -> std::fmt::Result {
    let plan = figures.plan;
    writeln!(text, "{}, {}.", date(), machine())?;
    writeln!(
        text,
        "{} connections, {} rounds of {} s each. {}.\n",
        plan.connections,
        plan.rounds,
        plan.window.as_secs(),
        if figures.apart {
            "Servers on core 0, driver on core 1"
        } else {
            "**Servers and driver shared their cores**: the figures are worth little"
        }
    )?;
    targets(text, figures)?;
    writeln!(text, "| operation | CPU each | of the floor | each second | p50 | p99 | p99.9 | server busy |")?;
    writeln!(text, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for row in &figures.rows {
        let Row { name, measured, ratio } = row;
        writeln!(
            text,
            "| {name} | {:.1} us | {} | {:.0} | {} | {} | {} | {:.0} % |",
            measured.cpu_each(),
            ratio.map_or_else(String::new, |ratio| format!("{ratio:.2} x")),
            measured.per_second(),
            millis(measured.p50),
            millis(measured.p99),
            millis(measured.p999),
            measured.busy() * 100.0
        )?;
    }
    writeln!(text)?;
    writeln!(text, "| issuing tokens, 4 connections | each second | p50 | p99 | p99.9 | logins each second |")?;
    writeln!(text, "| --- | ---: | ---: | ---: | ---: | ---: |")?;
    for Flood { cores, quiet, flooded, logins_per_second } in &figures.floods {
        let of = if *cores == Cores::First { "server on one core" } else { "server on all cores" };
        for (what, measured, logins) in
            [("alone", quiet, String::new()), ("beside 16 logins", flooded, format!("{logins_per_second:.0}"))]
        {
            writeln!(
                text,
                "| {of}, {what} | {:.0} | {} | {} | {} | {logins} |",
                measured.per_second(),
                millis(measured.p50),
                millis(measured.p99),
                millis(measured.p999)
            )?;
        }
    }
    writeln!(text)?;
    writeln!(text, "| size | |\n| --- | ---: |")?;
    writeln!(text, "| binary | {:.1} MB |", megabytes(figures.binary))?;
    writeln!(text, "| resident, idle | {:.1} MB |", megabytes(figures.idle))?;
    writeln!(text, "| resident, idle, floor | {:.1} MB |", megabytes(figures.idle_floor))?;
    writeln!(text, "| resident after all of the above but logins | {:.1} MB |", megabytes(figures.loaded))?;
    writeln!(text, "| resident after the logins | {:.1} MB |", megabytes(figures.after_logins))?;
    writeln!(text, "| first start: migrations, new keys | {} |", millis(figures.first_start))?;
    let (median, slowest) = figures.start;
    writeln!(
        text,
        "| later starts, median and slowest of {} | {}, {} |",
        plan.starts,
        millis(median),
        millis(slowest)
    )?;
    writeln!(text, "| rows changed by a code flow round | {:.1} |", figures.writes.rows)?;
    writeln!(text, "| pages that a round adds to the write-ahead log | {:.1} |", figures.writes.pages)
}

fn targets(text: &mut String, figures: &Figures) -> std::fmt::Result {
    let ratio = |name: &str| {
        let row = figures.rows.iter().find(|row| row.name.starts_with(name));
        row.and_then(|row| row.ratio).unwrap_or(f64::INFINITY)
    };
    let ready = figures.start.0.as_secs_f64() * 1e3;
    let first = figures.first_start.as_secs_f64() * 1e3;
    let lines = [
        ("client_credentials with ES256, of one bare signature", ratio("token: client_credentials"), 2.0, "x"),
        ("forward-auth, of one bare ES256 verification", ratio("forward-auth"), 3.0, "x"),
        ("JWKS, of as many static bytes", ratio("JWKS"), 1.5, "x"),
        ("discovery, of as many static bytes", ratio("discovery"), 1.5, "x"),
        ("database commits of a code flow round", figures.writes.commits, 3.0, ""),
        ("ready after exec", ready, 300.0, "ms"),
        ("ready after exec, first start", first, 300.0, "ms"),
        ("resident, idle", megabytes(figures.idle), 40.0, "MB"),
    ];
    writeln!(text, "| target | measured | at most | met |\n| --- | ---: | ---: | --- |")?;
    for (what, measured, most, unit) in lines {
        let met = if measured <= most { "yes" } else { "**no**" };
        writeln!(text, "| {what} | {measured:.2} {unit} | {most} {unit} | {met} |")?;
    }
    writeln!(text)
}

fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    if millis < 10.0 { format!("{millis:.2} ms") } else { format!("{millis:.0} ms") }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn date() -> String {
    let now = jiff::Timestamp::from_microsecond(SystemClock::new().unix_micros());
    now.map_or_else(|_| "no date".to_owned(), |now| now.strftime("%Y-%m-%d").to_string())
}

/// What the figures depend on, without anything that names the machine.
fn machine() -> String {
    let line = |file: &str, start: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(start)?.split_once(':').map(|(_, value)| value.trim().to_owned()));
        value.unwrap_or_else(|| "unknown".to_owned())
    };
    let cores = fs::read_to_string("/proc/cpuinfo").unwrap_or_default().matches("processor\t").count();
    let memory = line("/proc/meminfo", "MemTotal");
    let memory = memory.trim_end_matches(" kB").parse::<f64>().map_or(0.0, |kib| kib * 1024.0 / 1e9);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let rustc = Command::new("rustc").arg("--version").output().ok();
    let rustc = rustc.map_or_else(String::new, |output| String::from_utf8_lossy(&output.stdout).into_owned());
    let rustc = rustc.split(' ').take(2).collect::<Vec<_>>().join(" ");
    format!(
        "{}, {cores} cores, {memory:.0} GB, Linux {}, {rustc}",
        line("/proc/cpuinfo", "model name"),
        kernel.split(['-', '\n']).next().unwrap_or_default()
    )
}
