import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TableHeader, TableRow } from "../../src/table/alias-table.ts";
import { type Change, diffTables, type Group } from "../../src/table/diff-tables.ts";
import { row, table } from "./tables.ts";

const diff = (
  old: TableRow[],
  new_: TableRow[],
  oldHeader: Partial<TableHeader> = {},
  newHeader: Partial<TableHeader> = {},
) => diffTables(table(old, oldHeader), table(new_, newHeader));

/** A symbol that turns its table into a table of all symbols. */
const PLAIN = row({ name: "vfs_read", file: "fs/read_write.c" });

/** The changes of symbols, next to an unchanged one. */
function changesOf(old: TableRow[], new_: TableRow[]) {
  return diff([PLAIN, ...old], [PLAIN, ...new_])
    .changes.filter((change) => change.old?.name !== "vfs_read")
    .map(({ group, reason, other, old, new: new_ }) => ({
      group,
      reason,
      other,
      lines: [old?.line ?? null, new_?.line ?? null],
    }));
}

const none = { reason: null, other: null };
const show = (given: Partial<TableRow> = {}) =>
  row({ name: "name_show", file: "drivers/rtc/sysfs.c", line: 26, sympos: 1, ...given });

describe("a symbol", () => {
  test("is unchanged regardless of address, size and section", () => {
    const other = show({ address: "ff", size: 99, section: ".init.text" });
    expect(changesOf([show()], [other])).toEqual([{ group: "unchanged", ...none, lines: [26, 26] }]);
  });

  test("has moved when its line differs", () => {
    expect(changesOf([show()], [show({ line: 31 })])).toEqual([{ group: "moved", ...none, lines: [26, 31] }]);
  });

  test("has moved when its line is the same and its alias differs", () => {
    expect(changesOf([show()], [show({ alias: "x@y", ordinal: 2 })])).toEqual([
      { group: "moved", ...none, lines: [26, 26] },
    ]);
  });

  test("has moved, not changed its position, if both apply", () => {
    expect(changesOf([show()], [show({ line: 31, sympos: 2 })])).toEqual([
      { group: "moved", ...none, lines: [26, 31] },
    ]);
  });

  test("has changed its position while its alias stays", () => {
    expect(changesOf([show()], [show({ sympos: 2 })])).toEqual([
      { group: "sympos", ...none, lines: [26, 26] },
    ]);
  });

  test("is relocated to another file if it is the only one left with its name on both sides", () => {
    const stays = show({ file: "net/core.c" });
    const moved = show({ file: "drivers/rtc/class.c", line: 7 });
    expect(changesOf([stays, show()], [moved, stays])).toEqual([
      { group: "relocated", ...none, lines: [26, 7] },
      { group: "unchanged", ...none, lines: [26, 26] },
    ]);
  });

  test("is relocated when the unit differs, as for an inline function of a header", () => {
    expect(changesOf([show()], [show({ unit: "fs/x.c" })])).toEqual([
      { group: "relocated", ...none, lines: [26, 26] },
    ]);
  });

  test("is removed and added, with its place as the reason, if several may be the same one", () => {
    const [a, b, c] = [show({ file: "a.c" }), show({ file: "b.c" }), show({ file: "c.c" })];
    expect(changesOf([a], [b, c]).map(({ group, reason }) => `${group} ${reason}`)).toEqual([
      "removed place",
      "added place",
      "added place",
    ]);
  });

  test("with a new namesake is added as an alias, with its old location", () => {
    const alone = show({ sympos: 0, alias: null, line: 20 });
    const expected = { reason: "duplicated", other: null };
    expect(changesOf([alone], [show()])).toEqual([{ group: "added", ...expected, lines: [20, 26] }]);
    expect(changesOf([show()], [alone])).toEqual([{ group: "removed", ...expected, lines: [26, 20] }]);
  });

  test("whose line was unknown is added, with its location as the reason", () => {
    const lost = show({ alias: null, file: null, line: null, unit: null });
    const lone = { ...lost, name: "lone", sympos: 0 };
    expect(changesOf([lost], [show()])).toEqual([
      { group: "added", reason: "location", other: null, lines: [null, 26] },
    ]);
    expect(changesOf([lone], [lone])).toEqual([{ group: "unchanged", ...none, lines: [null, null] }]);
  });

  test("with a ThinLTO suffix is the same for any suffix", () => {
    const foo = (suffix: string) => row({ name: `foo.llvm.${suffix}`, alias: "foo@a_c_1" });
    expect(changesOf([foo("123")], [foo("456")])).toEqual([{ group: "unchanged", ...none, lines: [1, 1] }]);
  });
});

