"""Programs of classes and instances that have hooks and are changed while they are dumped: `programs.program_of` writes
them, `differences.compared` runs each by cloudpickle and by this library."""
