// Declarations of variables, in programs of several compilers whose variables contain the expected answer.
import { copyFileSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { openDebugSections } from "../../src/dwarf/debug-sections.ts";
import { MissingFiles } from "../../src/dwarf/missing-files.ts";
import { openElf } from "../../src/elf/elf-file.ts";
import { declarationFinder } from "../../src/source-lines/declared-locations.ts";
import { queriesOf } from "../locations.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import {
  buildProgram,
  type DataSymbol,
  dataSymbols,
  HOLDERS,
  heldPlace,
  type ProgramBuild,
} from "./declared-program.ts";

const directory = temporaryDirectory();
let programs = 0;
const build = (plan: ProgramBuild) => buildProgram(join(directory, `program-${programs++}`), plan);

/** The finder's answers for symbols: `<file>:<line> <function> <unit>`; undefined if there is none. */
async function declared(
  path: string,
  symbols: readonly DataSymbol[],
  missing = new MissingFiles(),
): Promise<(string | undefined)[]> {
  const elf = openElf(path);
  try {
    const sections = await openDebugSections(elf);
    const find = declarationFinder(sections);
    const queries = queriesOf(symbols.map(({ address }) => address.toString(16)));
    const queried = {
      isData: () => true,
      name: (query: number) => symbols[query]?.name ?? "",
      fileSymbol: () => null,
    };
    const found = find(queries, queried, { locations: [...symbols.keys()] }).locations;
    missing.addAll(sections.missing);
    return symbols.map((_, query) => {
      const location = found.get(query);
      if (location === undefined) return undefined;
      const { path, line, functionName, unit } = location;
      return `${basename(path)}:${line} ${functionName} ${basename(unit.name ?? "")}`;
    });
  } finally {
    elf.file.close();
  }
}

/** All variables of the program, those of the header once for each file. */
const ALL = 15;

async function expectAllDeclared(path: string): Promise<void> {
  const symbols = dataSymbols(path);
  const places = symbols.map(({ address }) => heldPlace(path, address));
  const found = await declared(path, symbols);
  const held = places.map((place) => `${place} ${HOLDERS[place] ?? null}`);
  expect(found.map((text) => text?.split(" ", 2).join(" "))).toEqual(held);
  // A variable of the header is compiled in both files; any other in its own.
  const units = found.map((text, i) => (places[i]?.startsWith("counters.h") ? "" : text?.split(" ")[2]));
  expect(units).toEqual(places.map((place) => (place.startsWith("counters.h") ? "" : place.split(":")[0])));
  expect(new Set(found).size).toBe(symbols.length);
  expect(symbols.length).toBeGreaterThan(0);
}

const LLD = ["-fuse-ld=lld"];

describe("the declarations of variables, including static locals, are found", () => {
  const versions = [2, 3, 4, 5].flatMap((version): [string, ProgramBuild][] => [
    [`gcc, DWARF ${version}`, { compiler: "gcc", flags: [`-gdwarf-${version}`] }],
    [`gcc, 64-bit DWARF ${version}`, { compiler: "gcc", flags: [`-gdwarf-${version}`, "-gdwarf64"] }],
    [`clang, DWARF ${version}`, { compiler: "clang", flags: [`-gdwarf-${version}`, ...LLD] }],
    [`clang-19, DWARF ${version}`, { compiler: "clang-19", flags: [`-gdwarf-${version}`, ...LLD] }],
  ]);
  test.each<[string, ProgramBuild]>([
    ...versions,
    ["clang-19, 64-bit DWARF 5", { compiler: "clang-19", flags: ["-g", "-gdwarf64", ...LLD] }],
    ["big-endian", { compiler: "s390x-linux-gnu-gcc", flags: ["-g"] }],
    ["32-bit", { compiler: "gcc", flags: ["-g", "-m32", "-fno-pic", "-static"] }],
    ["position-independent", { compiler: "gcc", flags: ["-g", "-fpie", "-pie"] }],
    ["compressed with zlib", { compiler: "gcc", flags: ["-g", "-gz"] }],
    ["compressed in GNU's older way", { compiler: "gcc", flags: ["-g", "-gz=zlib-gnu"] }],
    ["not optimised", { compiler: "gcc", flags: ["-g", "-O0"] }],
    ["type units", { compiler: "gcc", flags: ["-g", "-fdebug-types-section"] }],
    ...["4", "5"].flatMap((version): [string, ProgramBuild][] => [
      [`split DWARF ${version} of gcc`, { compiler: "gcc", flags: [`-gdwarf-${version}`, "-gsplit-dwarf"] }],
      [
        `split DWARF ${version} of clang`,
        { compiler: "clang-19", flags: [`-gdwarf-${version}`, "-gsplit-dwarf", ...LLD] },
      ],
    ]),
    ["split DWARF, compressed", { compiler: "gcc", flags: ["-g", "-gsplit-dwarf", "-gz"] }],
    ["relocations kept", { compiler: "gcc", flags: ["-g", "-no-pie", "-Wl,--emit-relocs"] }],
  ])("%s", async (_, plan) => {
    const path = build(plan);
    expect(dataSymbols(path)).toHaveLength(ALL);
    await expectAllDeclared(path);
  });

  test.each<[string, ProgramBuild]>([
    ["GCC's, whose units are <artificial>", { compiler: "gcc", flags: ["-g", "-flto"] }],
    ["GCC's in one partition", { compiler: "gcc", flags: ["-g", "-flto", "-flto-partition=none"] }],
    ["clang's ThinLTO", { compiler: "clang-19", flags: ["-g", "-flto=thin", ...LLD] }],
    ["clang's full one", { compiler: "clang", flags: ["-g", "-flto", ...LLD] }],
  ])("with link-time optimisation: %s", async (_, plan) => {
    const path = build(plan);
    expect(dataSymbols(path).length).toBeGreaterThan(8);
    await expectAllDeclared(path);
  });

  test("where dwz has moved what units share to a partial unit", async () => {
    const path = build({ compiler: "gcc", flags: ["-g"] });
    tool("dwz", [path]);
    expect(tool("readelf", ["--debug-dump=info", path]).toString()).toMatch(/DW_TAG_partial_unit/);
    await expectAllDeclared(path);
  });

  test.each(["4", "5"])("where dwz has moved it to another file, DWARF %s", async (version) => {
    const flags = [`-gdwarf-${version}`];
    const [one, other] = [build({ compiler: "gcc", flags }), build({ compiler: "gcc", flags })];
    const common = join(directory, `common-${version}`);
    const dwz = version === "5" ? ["--dwarf-5", "-m"] : ["-m"];
    tool("dwz", [...dwz, common, one, other]);
    await expectAllDeclared(one);
    await expectAllDeclared(other);
    const moved = `${common}.moved`;
    renameSync(common, moved);
    const missing = new MissingFiles();
    expect(await declared(one, dataSymbols(one), missing)).toContain(undefined);
    const [line] = missing.lines();
    expect(line).toMatch(
      /^\S+: \S+ is missing; names, declarations and parameters that are in it are unknown$/,
    );
    expect(line).toContain(`${one}: `);
    expect(line).toContain(`common-${version} is missing`);
    // A file of another build does not replace it.
    copyFileSync(other, common);
    const again = new MissingFiles();
    await declared(one, dataSymbols(one), again);
    expect(again.lines()).toEqual([line]);
  });
});