describe("the reason of an added or removed symbol:", () => {
  /** The reason of the unpaired symbol in the new table; with tables swapped, the reason why it is removed. */
  function reasonOf(old: TableRow[], new_: TableRow[]): string {
    const [added] = changesOf(old, new_).filter(({ group }) => group === "added");
    const [removed] = changesOf(new_, old).filter(({ group }) => group === "removed");
    expect(removed).toMatchObject({ reason: added?.reason, other: added?.other });
    return [added?.reason, added?.other].filter(Boolean).join(" ");
  }

  test("a compiler's suffix", () => {
    expect(reasonOf([row({ name: "foo" })], [row({ name: "foo.isra.0", line: 2 })])).toBe("suffix foo");
    expect(reasonOf([row({ name: "foo.part.0" })], [row({ name: "foo.part.1" })])).toBe("suffix foo.part.0");
  });

  test("another object, with the same file or the only one left", () => {
    const module = row({ name: "foo", object: "ext4" });
    expect(reasonOf([module], [row({ name: "foo" })])).toBe("object ext4");
    expect(reasonOf([module], [row({ name: "foo", file: "lib/b.c" })])).toBe("object ext4");
    const twice = [module, { ...module, object: "xfs" }];
    expect(reasonOf(twice, [row({ name: "foo", file: "lib/b.c" })])).toBe("namesake");
  });

  test("an object that is not in the other table", () => {
    expect(reasonOf([], [row({ name: "foo", object: "ext4" })])).toBe("object");
  });

  test("one more symbol of the name", () => {
    expect(reasonOf([show()], [show(), show({ file: "b.c" })])).toBe("namesake");
  });

  test("a new name", () => {
    expect(reasonOf([], [row({ name: "foo" })])).toBe("name");
  });

  test("none in tables of aliases if the name has no alias in the other table", () => {
    const stays = show();
    const reasons = diff([stays], [stays, show({ name: "foo" }), show({ line: 30 })]).changes.map(
      (change) => change.reason,
    );
    expect(reasons.sort()).toEqual(["namesake", "unknown", null].sort());
    const inObject = diff([stays], [stays, show({ object: "ext4" })], {
      scope: "object",
      objects: [
        { name: "vmlinux", buildId: null },
        { name: "ext4", buildId: null },
      ],
    });
    expect(inObject.changes.map(({ reason }) => reason)).toContain("unknown");
  });
});

describe("a table of aliases compared with one of all symbols", () => {
  const old = [show(), show({ name: "gone", sympos: 0, alias: null }), show({ name: "twice", line: 5 })];
  const new_ = [show({ line: 30 }), show({ name: "gone" })];

  test("gives the symbols that are in both", () => {
    const { changes, notes } = diff(old, new_);
    expect(changes.map(({ group, reason }) => `${group} ${reason}`)).toEqual([
      "added duplicated",
      "moved null",
      "removed unknown",
    ]);
    expect(notes).toEqual([expect.stringMatching(/^the new table holds aliases only: .*--table-scope all$/)]);
  });
});

describe("a note says that", () => {
  test("tables were made with different options", () => {
    const { notes } = diff(
      [PLAIN],
      [PLAIN],
      { options: { separator: "@" } },
      { options: { separator: "!" } },
    );
    expect(notes).toEqual([expect.stringContaining("(separator)")]);
  });

  test("one table has no modules", () => {
    const { notes } = diff([PLAIN], [PLAIN, row({ name: "x", object: "ext4" })]);
    expect(notes).toEqual(["the old table has no modules"]);
  });
});

describe("any two tables", () => {
  const rows = fc.array(
    fc
      .record({
        object: fc.constantFrom("vmlinux", "ext4", "xfs"),
        name: fc.constantFrom("a", "b", "a.isra.0", "a.llvm.1", "a.llvm.2"),
        file: fc.constantFrom("a.c", "b.h", null),
        unit: fc.constantFrom("a.c", "b.c"),
        line: fc.integer({ min: 1, max: 4 }),
        sympos: fc.integer({ min: 0, max: 3 }),
      })
      .map((given) => (given.file === null ? row({ ...given, line: null, alias: null }) : row(given))),
    { maxLength: 12 },
  );
  const each = (check: (old: TableRow[], new_: TableRow[], changes: readonly Change[]) => void) =>
    fc.assert(
      fc.property(rows, rows, (old, new_) => {
        check([PLAIN, ...old], [PLAIN, ...new_], diff([PLAIN, ...old], [PLAIN, ...new_]).changes);
      }),
      { numRuns: 500 },
    );
  const sorted = (all: readonly Change["old"][]) =>
    all
      .filter((each) => each !== null)
      .map((each) => JSON.stringify(each))
      .sort();

  test("have every symbol in exactly one group", () => {
    each((old, new_, changes) => {
      expect(sorted(changes.map((change) => change.old))).toEqual(sorted(old));
      expect(sorted(changes.map((change) => change.new))).toEqual(sorted(new_));
    });
  });

  test("give the new aliases when renamed, added and removed aliases are applied to the old ones", () => {
    each((old, new_, changes) => {
      const aliases = (all: readonly TableRow[]) => all.flatMap(({ alias }) => alias ?? []).sort();
      const isOf = (change: Change, ...groups: Group[]) => groups.includes(change.group);
      const applied = changes.flatMap((change) => {
        if (isOf(change, "removed")) return [];
        if (isOf(change, "added", "moved", "relocated")) return change.new?.alias ?? [];
        return change.old?.alias ?? [];
      });
      expect(applied.sort()).toEqual(aliases(new_));
      for (const change of changes.filter((each) => isOf(each, "moved", "relocated"))) {
        expect(change.old?.alias === null).toBe(change.new?.alias === null);
      }
      expect(aliases(old).length).toBe(changes.filter((change) => change.old?.alias).length);
    });
  });

  test("have added and removed symbols exchanged when swapped, and the same pairs", () => {
    each((old, new_, changes) => {
      const view = (change: Change) => JSON.stringify({ ...change, old: null, new: null });
      const swappedGroup = { added: "removed", removed: "added" } as const;
      const swapped = diff(new_, old).changes.map(
        (change): Change => ({
          ...change,
          group:
            change.group === "added" || change.group === "removed"
              ? swappedGroup[change.group]
              : change.group,
          old: change.new,
          new: change.old,
        }),
      );
      expect(swapped.map(view).sort()).toEqual(changes.map(view).sort());
    });
  });

  test("have nothing but unchanged symbols when they are one", () => {
    each((old) => {
      expect(diff(old, old).changes.filter(({ group }) => group !== "unchanged")).toEqual([]);
    });
  });
});
