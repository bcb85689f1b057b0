//! The names in `sys.modules` as a tree of their parts, so that a package's imported submodules are found without a
//! look at all modules.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ptr;

use pyo3_ffi::*;

use crate::py::dict_watch::DictWatch;
use crate::py::error::{self, PyResult, no_memory};
use crate::py::layout::tuple_items;
use crate::py::owned::Owned;
use crate::py::text;
use crate::py::vec::{TryPush, gather};

/// Mixes addresses and small numbers, of which nobody can choose many that collide.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        let mixed = (self.0 ^ (value as u64)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

/// From a node, by the address of an interned part of a name.
type Edge = (usize, usize);

/// One part of a dotted name, reached from the part before it.
struct Node {
    /// Where the name that ends here stands in `sys.modules`.
    position: Option<usize>,
    /// Does any name go on from here?
    has_children: bool,
}

/// The tree, and what it was made of.
pub struct ModuleIndex {
    watch: DictWatch,
    /// The address of the dict that is watched, if that worked. It may be gone; then the stamp has changed.
    watched: usize,
    /// The stamp of `watch` when the tree was last seen to be up to date.
    stamp: u64,
    /// The keys of `sys.modules` in their order: exact `str`, or None, which some pytest puts there.
    keys: Vec<Owned>,
    /// Was every key of that kind? Otherwise the tree is of no use.
    plain: bool,
    nodes: Vec<Node>,
    /// The node of each name that others continue, by its whole text.
    packages: HashMap<Box<str>, usize>,
    edges: HashMap<Edge, usize, BuildHasherDefault<AddressHasher>>,
    /// Holds what `edges` has the addresses of.
    parts: Vec<Owned>,
}

impl ModuleIndex {
    pub fn new() -> Self {
        Self {
            watch: DictWatch::new(),
            watched: 0,
            stamp: 0,
            keys: vec![],
            plain: true,
            nodes: vec![],
            packages: HashMap::new(),
            edges: HashMap::default(),
            parts: vec![],
        }
    }

    /// The names of imported modules that begin with `package` and a dot, and all of whose further parts are among
    /// `names`, a tuple of interned `str`: in the order of `sys.modules`. None if its keys are not all plain.
    ///
    /// No foreign code runs here.
    pub fn below(
        &mut self,
        modules: *mut PyObject,
        package: *mut PyObject,
        names: *mut PyObject,
    ) -> PyResult<Option<Vec<Owned>>> {
        self.refresh(modules)?;
        if !self.plain {
            return Ok(None);
        }
        let Ok(package) = text::utf8(package) else {
            error::clear();
            return Ok(None);
        };
        let Some(&package) = self.packages.get(package) else { return Ok(Some(vec![])) };
        let mut positions = vec![];
        let mut waiting = vec![];
        waiting.try_push(package)?;
        while let Some(node) = waiting.pop() {
            for name in tuple_items(names) {
                let Some(&child) = self.edges.get(&(node, name.addr())) else { continue };
                if let Some(position) = self.nodes[child].position {
                    positions.try_push(position)?;
                }
                if self.nodes[child].has_children {
                    waiting.try_push(child)?;
                }
            }
        }
        positions.sort_unstable();
        // The code may name a thing twice, though none that a compiler made does.
        positions.dedup();
        gather(positions.into_iter().map(|position| self.keys[position].clone())).map(Some)
    }

    /// Takes over what has changed in `sys.modules`.
    fn refresh(&mut self, modules: *mut PyObject) -> PyResult<()> {
        if self.watched == modules.addr() && self.stamp == self.watch.stamp(modules) {
            return Ok(());
        }
        self.watched = 0;
        let watched = self.watch.start(modules);
        let stamp = self.watch.stamp(modules);
        self.plain = self.extend(modules)? || {
            // Something went, or came in between, so that all that follows has moved; or a key is not plain.
            self.forget();
            self.extend(modules)?
        };
        if !self.plain {
            self.forget();
        }
        self.stamp = stamp;
        if watched {
            self.watched = modules.addr();
        }
        Ok(())
    }

