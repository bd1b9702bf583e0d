// Whatever a run writes, the program reads: tables of arbitrary symbols, and of numbers that no table can hold.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SymbolOrigin } from "../../src/alias/locate.ts";
import { selectSymbols } from "../../src/alias/select.ts";
import { symbolRow } from "../../src/alias/symbol-row.ts";
import { tableSymbols } from "../../src/alias/table-scope.ts";
import { formatAt } from "../../src/elf/address.ts";
import { readListing } from "../../src/symbols/listing.ts";
import { type TableHeader, tablePieces } from "../../src/table/alias-table.ts";
import { readWholeTable } from "../../src/table/read-alias-table.ts";
import { kasAlias } from "../commands/program.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

const directory = temporaryDirectory();
const path = (name: string) => join(directory, name);

const OPTIONS = {
  data: true,
  separator: "@",
  disambiguate: true,
  kallsymsNames: "exact",
  filters: { defaults: false, exclude: [], include: [] },
} as const;

/** Any bytes but those that end a line of a listing, or its name. */
const nameBytes = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0x0a && byte !== 0x0d)));
const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }));
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const line = fc.integer({ min: 0, max: 2 ** 29 - 1 });

const origin: fc.Arbitrary<SymbolOrigin> = fc.record({
  place: orNull(fc.record({ file: text, line: orNull(line), unit: orNull(text) })),
  via: orNull(fc.constantFrom("line", "next-line", "decl", "file-symbol")),
  size: orNull(fc.maxSafeNat()),
  section: orNull(text),
  functionName: orNull(text),
  parameters: orNull(fc.record({ count: fc.nat(20), arriving: fc.array(fc.integer({ min: 1, max: 20 })) })),
});

test("tables of arbitrary symbols are read as they were written", () => {
  const symbol = fc.record({
    name: nameBytes,
    type: fc.constantFrom(..."tTwWdDbBrRvV"),
    address: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
    alias: orNull(fc.stringMatching(/^[!-~]{1,8}@[a-z_]{1,9}$/)),
    origin,
  });
  fc.assert(
    fc.property(fc.array(symbol, { minLength: 2, maxLength: 6 }), orNull(text), (symbols, kernel) => {
      const lines = symbols.map(({ address, type, name }) =>
        Buffer.concat([
          Buffer.from(`${address.toString(16).padStart(16, "0")} ${type} `),
          name,
          Buffer.from("\n"),
        ]),
      );
      const listing = readListing(Buffer.concat(lines), "nm");
      const selection = selectSymbols(listing, OPTIONS);
      const chosen = tableSymbols(selection, { locateAll: true });
      const rows = Array.from(chosen, (index, i) => {
        const { alias = null, origin } = symbols[index] ?? {};
        if (origin === undefined) throw new Error(`no symbol ${index}`);
        const address = formatAt(listing, index);
        return symbolRow(listing, index, origin, {
          object: "vmlinux",
          alias,
          address,
          sympos: i,
          ordinal: 0,
        });
      });
      const header: TableHeader = {
        schema: "kas-alias/table@1",
        kernel,
        arch: kernel,
        scope: "object",
        objects: [{ name: "vmlinux", buildId: kernel }],
        rows: rows.length,
        generator: "test",
        options: { exclude: [kernel] },
      };
      writeFileSync(path("table"), Buffer.concat([...tablePieces({ header, rows: () => rows })]));
      const read = readWholeTable(path("table"));
      expect(read.header).toEqual(header);
      expect(read.rows).toEqual(rows);
    }),
    { numRuns: 300 },
  );
});

describe("a number that no table can hold", () => {
  /** Links objects of C sources at a kernel's address. */
  const image = (name: string, ...sources: string[]) => {
    const objects = sources.map((source, i) => {
      const file = path(`${"abc".charAt(i)}.c`);
      writeFileSync(file, source);
      tool("gcc", ["-g", "-O2", "-c", "-o", `${file}.o`, `-ffile-prefix-map=${directory}/=`, file]);
      return `${file}.o`;
    });
    tool("ld", ["-Ttext=0xffffffff81000000", "-e", "0", "-o", path(name), ...objects]);
    return path(name);
  };
  const show = "static __attribute__((noipa)) int show(int x) { return x + 1; }\n";

  test.each(["entry", "decl"])("is null, and so is a line in an alias, with --location %s", (location) => {
    const file = image(
      "lines",
      `${show}int a(int x) { return show(x); }\n`,
      `#line 536870912 "b.c"\n${show}int b(int x) { return show(x); }\n`,
    );
    const table = path("lines.jsonl");
    const run = kasAlias(["vmlinux", file, "--table", table, "--table-scope", "all", "--location", location]);
    expect(run.status).toBe(0);
    expect(run.stderr).toMatch(
      /^kas-alias: [^\n]*lines: (show|b) has the line 53687091\d, and 1 more; such numbers are null in the table\n$/,
    );
    const rows = readWholeTable(table).rows.map(({ name, alias, line }) => [name, alias, line]);
    expect(rows).toContainEqual(["show", "show@a_c_1", 1]);
    expect(rows).toContainEqual(["show", "show@b_c", null]);
    expect(rows).toContainEqual(["b", null, null]);
  });

  test("is null if it is a size", () => {
    const huge =
      'asm(".globl huge\\n.type huge,@function\\nhuge: nop\\n.size huge, 0x7fffffffffffffff\\n");\n';
    const table = path("sizes.jsonl");
    const run = kasAlias([
      "vmlinux",
      image("sizes", `${show}int a(int x) { return show(x); }\n${huge}`),
      "--table",
      table,
      "--table-scope",
      "all",
    ]);
    expect(run).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/: huge has the size 9223372036854776000; /),
    });
    expect(readWholeTable(table).rows.find(({ name }) => name === "huge")?.size).toBeNull();
    expect(kasAlias(["lookup", "huge", "--table", table]).status).toBe(0);
  });
});
