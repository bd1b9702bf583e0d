// What nm's letters say of symbols (nm(1), and bfd_decode_symclass of bfd/syms.c), and what ELF types say.
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openElf } from "../../src/elf/elf-file.ts";
import { elfListing } from "../../src/symbols/elf-listing.ts";
import {
  isFunction,
  isGlobal,
  isObject,
  isPerCpu,
  isThreadLocal,
  isWeak,
  kindOfLetter,
} from "../../src/symbols/symbol-kind.ts";
import { defined } from "../defined.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

describe("of nm's letters", () => {
  const letters = Array.from({ length: 256 }, (_, code) => code);
  test.each([
    { what: "functions", is: isFunction, expected: "ITWitw" },
    { what: "objects", is: isObject, expected: "BDGRSVbdgrsv" },
    { what: "weak symbols", is: isWeak, expected: "VWvw" },
    { what: "global symbols", is: isGlobal, expected: "ABCDEGINPRSTU" },
  ])("those of $what are $expected", ({ is, expected }) => {
    expect(String.fromCharCode(...letters.filter((letter) => is(kindOfLetter(letter))))).toBe(expected);
  });
});

describe("of an ELF file's symbols", () => {
  const object = join(temporaryDirectory(), "kinds.o");
  const source = `
    __thread int own_thread; __thread __attribute__((weak)) int weak_thread = 2;
    __attribute__((section(".data..percpu"))) int own_cpu;
    static __attribute__((section(".data..percpu"), used)) int local_cpu;
    __attribute__((weak)) void weak_function(void) {}
    __attribute__((weak)) int weak_variable = 1;
    void global_function(void) {} static __attribute__((used)) void local_function(void) {}
    int zeros, data = 1; const int constant = 1; static __attribute__((used)) int local_data = 1;
    asm(".pushsection .text; label: .popsection; .globl absolute; .set absolute, 5; .comm common, 4");
  `;

  test("agree with readelf in type, binding, threads and CPUs, and with nm's letters where there is no type", () => {
    tool("gcc", ["-c", "-ffreestanding", "-o", object, "-x", "c", "-"], source);
    const elf = openElf(object);
    const listing = defined(elfListing(elf), "symbols");
    const printed = tool("readelf", ["-sW", object]).toString();
    const rows = [...printed.matchAll(/^ *(\d+): \S+ +\d+ (\S+) +(\S+) +\S+ +(\S+) (\S+)$/gm)];
    expect(rows.length).toBeGreaterThan(15);
    let seen = 0;
    for (const [, index, type, binding, section, name] of rows) {
      const symbol = listing.tableIndex.indexOf(Number(index));
      if (symbol === -1) continue;
      seen++;
      const kind = defined(listing.kind[symbol], `kind of ${name}`);
      const letter = kindOfLetter(defined(listing.type[symbol], `letter of ${name}`));
      const sectionName = elf.sections[Number(section)]?.name;
      const isDefined = section !== "UND" && section !== "ABS";
      expect({
        name,
        isWeak: isWeak(kind),
        isGlobal: isGlobal(kind),
        isThreadLocal: isThreadLocal(kind),
        isPerCpu: isPerCpu(kind),
        isFunction: isFunction(kind),
        isObject: isObject(kind),
      }).toEqual({
        name,
        isWeak: binding === "WEAK",
        isGlobal: binding === "GLOBAL",
        isThreadLocal: type === "TLS",
        isPerCpu: sectionName === ".data..percpu",
        isFunction: isDefined && (type === "FUNC" || (type === "NOTYPE" && isFunction(letter))),
        isObject:
          isDefined && (type === "OBJECT" || type === "TLS" || (type === "NOTYPE" && isObject(letter))),
      });
    }
    expect(seen).toBeGreaterThan(12);
    elf.file.close();
  });
});
