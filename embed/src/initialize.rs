//! `cp_initialize`: finds and loads what there is to be loaded, once, and hands on.

use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use crate::failure::Failure;
use crate::find::{self, Named};
use crate::guard::guard;
use crate::load::Cores;
use crate::memory;
use crate::options;
use crate::report::say;
use crate::status::cp_status;
use crate::status::cp_status_value::*;
use crate::table::{Core, core, publish};
use crate::types::{cp_error, cp_init_options};
use crate::version::Version;

/// The version that the core was loaded for. Held while it is looked for.
static LOADED: Mutex<Option<Version>> = Mutex::new(None);

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_initialize(options: *const cp_init_options, err: *mut *mut cp_error) -> cp_status {
    let panicked = Failure::new(CP_ERR_INTERNAL, "a bug in libcloudpickle-embed: panic");
    memory::watch();
    // SAFETY: NULL or options, as the header asks.
    match guard(Err(panicked), || unsafe { prepare(options) }) {
        // SAFETY: the options are copies, whose texts live until the call is over; NULL or a place for a report.
        Ok((core, given)) => unsafe { (core.cp_initialize)(&given.raw(), err) },
        // Whatever it says is wrong, there may be more memory next time, and nothing wrong.
        // SAFETY: NULL or a place for a report, as the header asks.
        Err(_) if memory::was_short() => unsafe {
            say(&Failure::new(CP_ERR_NO_MEMORY, "no memory to look for a libpython"), err)
        },
        // SAFETY: as above.
        Err(failure) => unsafe { say(&failure, err) },
    }
}

/// Options for the core.
struct Given {
    flags: u32,
    reserved: u32,
    program: Option<CString>,
    home: Option<CString>,
    libpython: Option<CString>,
}

impl Given {
    /// # Safety
    /// As `options::read` asks; the texts are NULL or NUL-terminated.
    unsafe fn read(options: *const cp_init_options) -> Result<Self, Failure> {
        // SAFETY: as the caller says.
        let Some(given) = (unsafe { options::read(options)? }) else {
            return Ok(Self { flags: 0, reserved: 0, program: None, home: None, libpython: None });
        };
        // SAFETY: as the caller says.
        let copy = |text: *const c_char| (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_owned());
        Ok(Self {
            flags: given.flags,
            reserved: given.reserved,
            program: copy(given.program),
            home: copy(given.home),
            libpython: copy(given.libpython),
        })
    }

    fn raw(&self) -> cp_init_options {
        let pointer = |text: &Option<CString>| text.as_ref().map_or(ptr::null(), |text| text.as_ptr());
        cp_init_options {
            struct_size: size_of::<cp_init_options>(),
            flags: self.flags,
            reserved: self.reserved,
            program: pointer(&self.program),
            libpython: pointer(&self.libpython),
            home: pointer(&self.home),
        }
    }
}

/// The core, and what it is to be told.
///
/// # Safety
/// As `Given::read` asks.
unsafe fn prepare(options: *const cp_init_options) -> Result<(&'static Core, Given), Failure> {
    // SAFETY: as the caller says.
    let mut given = unsafe { Given::read(options)? };
    let named = Named { libpython: given.libpython.clone(), program: given.program.clone() };
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let (Some(core), Some(version)) = (core(), *loaded) {
        // SAFETY: needs nothing.
        if unsafe { (core.cp_state)() } == 0
            && let Some(program) = find::program(&named, version)?
        {
            given.program = Some(program);
        }
        return Ok((core, given));
    }
    let cores = Cores::find();
    let version = match find::in_process() {
        Some(version) => version,
        None => {
            let found = find::load(&named, &cores)?;
            given.program = found.program.or(given.program);
            found.version
        }
    };
    let core = publish(cores.open(version)?);
    *loaded = Some(version);
    Ok((core, given))
}
