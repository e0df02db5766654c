//! Fork-join over a few spinning workers.
//!
//! A training step of a small network lasts 100 microseconds; handing work to a sleeping thread
//! pool costs more than that is worth. The workers here spin between jobs (and go to sleep when
//! nothing comes for a while), so that a hand-over takes about a microsecond.
//!
//! Every tile writes its own part of the result, and whatever is summed up is summed in an order that
//! does not depend on how the work was cut: one thread and many give the same bits. The first thread gets
//! the first tiles, the last thread the last, every time, so that a part of the weights, of their
//! gradient and of the optimiser's state stays in the cache of one core; only a thread that has
//! nothing left takes from the others.
//!
//! ```
//! atelier_core::threads::set(2); // for kernels called from this thread
//! assert_eq!(atelier_core::threads::count(), 2);
//! ```
#![expect(
    unsafe_code,
    reason = "lends a borrowed closure and disjoint parts of a slice to workers that outlive neither"
)]

use std::cell::{Cell, RefCell, UnsafeCell};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// How often a worker looks for work before it goes to sleep: some tenths of a millisecond, longer
/// than the gaps within a training step.
const SPINS: u32 = if cfg!(miri) { 20 } else { 20_000 };

thread_local! {
    static CREW: RefCell<Option<Rc<Crew>>> = const { RefCell::new(None) };
    static AT_WORK: Cell<bool> = const { Cell::new(false) };
}

/// More threads than this have nothing to do in networks of this size.
const MOST_THREADS: usize = 256;

/// Lets the kernels called from the current thread use `threads` threads, itself included, at most
/// 256; [`count`] says how many they are.
///
/// Every thread starts with one. The results do not depend on it.
pub fn set(threads: usize) {
    let threads = threads.min(MOST_THREADS);
    // Where the system gives no more threads, the results are the same with one.
    let crew = (threads > 1).then(|| Crew::new(threads - 1).ok().map(Rc::new)).flatten();
    CREW.with(|slot| *slot.borrow_mut() = crew);
}

/// How many threads the kernels called from the current thread use.
#[must_use]
pub fn count() -> usize {
    CREW.with(|slot| slot.borrow().as_ref().map_or(1, |crew| crew.workers.len() + 1))
}

/// Calls `work` once for every tile in `0..tiles`, on all threads of the crew, and returns when all
/// calls have returned.
///
/// # Panics
/// Panics if `work` does, after all workers have stopped working on it.
pub(crate) fn for_each_tile(tiles: usize, work: &(dyn Fn(usize) + Sync)) {
    let crew = CREW.with(|slot| slot.borrow().clone());
    match crew {
        Some(crew) if tiles > 1 && !AT_WORK.get() => crew.run(tiles, work),
        _ => (0..tiles).for_each(work),
    }
}

/// Cuts `0..len` into ranges of `step` and calls `work` for each; the result must not depend on
/// `step`, unless `step` depends on the shape of the work alone.
pub(crate) fn for_each_range(len: usize, step: usize, work: &(dyn Fn(Range<usize>) + Sync)) {
    let step = step.max(1);
    for_each_tile(len.div_ceil(step), &|tile| {
        work(tile * step..len.min((tile + 1) * step));
    });
}

/// A slice of which tiles write disjoint parts.
pub(crate) struct Parts<'a, T> {
    start: *mut T,
    len: usize,
    lifetime: std::marker::PhantomData<&'a mut [T]>,
}

// SAFETY: `Parts` only hands out disjoint parts (the contract of `part`), so sharing it between
// threads is sharing disjoint `&mut [T]`, which needs `T: Send`.
unsafe impl<T: Send> Sync for Parts<'_, T> {}

impl<'a, T> Parts<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), lifetime: std::marker::PhantomData }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The part `range` of the slice.
    ///
    /// # Safety
    /// No two parts that are alive at the same time may overlap.
    #[expect(clippy::mut_from_ref, reason = "disjointness is the caller's promise")]
    pub(crate) unsafe fn part(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len, "a tile outside its slice");
        // SAFETY: in bounds by the assertion, unaliased by the caller's promise, and the borrow of
        // the slice outlives `self`.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}

type Work = *const (dyn Fn(usize) + Sync);

/// Bits of the gate: how many workers are inside, whether the job is closed, and its number.
const INSIDE: u64 = (1 << 16) - 1;
const CLOSED: u64 = 1 << 16;
const JOB: u32 = 17;

