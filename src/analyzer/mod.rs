//! What a piece of code needs around it: names it reads, modules it uses, where an object can be found again.

pub mod class_of;
pub mod code_globals;
mod kept;
pub mod lookup;
pub mod metaclass;
mod module_index;
pub mod submodules;
pub mod whichmodule;
