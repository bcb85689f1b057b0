"""Tables that are printed row by row while they are measured, and kept for the document."""

import math
import statistics


class Table:
    """A title, words about it, columns, rows; what fell short of its target is counted."""

    def __init__(self, title, columns, notes=""):
        self.title, self.notes, self.columns = title, notes, columns
        self.rows, self.means, self.missed, self.met, self.broken = [], {}, [], 0, []
        print("\n%s" % title)
        for line in notes.split("\n") if notes else ():
            print("  " + line)
        self.widths = [max(len(name), 46 if n == 0 else 17) for n, name in enumerate(columns)]
        self.show(columns)
        self.show(["-" * width for width in self.widths])

    def show(self, cells):
        aligned = [("%-*s" if n == 0 else "%*s") % (self.widths[n], cell) for n, cell in enumerate(cells)]
        print("  ".join(aligned).rstrip(), flush=True)

    def add(self, *cells):
        cells = [str(cell) for cell in cells] + [""] * (len(self.columns) - len(cells))
        self.rows.append(cells)
        self.show(cells)

    def fails(self, name, why):
        """A row that cannot be measured, or must not be, since it is wrong."""
        self.broken.append("%s: %s" % (name, why))
        self.rows.append([name, "FAILS: " + why] + [""] * (len(self.columns) - 2))
        print("%-*s  FAILS: %s" % (self.widths[0], name, why), flush=True)

    def count(self, group, column, value):
        """A value for a group's geometric mean."""
        self.means.setdefault(group, {}).setdefault(column, []).append(value)

    def mean(self, group, column):
        values = self.means.get(group, {}).get(column)
        return math.exp(statistics.fmean(map(math.log, values))) if values else None

    def add_mean(self, title, group):
        """A row of the geometric means."""
        values = [self.mean(group, column) for column in self.columns]
        self.add("**%s**" % title, *["" if value is None else "%.2fx" % value for value in values[1:]])

    def judged(self, name, what, value, target, shown="%.3gx", least=True):
        """The words about a target: whether it was reached, and if not, what came instead of it."""
        reached = value >= target if least else value <= target
        if reached:
            self.met += 1
            return "reached"
        self.missed.append((self.title, name, what, shown % value, shown % target))
        return "**missed**: " + shown % value

    def markdown(self):
        lines = ["### " + self.title, ""]
        if self.notes:
            lines += [self.notes, ""]
        lines.append("| " + " | ".join(self.columns) + " |")
        lines.append("|" + "|".join(["---"] + ["--:"] * (len(self.columns) - 1)) + "|")
        lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in self.rows]
        return "\n".join(lines) + "\n"
