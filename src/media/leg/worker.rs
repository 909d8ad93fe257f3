//! The threads that carry sound. Each has its lines, reads their sockets as packets come, and lets
//! each of them tick every 20 ms.

use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use tokio::net::UdpSocket;
use tokio::runtime::{Builder, Handle};
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::line::{DATAGRAM_MAX, Line, lock};
use crate::media::Event;
use crate::time::Duration;

/// Time between ticks.
pub(super) const TICK: Duration = Duration::from_millis(20);

/// Who is told of events.
pub(super) type Listener = Arc<dyn Fn(Event) + Send + Sync>;

/// One thread.
pub(super) struct Worker {
    runtime: Handle,
    listener: Listener,
    /// Lines that the thread has not seen yet.
    opened: Mutex<Vec<(Arc<Line>, AbortHandle)>>,
    lines: AtomicUsize,
    stopped: AtomicBool,
}

impl Worker {
    /// Starts a thread; it ends within a tick of [`Worker::stop`].
    pub(super) fn start(name: String, listener: Listener) -> io::Result<Arc<Self>> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let worker = Arc::new(Self {
            runtime: runtime.handle().clone(),
            listener,
            opened: Mutex::new(Vec::new()),
            lines: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let pacer = pace(Arc::clone(&worker));
        thread::Builder::new().name(name).spawn(move || runtime.block_on(pacer))?;
        Ok(worker)
    }

    /// How many lines it carries.
    pub(super) fn lines(&self) -> usize {
        self.lines.load(Ordering::Relaxed)
    }

    /// Binds a socket that this thread reads.
    pub(super) fn bind(&self, local: SocketAddr) -> io::Result<UdpSocket> {
        let socket = std::net::UdpSocket::bind(local)?;
        socket.set_nonblocking(true)?;
        let _context = self.runtime.enter();
        UdpSocket::from_std(socket)
    }

    /// Carries a line, whose socket it has bound, until the line has drained.
    pub(super) fn carry(&self, line: &Arc<Line>) {
        self.lines.fetch_add(1, Ordering::Relaxed);
        let reader = read(Arc::clone(line), Arc::clone(&self.listener));
        let reader = self.runtime.spawn(reader).abort_handle();
        lock(&self.opened).push((Arc::clone(line), reader));
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// Lets the lines tick. A tick that comes too late is skipped: a burst would only fill the other
/// side's buffer.
async fn pace(worker: Arc<Worker>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut lines = Vec::new();
    let mut events = Vec::new();
    while !worker.stopped.load(Ordering::Relaxed) {
        ticks.tick().await;
        lines.append(&mut lock(&worker.opened));
        lines.retain(|(line, reader)| {
            let alive = tick(line, &mut events);
            if !alive {
                reader.abort();
            }
            alive
        });
        worker.lines.store(lines.len() + lock(&worker.opened).len(), Ordering::Relaxed);
        events.drain(..).for_each(|event| (worker.listener)(event));
    }
}

/// A fault of ours costs the line in which it shows, not all lines of the thread.
fn tick(line: &Line, events: &mut Vec<Event>) -> bool {
    let ticked = catch_unwind(AssertUnwindSafe(|| line.tick(events)));
    ticked.unwrap_or_else(|_| {
        tracing::error!(leg = %line.id, "the line failed and is given up");
        false
    })
}

/// Reads a line until it is aborted.
async fn read(line: Arc<Line>, listener: Listener) {
    let mut datagram = [0; DATAGRAM_MAX];
    let mut events = Vec::new();
    loop {
        match line.socket.recv_from(&mut datagram).await {
            Ok((length, source)) => {
                line.receive(&datagram[..length], source, &mut events);
                events.drain(..).for_each(|event| listener(event));
            }
            Err(error) => {
                tracing::debug!(leg = %line.id, %error, "the socket cannot be read");
                sleep(TICK).await;
            }
        }
    }
}
