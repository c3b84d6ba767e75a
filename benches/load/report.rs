//! The figures as Markdown, and their place in docs/performance.md.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use signet::ambient::Clock;
use signet::ambient::SystemClock;

use crate::Fault;
use crate::crowd;
use crate::figures::Crowded;
use crate::figures::Figures;
use crate::figures::Flood;
use crate::figures::Paced;
use crate::figures::Row;
use crate::figures::Server;
use crate::process::Cores;

const BEGIN: &str = "<!-- figures: written by `./bench` -->";
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
    let plan = &figures.plan;
    writeln!(text, "{}, {}.", date(), machine())?;
    writeln!(
        text,
        "{} connections, {} rounds of {} s each, {} people with a session beside {} others'. {}.\n",
        plan.connections,
        plan.rounds,
        plan.window.as_secs(),
        crowd::PEOPLE,
        crowd::OTHER_SESSIONS,
        if figures.apart {
            "Servers on core 0, driver (and PostgreSQL) on core 1"
        } else {
            "**Servers and driver shared their cores**: the figures are worth little"
        }
    )?;
    targets(text, figures)?;
    writeln!(text, "### SQLite, every commit on the disk\n")?;
    rows(text, &figures.sqlite.rows, None)?;
    paced(text, &figures.sqlite)?;
    if let Some(crowded) = &figures.sqlite.crowded {
        many(text, "SQLite", crowded, &figures.sqlite)?;
    }
    if let Some(postgres) = &figures.postgres {
        writeln!(text, "### PostgreSQL\n")?;
        rows(text, &postgres.rows, None)?;
        paced(text, postgres)?;
        if let Some(crowded) = &postgres.crowded {
            many(text, "PostgreSQL", crowded, postgres)?;
        }
    }
    floods(text, figures)?;
    sizes(text, figures)?;
    writeln!(text, "| this machine at best, on one core | each second |\n| --- | ---: |")?;
    let limits = &figures.limits;
    writeln!(text, "| OpenSSL, P-256 signatures | {:.0} |", limits.es256)?;
    writeln!(text, "| OpenSSL, RSA signatures with 2048 bits | {:.0} |", limits.rs256)?;
    writeln!(text, "| 4 KiB appended to a file, and fdatasync | {:.0} |", limits.syncs)?;
    writeln!(text, "| SQLite commits of one row, one after the other | {:.0} |", limits.commits)
}

