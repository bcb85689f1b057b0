//! Results that are asked for again: the last few, each under a number that stands for nothing else as long as it is here.

use std::sync::Mutex;

use super::error::PyResult;
use super::shared::Shared;
use super::vec::TryPush;

/// How many there may be.
const PLACES: usize = 64;

/// The place of a number, which may be an address.
fn place(number: usize) -> usize {
    (number ^ number >> 4 ^ number >> 10) % PLACES
}

/// What is remembered, each at the place that its number gives; empty at first.
pub struct Remembered<T>(Mutex<Vec<Place<T>>>);

/// A number and what stands under it.
type Place<T> = Option<(usize, Shared<T>)>;

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self(Mutex::new(vec![]))
    }
}

impl<T> Remembered<T> {
    /// What is remembered under a number.
    #[inline]
    pub fn get(&self, number: usize) -> Option<Shared<T>> {
        // Never waits: a lock that another thread had in a fork stays locked in the child.
        let places = self.0.try_lock().ok()?;
        let (known, found) = places.get(place(number))?.as_ref()?;
        (*known == number).then(|| found.clone())
    }

    /// Remembers it in the place of another one.
    pub fn put(&self, number: usize, value: T) -> PyResult<Shared<T>> {
        let value = Shared::new(value)?;
        let mut before = None;
        if let Ok(mut places) = self.0.try_lock() {
            if places.is_empty() {
                places.try_room(PLACES)?;
                places.resize_with(PLACES, || None);
            }
            before = places[place(number)].replace((number, value.clone()));
        }
        // Outside of the lock.
        drop(before);
        Ok(value)
    }
}