/// What the owner and the workers share.
struct Board {
    /// Number of the job, closed or not, and the workers inside: see [`INSIDE`]. A worker enters an
    /// open job by adding one; the owner closes the job when no tile is left and waits until
    /// nobody is inside. A worker that the system lets sleep through a job is not waited for.
    gate: AtomicU64,
    /// The closure of the current job; written only while the job is closed and nobody is inside.
    work: UnsafeCell<Option<Work>>,
    /// The tiles of each thread that nobody has taken, `start << 32 | end`.
    shares: Vec<AtomicU64>,
    asleep: AtomicUsize,
    panicked: AtomicBool,
    quit: AtomicBool,
}

// SAFETY: `work` is written by the crew's owner while nobody is inside, and read by workers that are
// inside; entering acquires what the owner released with the gate. The closure behind it is `Sync`.
unsafe impl Sync for Board {}
// SAFETY: as above; the raw pointer is only ever used under that protocol.
unsafe impl Send for Board {}

impl Board {
    /// A tile of the thread `of`: its own takes the first, others take the last.
    fn take(&self, of: usize, own: bool) -> Option<usize> {
        let share = &self.shares[of];
        let mut seen = share.load(Ordering::Relaxed);
        loop {
            let (start, end) = (seen >> 32, seen & u64::from(u32::MAX));
            if start >= end {
                return None;
            }
            let (tile, rest) = if own {
                (start, (start + 1) << 32 | end)
            } else {
                (end - 1, start << 32 | (end - 1))
            };
            match share.compare_exchange_weak(seen, rest, Ordering::Relaxed, Ordering::Relaxed) {
                #[expect(clippy::cast_possible_truncation, reason = "made from 32 bits")]
                Ok(_) => return Some(tile as usize),
                Err(now) => seen = now,
            }
        }
    }

    /// Works until no tile is left: first on the share of `member`, then on what others have not
    /// begun.
    fn take_tiles(&self, member: usize, work: &(dyn Fn(usize) + Sync)) {
        for turn in 0..self.shares.len() {
            let of = (member + turn) % self.shares.len();
            while let Some(tile) = self.take(of, turn == 0) {
                work(tile);
            }
        }
    }

    fn serve(&self, member: usize) {
        let mut seen = self.gate.load(Ordering::Acquire) >> JOB;
        let mut spins = 0;
        while !self.quit.load(Ordering::Relaxed) {
            let gate = self.gate.load(Ordering::Acquire);
            if gate >> JOB == seen || gate & CLOSED != 0 {
                spins += 1;
                if spins < SPINS {
                    std::hint::spin_loop();
                } else {
                    self.sleep(seen);
                    spins = 0;
                }
                continue;
            }
            spins = 0;
            if self
                .gate
                .compare_exchange(gate, gate + 1, Ordering::AcqRel, Ordering::Relaxed)
                .is_err()
            {
                continue;
            }
            seen = gate >> JOB;
            // SAFETY: this worker is inside, so `work` is not written and its closure is alive.
            if let Some(work) = unsafe { *self.work.get() } {
                // SAFETY: as above.
                let work = unsafe { &*work };
                if catch_unwind(AssertUnwindSafe(|| self.take_tiles(member, work))).is_err() {
                    self.panicked.store(true, Ordering::Relaxed);
                }
            }
            self.gate.fetch_sub(1, Ordering::Release);
        }
    }

