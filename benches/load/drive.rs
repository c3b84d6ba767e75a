//! The closed loop: each connection sends its next request when it has its answer. The open loop: requests are due at
//! fixed times, and late is late, whoever was busy.

use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::TryStreamExt;
use futures_util::stream::FuturesUnordered;

use crate::Fault;
use crate::process::Process;
use crate::wire::Wire;

/// What one connection does again and again.
pub(crate) trait Step {
    /// One operation, its answers checked.
    fn step(&mut self, wire: &mut Wire) -> impl Future<Output = Result<(), Fault>>;

    /// Whether it has nothing left to do before the time is up.
    fn is_done(&self) -> bool {
        false
    }
}

/// What one measurement gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) count: usize,
    pub(crate) wall: Duration,
    /// Of the server process.
    pub(crate) cpu: Duration,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) p999: Duration,
}

impl Measured {
    /// Exactly, from all that was measured.
    fn of(mut took: Vec<u64>, wall: Duration, cpu: Duration) -> Self {
        took.sort_unstable();
        let at = |part: usize| {
            let index = (took.len() * part / 1000).min(took.len().saturating_sub(1));
            Duration::from_nanos(took.get(index).copied().unwrap_or(0))
        };
        Self { count: took.len(), wall, cpu, p50: at(500), p99: at(990), p999: at(999) }
    }

    /// Microseconds of the server's CPU for one operation.
    pub(crate) fn cpu_each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.count.max(1) as f64
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.count as f64 / self.wall.as_secs_f64()
    }

    /// How much of the time the server had work, of one core.
    pub(crate) fn busy(&self) -> f64 {
        self.cpu.as_secs_f64() / self.wall.as_secs_f64()
    }
}

/// More operations than this are not kept apart, so that a run is bounded in memory too.
const MOST: usize = 4_000_000;

/// Runs all `steps` side by side for about `window`, after a tenth of it to warm up.
pub(crate) async fn measure<S: Step>(server: &Process, steps: &mut [S], window: Duration) -> Result<Measured, Fault> {
    let mut wires = Vec::new();
    for _ in 0..steps.len() {
        wires.push(Wire::connect(server.address).await?);
    }
    all(steps, &mut wires, Instant::now() + window / 10).await?;
    let (began, cpu) = (Instant::now(), server.cpu()?);
    let took = all(steps, &mut wires, began + window).await?;
    let (wall, cpu) = (began.elapsed(), server.cpu()?.saturating_sub(cpu));
    Ok(Measured::of(took, wall, cpu))
}

/// Starts `rate` operations a second, at fixed times, for about `window`. How long one took is counted from when it was
/// due, also when no connection was free by then: nobody who waits is left out of the figures.
pub(crate) async fn paced<S: Step>(
    server: &Process,
    steps: &mut [S],
    rate: f64,
    window: Duration,
) -> Result<Measured, Fault> {
    let mut wires = Vec::new();
    for _ in 0..steps.len() {
        wires.push(Wire::connect(server.address).await?);
    }
    let (began, cpu) = (Instant::now(), server.cpu()?);
    let next = Cell::new(0_u32);
    let running: FuturesUnordered<_> = steps
        .iter_mut()
        .zip(&mut wires)
        .map(async |(step, wire)| {
            let mut took = Vec::new();
            loop {
                let due = began + Duration::from_secs_f64(f64::from(next.replace(next.get() + 1)) / rate);
                if due > began + window || step.is_done() {
                    return Ok::<_, Fault>(took);
                }
                wait_until(due).await;
                let stepped = tokio::time::timeout(Duration::from_mins(1), step.step(wire)).await;
                stepped.map_err(|_| "no answer in a minute")??;
                took.push(nanos(due.elapsed()));
            }
        })
        .collect();
    let took: Vec<Vec<u64>> = running.try_collect().await?;
    let (wall, cpu) = (began.elapsed(), server.cpu()?.saturating_sub(cpu));
    Ok(Measured::of(took.concat(), wall, cpu))
}

/// The timer counts in milliseconds, so the rest of the time is looked away.
async fn wait_until(due: Instant) {
    const TIMER: Duration = Duration::from_millis(2);
    let left = due.saturating_duration_since(Instant::now());
    if left > TIMER {
        tokio::time::sleep(left.saturating_sub(TIMER)).await;
    }
    while Instant::now() < due {
        tokio::task::yield_now().await;
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Runs all `steps` until `until` without measuring anything but how long each operation took.
async fn all<S: Step>(steps: &mut [S], wires: &mut [Wire], until: Instant) -> Result<Vec<u64>, Fault> {
    let each = MOST / steps.len().max(1);
    let mut running: FuturesUnordered<_> =
        steps.iter_mut().zip(wires).map(|(step, wire)| one(step, wire, until, each)).collect();
    let mut took = Vec::new();
    while let Some(own) = running.next().await {
        took.extend(own?);
    }
    Ok(took)
}

async fn one<S: Step>(step: &mut S, wire: &mut Wire, until: Instant, most: usize) -> Result<Vec<u64>, Fault> {
    let mut took = Vec::new();
    let mut before = Instant::now();
    while before < until && took.len() < most && !step.is_done() {
        tokio::time::timeout(Duration::from_mins(1), step.step(wire)).await.map_err(|_| "no answer in a minute")??;
        let after = Instant::now();
        took.push(nanos(after - before));
        before = after;
    }
    Ok(took)
}

/// Keeps `steps` going beside something else that is measured, until that is done.
pub(crate) async fn beside<S: Step, T>(
    address: SocketAddr,
    steps: &mut [S],
    measured: impl Future<Output = Result<T, Fault>>,
) -> Result<(T, usize), Fault> {
    let mut wires = Vec::new();
    for _ in 0..steps.len() {
        wires.push(Wire::connect(address).await?);
    }
    let done = Cell::new(false);
    let count = Cell::new(0_usize);
    let mut running: FuturesUnordered<_> = steps
        .iter_mut()
        .zip(&mut wires)
        .map(async |(step, wire)| {
            while !done.get() {
                step.step(wire).await?;
                count.set(count.get() + 1);
            }
            Ok::<(), Fault>(())
        })
        .collect();
    let flood = async {
        while let Some(own) = running.next().await {
            own?;
        }
        Ok::<(), Fault>(())
    };
    let main = async {
        let outcome = measured.await;
        done.set(true);
        outcome
    };
    let (outcome, flooded) = futures_util::future::join(main, flood).await;
    flooded?;
    Ok((outcome?, count.get()))
}