    /// Adds the keys that follow those that are known; false if these no longer come first, or at a key that is not
    /// plain.
    fn extend(&mut self, modules: *mut PyObject) -> PyResult<bool> {
        #[cfg(Py_GIL_DISABLED)]
        let copy = crate::py::contended::copy_of(modules)?;
        #[cfg(Py_GIL_DISABLED)]
        let modules = copy.as_ptr();
        let mut seen = 0;
        let (mut key, mut position) = (ptr::null_mut(), 0);
        // SAFETY: a live dict, which nothing changes meanwhile; the key is borrowed from it.
        while unsafe { PyDict_Next(modules, &mut position, &mut key, ptr::null_mut()) } != 0 {
            let expected = match self.keys.get(seen) {
                Some(held) => held.as_ptr() == key,
                None => self.append(key)?,
            };
            if !expected {
                return Ok(false);
            }
            seen += 1;
        }
        Ok(seen == self.keys.len())
    }

    fn forget(&mut self) {
        self.keys.clear();
        self.nodes.clear();
        self.packages.clear();
        self.edges.clear();
        self.parts.clear();
    }

    /// Adds one more key; false if it is not plain.
    fn append(&mut self, key: *mut PyObject) -> PyResult<bool> {
        // SAFETY: live.
        let (is_none, is_text) = unsafe { (key == Py_None(), PyUnicode_CheckExact(key) != 0) };
        if is_text {
            let Ok(name) = text::utf8(key) else {
                error::clear();
                return Ok(false);
            };
            if let Some((package, part)) = name.rsplit_once('.') {
                let package = self.package(package)?;
                let node = self.child(package, part)?;
                self.nodes[node].position = Some(self.keys.len());
            }
        } else if !is_none {
            return Ok(false);
        }
        self.keys.try_push(Owned::of(key))?;
        Ok(true)
    }

    /// The node of a name that others continue.
    fn package(&mut self, name: &str) -> PyResult<usize> {
        if let Some(&node) = self.packages.get(name) {
            return Ok(node);
        }
        // From the longest beginning that is known, or from nothing, down to the name.
        let mut known = name;
        let mut node = loop {
            match known.rsplit_once('.') {
                None => break self.node()?,
                Some((shorter, _)) => known = shorter,
            }
            if let Some(&node) = self.packages.get(known) {
                break node;
            }
        };
        self.name(known, node)?;
        while known.len() < name.len() {
            let rest = &name[known.len() + 1..];
            let part = rest.split_once('.').map_or(rest, |(part, _)| part);
            node = self.child(node, part)?;
            known = &name[..known.len() + 1 + part.len()];
            self.name(known, node)?;
        }
        Ok(node)
    }

    fn name(&mut self, package: &str, node: usize) -> PyResult<()> {
        self.packages.try_reserve(1).map_err(|_| no_memory())?;
        let mut text = String::new();
        // With no room to give back.
        text.try_reserve_exact(package.len()).map_err(|_| no_memory())?;
        text.push_str(package);
        self.packages.insert(text.into_boxed_str(), node);
        Ok(())
    }

    /// The node that one part more leads to.
    fn child(&mut self, node: usize, part: &str) -> PyResult<usize> {
        let part = text::intern(part)?;
        if let Some(&child) = self.edges.get(&(node, part.as_ptr().addr())) {
            return Ok(child);
        }
        let child = self.node()?;
        self.nodes[node].has_children = true;
        self.edges.try_reserve(1).map_err(|_| no_memory())?;
        self.edges.insert((node, part.as_ptr().addr()), child);
        self.parts.try_push(part)?;
        Ok(child)
    }

    fn node(&mut self) -> PyResult<usize> {
        self.nodes.try_push(Node { position: None, has_children: false })?;
        Ok(self.nodes.len() - 1)
    }
}
