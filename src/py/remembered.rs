//! Results that are asked for again: the last few, each under a number that stands for nothing else as long as it is here.

use super::error::PyResult;
use super::guarded::Guarded;
use super::shared::Shared;
use super::vec::TryPush;

/// How many there may be.
const PLACES: usize = 128;

/// The first of the two places of a number, which may be an address.
#[inline]
fn place(number: usize) -> usize {
    (number ^ number >> 4 ^ number >> 10) % (PLACES / 2) * 2
}

/// What is remembered, each at one of the two places that its number gives, so that two that come by turns do not drive each
/// other out; empty at first.
pub struct Remembered<T>(Guarded<Vec<Place<T>>>);

/// A number and what stands under it.
type Place<T> = Option<(usize, Shared<T>)>;

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self(Guarded::new(vec![]))
    }
}

impl<T> Remembered<T> {
    /// What is remembered under a number.
    #[inline]
    pub fn get(&self, number: usize) -> Option<Shared<T>> {
        self.0.with(|places| at(places, number).cloned())?
    }

    /// Asks what is remembered under a number, which runs no foreign code: meanwhile nothing else is remembered, or found.
    #[inline]
    pub fn ask<R>(&self, number: usize, question: impl FnOnce(&T) -> R) -> Option<R> {
        self.0.with(|places| at(places, number).map(|found| question(found)))?
    }

    /// Remembers it in the place of another one.
    pub fn put(&self, number: usize, value: T) -> PyResult<Shared<T>> {
        let value = Shared::new(value)?;
        let before = self.0.with(|places| {
            if places.is_empty() {
                places.try_room(PLACES)?;
                places.resize_with(PLACES, || None);
            }
            let (first, new) = (place(number), Some((number, value.clone())));
            let before = std::mem::replace(&mut places[first], new);
            if before.as_ref().is_none_or(|(known, _)| *known == number) {
                return Ok(before);
            }
            Ok(std::mem::replace(&mut places[first + 1], before))
        });
        // What it takes the place of goes here, when others may ask again.
        before.transpose().map(|_| value)
    }
}

#[inline]
fn at<T>(places: &[Place<T>], number: usize) -> Option<&Shared<T>> {
    let first = place(number);
    let both = places.get(first..first + 2)?;
    both.iter().flatten().find(|(known, _)| *known == number).map(|(_, found)| found)
}
