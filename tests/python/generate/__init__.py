"""Programs that hypothesis writes: classes, functions and objects of them as `__main__` would define them; and, in `hooked`, such
as ask and change while they are dumped."""