    /// Sleeps until there is a job that is not `seen`; may wake up for nothing.
    fn sleep(&self, seen: u64) {
        self.asleep.fetch_add(1, Ordering::SeqCst);
        // Looked at again after announcing the sleep, so that no job is missed for long.
        let gate = self.gate.load(Ordering::SeqCst);
        let nothing = gate >> JOB == seen || gate & CLOSED != 0;
        if nothing && !self.quit.load(Ordering::SeqCst) {
            std::thread::park();
        }
        self.asleep.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Crew {
    board: Arc<Board>,
    workers: Vec<JoinHandle<()>>,
}

impl Crew {
    fn new(workers: usize) -> std::io::Result<Self> {
        let board = Arc::new(Board {
            gate: AtomicU64::new(CLOSED),
            work: UnsafeCell::new(None),
            shares: (0..=workers).map(|_| AtomicU64::new(0)).collect(),
            asleep: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
            quit: AtomicBool::new(false),
        });
        let mut crew = Self { board, workers: Vec::with_capacity(workers) };
        for member in 1..=workers {
            let board = Arc::clone(&crew.board);
            let name = "atelier-kernel".to_string();
            let worker =
                std::thread::Builder::new().name(name).spawn(move || board.serve(member))?;
            crew.workers.push(worker);
        }
        Ok(crew)
    }

    fn run(&self, tiles: usize, work: &(dyn Fn(usize) + Sync)) {
        /// Closes the job and waits for the workers, also when the owner's own share panics.
        struct Close<'a>(&'a Board);
        impl Drop for Close<'_> {
            fn drop(&mut self) {
                self.0.gate.fetch_or(CLOSED, Ordering::AcqRel);
                let mut spins = 0;
                while self.0.gate.load(Ordering::Acquire) & INSIDE != 0 {
                    spins += 1;
                    if spins < SPINS {
                        std::hint::spin_loop();
                    } else {
                        std::thread::yield_now();
                    }
                }
                AT_WORK.set(false);
            }
        }

        let board = &*self.board;
        // SAFETY: only the lifetime is erased: `Close` keeps this call from returning or unwinding
        // while a worker is inside. The job before is closed and nobody is inside, so nobody reads.
        unsafe {
            *board.work.get() = Some(std::mem::transmute::<&(dyn Fn(usize) + Sync), Work>(work));
        }
        let members = board.shares.len() as u64;
        for (member, share) in board.shares.iter().enumerate() {
            let bound = |member: u64| member * tiles as u64 / members;
            let member = member as u64;
            share.store(bound(member) << 32 | bound(member + 1), Ordering::Relaxed);
        }
        board.panicked.store(false, Ordering::Relaxed);
        AT_WORK.set(true);
        let job = (board.gate.load(Ordering::Relaxed) >> JOB) + 1;
        board.gate.store(job << JOB, Ordering::SeqCst);
        let close = Close(board);
        if board.asleep.load(Ordering::SeqCst) > 0 {
            self.workers.iter().for_each(|worker| worker.thread().unpark());
        }
        board.take_tiles(0, work);
        drop(close);
        assert!(!board.panicked.load(Ordering::Relaxed), "a kernel panicked on a worker thread");
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.board.quit.store(true, Ordering::SeqCst);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // A worker cannot have panicked: `serve` catches.
            let _ = worker.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn squares(threads: usize, jobs: usize) -> Vec<usize> {
        set(threads);
        let mut out = vec![0; 103];
        for _ in 0..jobs {
            let parts = Parts::new(&mut out);
            for_each_range(103, 10, &|range| {
                // SAFETY: the ranges of `for_each_range` are disjoint.
                let part = unsafe { parts.part(range.clone()) };
                for (value, i) in part.iter_mut().zip(range) {
                    *value += i * i;
                }
            });
        }
        set(1);
        out
    }

    #[test]
    fn every_tile_is_done_once_with_any_number_of_threads() {
        let jobs = if cfg!(miri) { 3 } else { 2_000 };
        let expected: Vec<_> = (0..103).map(|i| i * i * jobs).collect();
        for threads in [1, 2, 3, 5] {
            assert_eq!(squares(threads, jobs), expected, "{threads} threads");
        }
    }

    #[test]
    fn work_reaches_workers_that_went_to_sleep() {
        set(3);
        for _ in 0..3 {
            std::thread::sleep(std::time::Duration::from_millis(if cfg!(miri) { 1 } else { 20 }));
            let done = AtomicUsize::new(0);
            for_each_tile(7, &|_| {
                done.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(done.into_inner(), 7);
        }
        set(1);
    }

    #[test]
    fn a_panic_in_a_tile_reaches_the_caller_and_leaves_the_crew_usable() {
        set(2);
        let result = catch_unwind(|| for_each_tile(50, &|tile| assert!(tile != 31, "tile 31")));
        assert!(result.is_err());
        let done = AtomicUsize::new(0);
        for_each_tile(50, &|_| {
            done.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(done.into_inner(), 50);
        set(1);
    }

    #[test]
    fn panics_on_every_thread_do_not_reach_the_next_job() {
        set(2);
        for _ in 0..if cfg!(miri) { 3 } else { 20 } {
            let result = catch_unwind(|| for_each_tile(8, &|tile| panic!("tile {tile}")));
            assert!(result.is_err());
            let done = AtomicUsize::new(0);
            for_each_tile(8, &|_| {
                done.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(done.into_inner(), 8);
        }
        set(1);
    }

    #[test]
    fn nested_work_runs_on_the_thread_that_asks() {
        set(2);
        let done = AtomicUsize::new(0);
        for_each_tile(4, &|_| {
            for_each_tile(5, &|_| {
                done.fetch_add(1, Ordering::Relaxed);
            });
        });
        assert_eq!(done.into_inner(), 20);
        set(1);
    }
}
