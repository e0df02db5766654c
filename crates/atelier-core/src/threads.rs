//! Fork-join over a few spinning workers.
//!
//! A training step of a small network lasts 100 microseconds; handing work to a sleeping thread
//! pool costs more than that is worth. The workers here spin between jobs (and go to sleep when
//! nothing comes for a while), so that a hand-over takes about a microsecond.
//!
//! Work is cut into tiles by its shape alone, never by the number of threads, and every tile
//! writes its own part of the result: one thread and many give the same bits.
//!
//! ```
//! atelier_core::threads::set(2); // for kernels called from this thread
//! assert_eq!(atelier_core::threads::count(), 2);
//! ```
#![expect(unsafe_code, reason = "lends a borrowed closure and disjoint parts of a slice to workers that outlive neither")]

use std::cell::{Cell, RefCell, UnsafeCell};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{JoinHandle, Thread};

/// How often a worker looks for work before it goes to sleep: some tenths of a millisecond, longer
/// than the gaps within a training step.
const SPINS: u32 = 20_000;

thread_local! {
    static CREW: RefCell<Option<Rc<Crew>>> = const { RefCell::new(None) };
    static AT_WORK: Cell<bool> = const { Cell::new(false) };
}

/// Lets the kernels called from the current thread use `threads` threads, itself included.
///
/// Every thread starts with one. The results do not depend on it.
pub fn set(threads: usize) {
    let crew = (threads > 1).then(|| Rc::new(Crew::new(threads - 1)));
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

/// Cuts `0..len` into ranges of `step` and calls `work` for each; `step` must depend on the shape
/// of the work alone.
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

/// What the workers see of the current job.
struct Board {
    /// Counts jobs; a worker starts when it changes.
    job: AtomicU64,
    /// The closure of the current job; written only while no worker is active.
    work: UnsafeCell<Option<Work>>,
    tiles: AtomicUsize,
    /// The next tile that nobody has taken.
    next: AtomicUsize,
    /// Workers that have not finished the current job.
    active: AtomicUsize,
    asleep: AtomicUsize,
    panicked: AtomicBool,
    quit: AtomicBool,
}

// SAFETY: `work` is written by the crew's owner while `active` is 0, and read by workers between
// the release of `job` and their own decrement of `active`; the closure behind it is `Sync`.
unsafe impl Sync for Board {}
// SAFETY: as above; the raw pointer is only ever used under that protocol.
unsafe impl Send for Board {}

impl Board {
    fn take_tiles(&self, work: &(dyn Fn(usize) + Sync)) {
        let tiles = self.tiles.load(Ordering::Relaxed);
        loop {
            let tile = self.next.fetch_add(1, Ordering::Relaxed);
            if tile >= tiles {
                return;
            }
            work(tile);
        }
    }

    fn serve(&self) {
        let mut seen = 0;
        loop {
            let mut spins = 0;
            while self.job.load(Ordering::Acquire) == seen {
                if self.quit.load(Ordering::Relaxed) {
                    return;
                }
                spins += 1;
                if spins < SPINS {
                    std::hint::spin_loop();
                } else {
                    self.asleep.fetch_add(1, Ordering::SeqCst);
                    // Looked at again after announcing the sleep, so that no job is missed.
                    if self.job.load(Ordering::SeqCst) == seen && !self.quit.load(Ordering::SeqCst) {
                        std::thread::park();
                    }
                    self.asleep.fetch_sub(1, Ordering::SeqCst);
                }
            }
            seen = self.job.load(Ordering::Acquire);
            // SAFETY: `job` was released after `work` was written, and the owner waits for `active`
            // to reach 0 before it writes again or lets the closure go.
            if let Some(work) = unsafe { *self.work.get() } {
                // SAFETY: as above: the closure is alive until `active` is 0.
                let work = unsafe { &*work };
                if catch_unwind(AssertUnwindSafe(|| self.take_tiles(work))).is_err() {
                    self.panicked.store(true, Ordering::Relaxed);
                }
            }
            self.active.fetch_sub(1, Ordering::Release);
        }
    }
}

struct Crew {
    board: Arc<Board>,
    workers: Vec<JoinHandle<()>>,
    handles: Vec<Thread>,
}

impl Crew {
    fn new(workers: usize) -> Self {
        let board = Arc::new(Board {
            job: AtomicU64::new(0),
            work: UnsafeCell::new(None),
            tiles: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            active: AtomicUsize::new(0),
            asleep: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
            quit: AtomicBool::new(false),
        });
        let workers: Vec<_> = (0..workers)
            .map_while(|_| {
                let board = Arc::clone(&board);
                // A thread that cannot be had is done without: the result is the same.
                std::thread::Builder::new()
                    .name("atelier-kernel".to_string())
                    .spawn(move || board.serve())
                    .ok()
            })
            .collect();
        let handles = workers.iter().map(|worker| worker.thread().clone()).collect();
        Self { board, workers, handles }
    }

    fn run(&self, tiles: usize, work: &(dyn Fn(usize) + Sync)) {
        /// Waits for the workers also when the owner's own share panics.
        struct Join<'a>(&'a Board);
        impl Drop for Join<'_> {
            fn drop(&mut self) {
                let mut spins = 0_u32;
                while self.0.active.load(Ordering::Acquire) != 0 {
                    spins = spins.wrapping_add(1);
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
        // SAFETY: only the lifetime is erased; `Join` keeps this call from returning (or unwinding)
        // before every worker has let go of the closure. `active` is 0 here, so nobody reads `work`.
        unsafe {
            let work: *const (dyn Fn(usize) + Sync + '_) = work;
            *board.work.get() = Some(std::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), Work>(work));
        }
        board.tiles.store(tiles, Ordering::Relaxed);
        board.next.store(0, Ordering::Relaxed);
        board.active.store(self.workers.len(), Ordering::Relaxed);
        AT_WORK.set(true);
        let join = Join(board);
        board.job.fetch_add(1, Ordering::SeqCst);
        if board.asleep.load(Ordering::SeqCst) > 0 {
            self.handles.iter().for_each(Thread::unpark);
        }
        board.take_tiles(work);
        drop(join);
        assert!(!board.panicked.swap(false, Ordering::Relaxed), "a kernel panicked on a worker thread");
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
