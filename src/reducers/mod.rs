//! What each kind of object is made of: one file a kind.

pub mod builtin_types;
pub mod by_name;
pub mod call;
pub mod cell;
pub mod class;
pub mod class_dict;
mod class_head;
mod class_order;
pub mod class_state;
mod class_stencil;
pub mod code;
mod constant_attributes;
mod constant_defaults;
mod constants;
pub mod descriptor;
pub mod enumeration;
pub mod file;
pub mod function;
pub mod function_state;
pub mod function_stencil;
pub mod joined;
pub mod members;
pub mod method;
pub mod module;
pub mod table;
pub mod typevar;
pub mod view;
