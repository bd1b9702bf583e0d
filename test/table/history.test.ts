import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TableRow } from "../../src/table/alias-table.ts";
import { newHistory, type SymbolHistory } from "../../src/table/history.ts";
import { defined } from "../defined.ts";
import { row } from "./tables.ts";

/** The history of one symbol's tables, or of several. */
function historyOf(
  kernels: readonly (readonly TableRow[])[],
  objects = ["vmlinux", "ext4"],
): SymbolHistory[] {
  const history = newHistory(() => true);
  for (const [i, rows] of kernels.entries()) history.add({ kernel: `6.${i}`, tables: [{ objects, rows }] });
  return [...history.symbols()];
}

const events = ([symbol]: readonly SymbolHistory[]) =>
  defined(symbol, "symbol with a history")
    .events()
    .map(({ kernel, event, line }) => `${kernel} ${event} ${line}`);

/** A symbol without an alias, so that its table is not limited to aliases. */
const PLAIN = row({ name: "zzz" });
const show = (given: Partial<TableRow> = {}) =>
  row({ name: "name_show", file: "drivers/rtc/sysfs.c", line: 26, sympos: 1, ...given });
const alone = show({ sympos: 0, alias: null });

describe("a symbol", () => {
  test("appears, moves, vanishes and comes back", () => {
    const kernels = [
      [PLAIN],
      [PLAIN, show()],
      [PLAIN, show()],
      [PLAIN, show({ line: 31 })],
      [PLAIN],
      [PLAIN, show()],
    ];
    const symbol = defined(historyOf(kernels)[0], "history of name_show");
    expect(symbol).toMatchObject({
      object: "vmlinux",
      name: "name_show",
      file: "drivers/rtc/sysfs.c",
      unit: "drivers/rtc/sysfs.c",
    });
    expect(events([symbol])).toEqual([
      "6.1 appeared 26",
      "6.3 moved 31",
      "6.4 vanished 31",
      "6.5 appeared 26",
    ]);
    expect([...symbol.states()].map(({ kernel, isGone, line }) => [kernel, isGone ? "gone" : line])).toEqual([
      ["6.1", 26],
      ["6.2", 26],
      ["6.3", 31],
      ["6.4", "gone"],
      ["6.5", 26],
    ]);
  });

  test("becomes ambiguous and unique again, whether it moves or not", () => {
    const kernels = [
      [PLAIN, alone],
      [PLAIN, show({ line: 30 })],
      [PLAIN, show({ line: 30, sympos: 0, alias: null })],
    ];
    expect(events(historyOf(kernels))).toEqual([
      "6.0 appeared 26",
      "6.1 moved 30",
      "6.1 ambiguous 30",
      "6.1 sympos 30",
      "6.2 unique 30",
      "6.2 sympos 30",
    ]);
  });

  test("changes its position", () => {
    expect(
      events(
        historyOf([
          [PLAIN, show()],
          [PLAIN, show({ sympos: 2 })],
        ]),
      ),
    ).toEqual(["6.0 appeared 26", "6.1 sympos 26"]);
  });

  test("has not vanished from a table without its kind of object", () => {
    const history = newHistory(() => true);
    const module = show({ object: "ext4" });
    history.add({ kernel: "6.0", tables: [{ objects: ["vmlinux", "ext4"], rows: [PLAIN, module] }] });
    history.add({ kernel: "6.1", tables: [{ objects: ["vmlinux"], rows: [PLAIN] }] });
    history.add({
      kernel: "6.2",
      tables: [
        { objects: ["vmlinux"], rows: [PLAIN] },
        { objects: ["xfs"], rows: [] },
      ],
    });
    const ext4 = defined([...history.symbols()][1], "history of name_show in ext4");
    expect(events([ext4])).toEqual(["6.0 appeared 26", "6.2 vanished 26"]);
    expect([...ext4.states()].map(({ kernel }) => kernel)).toEqual(["6.0", "6.2"]);
  });

  test("has vanished from a table of aliases only if it had an alias", () => {
    const other = show({ name: "open" });
    expect(
      historyOf([[PLAIN, alone, other], [show({ name: "read" })]]).map((symbol) => events([symbol])),
    ).toEqual([
      ["6.0 appeared 26"],
      ["6.0 appeared 26", "6.1 vanished 26"],
      ["6.1 appeared 26"],
      ["6.0 appeared 1"],
    ]);
  });
});

test("each kernel's tables can be reconstructed from the events", () => {
  const anyRow = fc
    .record({
      object: fc.constantFrom("vmlinux", "ext4"),
      name: fc.constantFrom("a", "b", "a.isra.0"),
      file: fc.constantFrom("d_1/a_2.c", "b.h", null),
      unit: fc.constantFrom("d_1/a_2.c", "c_3.c"),
      line: fc.integer({ min: 1, max: 4 }),
      sympos: fc.integer({ min: 0, max: 2 }),
      alias: fc.option(fc.constantFrom("x_1@y_2", "x", "a@d_1_a_2_c_3@c_3_c_2"), { nil: undefined }),
    })
    .map(({ alias, ...given }): TableRow => {
      const line = given.file === null ? null : given.line;
      return row({ ...given, line, ...(alias === undefined ? {} : { alias }) });
    });
  const view = ({
    object,
    name,
    file,
    unit,
    line,
    sympos,
    alias,
  }: Pick<TableRow, "object" | "name" | "file" | "unit" | "line" | "sympos" | "alias">) =>
    JSON.stringify([object, name, file, unit, line, sympos, alias]);
  fc.assert(
    fc.property(fc.array(fc.array(anyRow, { maxLength: 8 }), { maxLength: 6 }), (kernels) => {
      const tables = kernels.map((rows) => [PLAIN, ...rows]);
      const symbols = historyOf(tables).map(({ events, ...symbol }) => ({
        ...symbol,
        events: events().map((event) => ({ ...event, index: Number(event.kernel.slice(2)) })),
      }));
      for (const [index, rows] of tables.entries()) {
        const present = symbols.flatMap(({ events, ...symbol }) => {
          const last = events.findLast((event) => event.index <= index);
          return last === undefined || last.event === "vanished" ? [] : [view({ ...symbol, ...last })];
        });
        expect(present.sort()).toEqual(rows.map(view).sort());
      }
      for (const { events } of symbols) {
        expect(events[0]?.event).toBe("appeared");
        expect(events.map(({ index }) => index)).toEqual(events.map(({ index }) => index).sort());
      }
    }),
    { numRuns: 500 },
  );
});
