//! Libraries that are loaded at run time.

use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::mem::{MaybeUninit, transmute_copy};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A loaded library. It stays loaded, also when this goes, unless it is closed.
#[derive(Clone, Copy)]
pub struct Library(*mut c_void);

// SAFETY: a handle may be used in any thread.
unsafe impl Send for Library {}
// SAFETY: as above.
unsafe impl Sync for Library {}

impl Library {
    /// What is visible to all libraries in the process.
    pub const GLOBAL: Self = Self(libc::RTLD_DEFAULT);

    /// Loads a file, or, by a name without a slash, what the loader finds. The error is the loader's.
    pub fn open(name: &OsStr, flags: c_int) -> Result<Self, String> {
        let name = CString::new(name.as_bytes()).map_err(|_| "its name has a NUL inside".to_owned())?;
        // SAFETY: NUL-terminated. What is loaded runs its constructors, as the host asked by naming it.
        let handle = unsafe { libc::dlopen(name.as_ptr(), flags) };
        if handle.is_null() { Err(error()) } else { Ok(Self(handle)) }
    }

    /// Closes a library that is not used.
    pub fn close(self) {
        // SAFETY: opened by `open`; nothing of it is kept.
        unsafe { libc::dlclose(self.0) };
    }

    /// The address of something.
    pub fn symbol(self, name: &CStr) -> Option<*mut c_void> {
        // SAFETY: a handle that is open, and NUL-terminated text.
        let address = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        (!address.is_null()).then_some(address)
    }

    /// A function.
    ///
    /// # Safety
    /// `F` is the type of the function, a pointer.
    pub unsafe fn function<F: Copy>(self, name: &CStr) -> Option<F> {
        const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
        // SAFETY: as the caller says; of the size of an address.
        self.symbol(name).map(|address| unsafe { transmute_copy(&address) })
    }
}

/// What the loader said last, in this thread.
fn error() -> String {
    // SAFETY: NULL, or text that lives until the next call in this thread.
    unsafe {
        let text = libc::dlerror();
        if text.is_null() { "no reason is given".into() } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
    }
}

/// The file that an address lies in.
pub fn file_of(address: *const c_void) -> Option<PathBuf> {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: any address may be asked about; `info` is filled if the call succeeds.
    unsafe {
        if libc::dladdr(address, info.as_mut_ptr()) == 0 {
            return None;
        }
        path(info.assume_init().dli_fname)
    }
}

/// The files that are loaded and whose names one asks for.
pub fn loaded(wanted: fn(&[u8]) -> bool) -> Vec<PathBuf> {
    struct Search {
        wanted: fn(&[u8]) -> bool,
        found: Vec<PathBuf>,
    }
    unsafe extern "C" fn each(info: *mut libc::dl_phdr_info, _: libc::size_t, search: *mut c_void) -> c_int {
        // SAFETY: the loader describes a file, and hands on what it was called with.
        let (path, search) = unsafe { (path((*info).dlpi_name), &mut *search.cast::<Search>()) };
        search.found.extend(path.filter(|path| path.file_name().is_some_and(|name| (search.wanted)(name.as_bytes()))));
        0
    }
    let mut search = Search { wanted, found: Vec::new() };
    // SAFETY: `each` is called during the call only, with this search.
    unsafe { libc::dl_iterate_phdr(Some(each), (&raw mut search).cast()) };
    search.found
}

/// # Safety
/// NULL or NUL-terminated.
unsafe fn path(name: *const c_char) -> Option<PathBuf> {
    // SAFETY: as the caller says.
    let name = unsafe { (!name.is_null()).then(|| CStr::from_ptr(name))? };
    Some(Path::new(OsStr::from_bytes(name.to_bytes())).to_owned()).filter(|path| !path.as_os_str().is_empty())
}
