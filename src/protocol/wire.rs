//! The names that cloudpickle 3.1.2 puts into its pickles. They are a wire format: add, never rename.

/// The version of cloudpickle whose bytes are matched.
pub const VERSION: &std::ffi::CStr = c"3.1.2";

/// The module in which a pickle looks for them.
pub const MODULE: &str = "cloudpickle.cloudpickle";

macro_rules! wire {
    ($($variant:ident = $name:literal;)*) => {
        /// A function of `cloudpickle.cloudpickle` that a pickle calls when it is loaded.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Wire { $($variant,)* }

        impl Wire {
            /// Each one, in the order of the enum.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name in the bytes.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

wire! {
    BuiltinType = "_builtin_type";
    ClassSetstate = "_class_setstate";
    DataclassFieldSentinel = "_get_dataclass_field_type_sentinel";
    DynamicSubimport = "dynamic_subimport";
    FileReconstructor = "_file_reconstructor";
    FunctionSetstate = "_function_setstate";
    MakeCell = "_make_cell";
    MakeDictItems = "_make_dict_items";
    MakeDictKeys = "_make_dict_keys";
    MakeDictValues = "_make_dict_values";
    MakeEmptyCell = "_make_empty_cell";
    MakeFunction = "_make_function";
    MakeSkeletonClass = "_make_skeleton_class";
    MakeSkeletonEnum = "_make_skeleton_enum";
    MakeTypevar = "_make_typevar";
    Subimport = "subimport";
}
