//! Memory that goes from one dump to the next, so that a small dump allocates its result only. It holds no object.

use std::sync::Mutex;

use super::engine::Waiting;
use super::out::Lent;
use super::script::Step;
use super::table::Table;
use crate::py::owned::Owned;

/// The memory of one dump.
#[derive(Default)]
pub struct Scratch {
    pub block: Option<Lent>,
    pub log: Vec<usize>,
    pub table: Table,
    pub stack: Vec<Waiting>,
    pub steps: Vec<Step>,
    pub keep: Vec<Owned>,
    pub pinned: Vec<Owned>,
}

// SAFETY: the stack, the steps and what is held are empty while they lie in the pool; the rest is plain memory.
unsafe impl Send for Scratch {}

/// As many dumps may be under way at the same time, one inside the other or in several threads, and reuse memory.
const POOLED: usize = 4;
/// More than so many entries are not kept: what one large dump needed is not what the next ones need.
const LOG_KEPT: usize = 128 * 1024;
const FRAMES_KEPT: usize = 4096;

static POOL: Mutex<Vec<Scratch>> = Mutex::new(Vec::new());

impl Scratch {
    /// Memory that another dump used, or none. Never waits: where another thread is at the pool, or died with it in a
    /// fork, memory is allocated anew.
    pub fn take() -> Self {
        POOL.try_lock().ok().and_then(|mut pool| pool.pop()).unwrap_or_default()
    }

    /// Gives the memory to the next dump.
    pub fn give(mut self) {
        recycle(&mut self.log, LOG_KEPT);
        self.table.shrink();
        recycle(&mut self.stack, FRAMES_KEPT);
        recycle(&mut self.steps, FRAMES_KEPT);
        recycle(&mut self.keep, FRAMES_KEPT);
        recycle(&mut self.pinned, FRAMES_KEPT);
        if let Ok(mut pool) = POOL.try_lock()
            && pool.len() < POOLED
            && pool.try_reserve(1).is_ok()
        {
            pool.push(self);
        }
    }
}

/// Drops the memory of a vector that grew beyond what the next dumps need.
fn recycle<T>(vec: &mut Vec<T>, most: usize) {
    if vec.capacity() > most {
        *vec = Vec::new();
    }
}