/// `before`: the same rows without the crowd.
fn rows(text: &mut String, rows: &[Row], before: Option<&[Row]>) -> std::fmt::Result {
    let databases = rows.iter().any(|row| row.database.is_some());
    let (head, line) = if databases { (" database CPU each |", " ---: |") } else { ("", "") };
    let (head, line) = if before.is_some() {
        (format!("{head} against before |"), format!("{line} ---: |"))
    } else {
        (head.into(), line.into())
    };
    writeln!(text, "| operation | CPU each | of the floor | each second | p50 | p99 | p99.9 | server busy |{head}")?;
    writeln!(text, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |{line}")?;
    for row in rows {
        let Row { name, measured, ratio, database } = row;
        write!(
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
        if databases {
            write!(text, " {} |", database.map_or_else(String::new, |each| format!("{each:.1} us")))?;
        }
        if let Some(before) = before {
            let change = change(row, before);
            write!(text, " {} |", change.map_or_else(String::new, |change| format!("{:+.0} %", change * 100.0)))?;
        }
        writeln!(text)?;
    }
    writeln!(text)
}

/// By how much the ratio to the floor grew: a slow moment of the machine meets both.
fn change(row: &Row, before: &[Row]) -> Option<f64> {
    let other = before.iter().find(|other| other.name == row.name)?;
    Some(row.ratio? / other.ratio? - 1.0)
}

fn paced(text: &mut String, server: &Server) -> std::fmt::Result {
    writeln!(text, "| requests at fixed times | each second | p50 | p99 | p99.9 | server busy |")?;
    writeln!(text, "| --- | ---: | ---: | ---: | ---: | ---: |")?;
    for Paced { name, rate, measured } in &server.paced {
        writeln!(
            text,
            "| {name} | {rate:.0} | {} | {} | {} | {:.0} % |",
            millis(measured.p50),
            millis(measured.p99),
            millis(measured.p999),
            measured.busy() * 100.0
        )?;
    }
    writeln!(text)
}

fn many(text: &mut String, database: &str, crowded: &Crowded, server: &Server) -> std::fmt::Result {
    let size = if crowded.bytes > 0 { format!(", {:.1} GB", crowded.bytes as f64 / 1e9) } else { String::new() };
    writeln!(
        text,
        "### {database} with {} people and {} refresh families more{size}\n\nFilled in {:.0} s.\n",
        crowded.people,
        crowded.people * 10,
        crowded.filling.as_secs_f64()
    )?;
    rows(text, &crowded.rows, Some(&server.rows))
}

fn floods(text: &mut String, figures: &Figures) -> std::fmt::Result {
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
    writeln!(text)
}

fn sizes(text: &mut String, figures: &Figures) -> std::fmt::Result {
    writeln!(text, "| size | |\n| --- | ---: |")?;
    writeln!(text, "| binary | {:.1} MB |", megabytes(figures.binary))?;
    writeln!(text, "| resident, idle, floor | {:.1} MB |", megabytes(figures.idle_floor))?;
    for (name, server) in [("SQLite", Some(&figures.sqlite)), ("PostgreSQL", figures.postgres.as_ref())] {
        let Some(server) = server else { continue };
        writeln!(text, "| {name}: resident, idle | {:.1} MB |", megabytes(server.idle))?;
        writeln!(text, "| {name}: resident after all of the above but logins | {:.1} MB |", megabytes(server.loaded))?;
        writeln!(text, "| {name}: resident after the logins | {:.1} MB |", megabytes(server.after_logins))?;
    }
    writeln!(text, "| first start: migrations, new keys | {} |", millis(figures.first_start))?;
    let (median, slowest) = figures.start;
    writeln!(
        text,
        "| later starts, median and slowest of {} | {}, {} |",
        figures.plan.starts,
        millis(median),
        millis(slowest)
    )?;
    if let Some(writes) = figures.sqlite.writes {
        writeln!(text, "| commits of a code flow round | {:.1} |", writes.commits)?;
        writeln!(text, "| rows changed by a code flow round | {:.1} |", writes.rows)?;
        writeln!(text, "| pages that a round adds to the write-ahead log | {:.1} |", writes.pages)?;
    }
    writeln!(text)
}

fn targets(text: &mut String, figures: &Figures) -> std::fmt::Result {
    let ratio = |name: &str| {
        let row = figures.sqlite.rows.iter().find(|row| row.name.starts_with(name));
        row.and_then(|row| row.ratio).unwrap_or(f64::INFINITY)
    };
    let rate = |name: &str| {
        let row = figures.sqlite.rows.iter().find(|row| row.name.starts_with(name));
        row.map_or(0.0, |row| row.measured.per_second())
    };
    let grown = figures.sqlite.crowded.as_ref().map(|crowded| {
        let changes = crowded.rows.iter().filter_map(|row| change(row, &figures.sqlite.rows));
        changes.fold(f64::NEG_INFINITY, f64::max) * 100.0
    });
    let at_most = [
        ("client_credentials with ES256, of one bare signature", ratio("token: client_credentials"), 1.5, "x"),
        ("refresh, of one bare signature", ratio("refresh, ES256"), 4.0, "x"),
        ("code flow round, of one bare signature", ratio("code flow round, ES256"), 8.0, "x"),
        ("userinfo, a token issued or seen lately, of one bare signature", ratio("userinfo, a token seen"), 2.5, "x"),
        ("userinfo, any other token", ratio("userinfo, a token not"), 2.5, "x"),
        ("introspection, a token issued or seen lately", ratio("introspection, a token seen"), 2.5, "x"),
        ("introspection, any other token", ratio("introspection, a token not"), 2.5, "x"),
        ("JWKS, of as many static bytes", ratio("JWKS"), 1.3, "x"),
        ("discovery, of as many static bytes", ratio("discovery"), 1.3, "x"),
        ("password login, of one bare hash", ratio("password login"), 1.05, "x"),
        ("resident, idle", megabytes(figures.sqlite.idle), 30.0, "MB"),
        ("resident after load", megabytes(figures.sqlite.after_logins), 64.0, "MB"),
    ];
    writeln!(
        text,
        "The goals, of SQLite (PostgreSQL is below). A ratio is the middle one of several, each of an operation and its floor \
         measured one after the other, and not the quotient of two columns.\n"
    )?;
    writeln!(text, "| goal | measured | wanted | met |\n| --- | ---: | ---: | --- |")?;
    let met = |met: bool| if met { "yes" } else { "**no**" };
    for (what, measured, most, unit) in at_most {
        // As it is shown: a further digit says nothing here.
        let measured = (measured * 100.0).round() / 100.0;
        writeln!(text, "| {what} | {measured:.2} {unit} | at most {most} {unit} | {} |", met(measured <= most))?;
    }
    if let Some(grown) = grown {
        let what = "what grew most with many people";
        writeln!(text, "| {what} | {grown:+.0} % | at most +20 % | {} |", met(grown <= 20.0))?;
    }
    for (what, measured, least) in [
        ("refreshes each second", rate("refresh, ES256"), 1200.0),
        ("logins each second", rate("password login"), 60.0),
    ] {
        writeln!(text, "| {what}, one core | {measured:.0} | at least {least} | {} |", met(measured >= least))?;
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
