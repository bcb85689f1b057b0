//! What the analyzer keeps for one interpreter.

use super::code_globals::Names;
use super::lookup::Split;
use super::metaclass::Left;
use super::module_index::ModuleIndex;
use crate::py::code::Extra;
use crate::py::error::PyResult;
use crate::py::guarded::Guarded;
use crate::py::remembered::Remembered;
use crate::state::State;

pub struct Kept {
    /// Where code objects keep the names of their globals; None if no place was left.
    pub code_extra: Option<Extra<Names>>,
    pub modules: Guarded<ModuleIndex>,
    /// The dotted names that were split last, by their addresses.
    pub names: Remembered<Split>,
    /// What metaclasses leave to `type`.
    pub left: Left,
}

impl Kept {
    /// What is kept for this interpreter.
    #[inline]
    pub fn get(state: &State) -> PyResult<&Self> {
        state.analyzer.get(|| {
            Ok(Self {
                code_extra: Extra::request(),
                modules: Guarded::new(ModuleIndex::new()),
                names: Remembered::default(),
                left: Left::default(),
            })
        })
    }
}
