//! What a piece of code needs around it: names it reads, modules it uses, where an object can be found again.

pub mod lookup;
pub mod whichmodule;
