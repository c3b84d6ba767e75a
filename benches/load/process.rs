//! Server processes: on their own core, and what the kernel says they have used.

use std::fs;
use std::fs::File;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::Fault;
use crate::floor;

/// Unoptimised builds need long for an RSA key.
const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// A server; ended when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From exec to the first 200 of `/health/ready`.
    pub(crate) started_in: Duration,
}

/// The program that is measured: `SIGNET_BENCH_PROGRAM`, as `./bench` builds it for shipping, or else the one that was built
/// beside this driver.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("SIGNET_BENCH_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_signet").into(), PathBuf::from)
}

/// Which cores a server may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cores {
    First,
    All,
}

impl Process {
    /// Starts the floor, with bodies of these sizes.
    pub(crate) fn floor(sizes: &[usize]) -> Result<Self, Fault> {
        let program = std::env::current_exe()?;
        let mut command = on(Cores::First, &program);
        command.arg(floor::COMMAND).args(sizes.iter().map(usize::to_string));
        let began = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let output = child.stdout.take().ok_or("the floor has no standard output")?;
        let read = BufReader::new(output).read_line(&mut line);
        let started_in = began.elapsed();
        let mut this = Self { child, address: local(0), started_in };
        read?;
        this.address = local(line.trim().parse()?);
        Ok(this)
    }

    /// Starts `signet serve` with this configuration, its log at the end of `log`, and waits until it is ready.
    pub(crate) fn signet(folder: &Path, port: u16, log: File, cores: Cores) -> Result<Self, Fault> {
        let mut command = on(cores, &program());
        command.args(["serve", "--config", "signet.toml"]).current_dir(folder);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SIGNET_") {
                command.env_remove(name);
            }
        }
        let began = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
        let mut this = Self { child, address: local(port), started_in: Duration::ZERO };
        while !is_ready(this.address) {
            if let Some(status) = this.child.try_wait()? {
                return Err(format!("the server ended with {status}; see its log").into());
            }
            if began.elapsed() > START_LIMIT {
                return Err("the server did not become ready".into());
            }
            thread::sleep(Duration::from_micros(500));
        }
        this.started_in = began.elapsed();
        Ok(this)
    }

    /// CPU time of all its threads, in user and kernel mode.
    pub(crate) fn cpu(&self) -> Result<Duration, Fault> {
        cpu_of(self.child.id(), 2)
    }

    /// Resident memory, in bytes.
    pub(crate) fn resident(&self) -> Result<u64, Fault> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024)
    }

    /// Asks it to stop and waits for its end.
    pub(crate) fn stop(mut self) -> Result<(), Fault> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        let began = Instant::now();
        while began.elapsed() < STOP_LIMIT {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Err("the server did not stop".into())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Moves this process to the second core. False when there is no second core or no `taskset`.
pub(crate) fn step_aside() -> bool {
    let own = std::process::id().to_string();
    let moved = Command::new("taskset").args(["-a", "-p", "-c", "1", &own]).stdout(Stdio::null()).status();
    moved.is_ok_and(|status| status.success())
}

/// CPU time of the database server whose first process is `postmaster`: its own, that of its processes that have ended,
/// and that of those that run.
pub(crate) fn cpu_of_postgres(postmaster: u32) -> Result<Duration, Fault> {
    let tasks = fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"))?;
    let mut sum = cpu_of(postmaster, 4)?;
    for child in tasks.split_whitespace() {
        // It may have ended just now.
        sum += child.parse().ok().and_then(|child| cpu_of(child, 2).ok()).unwrap_or_default();
    }
    Ok(sum)
}

/// Fields 14 and 15 of proc(5), and 16 and 17 for children that have ended, counted after the name, which may have
/// spaces in it. In ticks of 1/100 s: the kernel's interface, whatever its own timer does.
fn cpu_of(process: u32, fields: usize) -> Result<Duration, Fault> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, rest) = text.rsplit_once(") ").ok_or("an unknown form of /proc/PID/stat")?;
    let ticks = rest.split(' ').skip(11).take(fields).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

fn on(cores: Cores, program: &Path) -> Command {
    let all = format!("0-{}", thread::available_parallelism().map_or(1, usize::from).max(2) - 1);
    let list = if cores == Cores::First { "0" } else { &all };
    let bound = Command::new("taskset").args(["-c", list, "true"]).status().is_ok_and(|status| status.success());
    if !bound {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", list]).arg(program);
    command
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn is_ready(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    // Bound, but perhaps not yet accepting: wait for the answer rather than try again.
    let asked = stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .and_then(|()| stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    let mut answer = String::new();
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}
