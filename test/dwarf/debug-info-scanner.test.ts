// What becomes of a scan whose memory another one has taken.
import { expect, test } from "vitest";
import { DebugInfoScanner } from "../../src/dwarf/debug-info-scanner.ts";
import { openDebugSections } from "../../src/dwarf/debug-sections.ts";
import { unitOffsets } from "../../src/dwarf/unit.ts";
import { hasAddresses, readUnitHeader } from "../../src/dwarf/unit-header.ts";
import { openElf } from "../../src/elf/elf-file.ts";
import { findEntry, readSymbolTable, symbolValueHigh, symbolValueLow } from "../../src/elf/symbol-table.ts";
import { SAMPLE } from "../sample-kernel.ts";

const TAKEN = /has reused the memory/;

async function sample() {
  const elf = openElf(SAMPLE);
  const sections = await openDebugSections(elf, true);
  const table = readSymbolTable(elf);
  const symbol = table && findEntry(table, "start_kernel");
  if (table === undefined || symbol === undefined) throw new Error("the sample has no start_kernel");
  const high = Uint32Array.of(symbolValueHigh(table, symbol));
  const low = Uint32Array.of(symbolValueLow(table, symbol));
  const size = new Float64Array(1);
  const headers = Array.from(unitOffsets(sections), (offset) => readUnitHeader(sections, offset));
  return {
    headers: headers.filter(hasAddresses),
    sections,
    scanner: () => new DebugInfoScanner({ variables: true, functions: true }, { high, low, size }),
    close: () => elf.file.close(),
  };
}

test("the newest scanner finds what it looks for, an older one throws and reads the file", async () => {
  const { headers, sections, scanner, close } = await sample();
  const older = scanner();
  const [first] = headers;
  if (first === undefined) throw new Error("the sample has no unit");
  older.scan(sections, first, undefined, () => undefined);
  const newer = scanner();
  expect(() => older.scan(sections, first, undefined, () => undefined)).toThrow(TAKEN);
  const length = Math.min(64, first.end - first.offset);
  const expected = Buffer.from(sections.info.read(first.offset, length));
  expect(Buffer.from(older.infoOf(sections).read(first.offset, length))).toEqual(expected);
  const found: number[] = [];
  for (const header of headers) newer.scan(sections, header, undefined, ({ address }) => found.push(address));
  // Functions in several pieces are given out too, as -1.
  expect(found.filter((address) => address !== -1)).toEqual([0]);
  close();
});

test("a scan within a scan ends the outer one, and its abbreviations are not in memory any more", async () => {
  const { headers, sections, scanner, close } = await sample();
  const one = scanner();
  let inner = 0;
  const nested = () => {
    for (const header of headers) {
      one.scan(sections, header, undefined, (_, abbreviationAt) => {
        expect(abbreviationAt(1)).toBeGreaterThanOrEqual(0);
        one.scan(sections, header, undefined, () => inner++);
        expect(abbreviationAt(1)).toBeUndefined();
      });
    }
  };
  expect(nested).toThrow(TAKEN);
  expect(inner).toBeGreaterThan(0);
  close();
});
