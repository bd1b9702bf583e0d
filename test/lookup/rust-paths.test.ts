// Look-ups by demangled Rust names. The names are of Debian's 7.3.4 and of rustc; rustfilt and c++filt demangle them.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { lookUp, lookUpExactly } from "../../src/lookup/look-up.ts";
import { searchAliasTable } from "../../src/lookup/search-alias-table.ts";
import { row, table } from "../table/tables.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

const PAD = "_RNvMs9_NtCs2lKf6AS60Zg_4core3fmtNtB5_9Formatter3pad";
const LEGACY_PAD = "_ZN4core3fmt9Formatter3pad17h0123456789abcdefE";
const SET_I8 = "_RINvNtCsb5MLIFMWygY_6kernel12module_param9set_paramaEB4_";
const SET_U8 = "_RINvNtCsb5MLIFMWygY_6kernel12module_param9set_paramhEB4_";
const WRITE =
  "_RNvXs_NtNtCs2lKf6AS60Zg_4core3net14display_bufferINtB4_13DisplayBufferKj15_ENtNtB8_3fmt5Write9write_strB8_";
const COUNT = "_RNvNtCs1aBWwuGybLu_1k3one5COUNT.0";
const PROMOTED =
  "_RNvNtNtCs2lKf6AS60Zg_4core3num8int_sqrt27panic_for_negative_argument.llvm.14172910296636650566";
const CLOSURE = "_RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_";
const IMPL =
  "_ZN4core5slice77_$LT$impl$u20$core..ops..index..IndexMut$LT$I$GT$$u20$for$u20$$u5b$T$u5d$$GT$9index_mut17haf9727c2edfbc47bE";
const UNICODE = "_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y";
const RUST = [PAD, LEGACY_PAD, SET_I8, SET_U8, WRITE, COUNT, PROMOTED, CLOSURE, IMPL, UNICODE];
const OTHERS = ["pad", "_R", "_ZN", "__pfx__RNvNtCs1aBWwuGybLu_1k3one4show", "_RUST"];

const path = join(temporaryDirectory(), "table");
const rows = [...RUST, ...OTHERS].map((name, line) =>
  row({ name, file: line === 0 ? "core/src/fmt/mod.rs" : "lib.rs", line }),
);
const { header } = table(rows);
writeFileSync(path, [header, ...rows].map((part) => `${JSON.stringify(part)}\n`).join(""));
const searched = searchAliasTable(path);

const names = (query: string) => lookUp(searched, query).rows.map(({ name }) => name);

test.each([
  ["the path of a method", "core::fmt::Formatter::pad", [PAD, LEGACY_PAD]],
  ["the printed name of a method", "<core::fmt::Formatter>::pad", [PAD]],
  ["a name with the hash of its crate", "<core[1b6169c1cdb4b588]::fmt::Formatter>::pad", [PAD]],
  ["a legacy name with its hash", "core::fmt::Formatter::pad::h0123456789abcdef", [LEGACY_PAD, PAD]],
  ["a generic function", "kernel::module_param::set_param", [SET_I8, SET_U8]],
  ["one instance of a generic function", "kernel::module_param::set_param::<u8>", [SET_U8]],
  [
    "an instance that the table lacks",
    "kernel::module_param::set_param::<Other<fn(u8) -> u8>>",
    [SET_I8, SET_U8],
  ],
  [
    "a method of a trait",
    "<core::net::display_buffer::DisplayBuffer as core::fmt::Write>::write_str",
    [WRITE],
  ],
  [
    "a method of a trait for another type",
    "<core::net::display_buffer::Other as core::fmt::Write>::write_str",
    [],
  ],
  ["a static that LLVM split", "k::one::COUNT", [COUNT]],
  ["a name with its suffix", "k::one::COUNT.0", [COUNT]],
  ["a name that ThinLTO changed", "core::num::int_sqrt::panic_for_negative_argument", [PROMOTED]],
  ["a closure", "cc::spawn::{closure#0}::{closure#0}", [CLOSURE]],
  ["a legacy method of a trait", "core::slice::index_mut", [IMPL]],
  ["a name outside ASCII", "utf8_idents::საჭმელად_გემრიელი_სადილი", [UNICODE]],
  ["a name, at a path", "core::fmt::Formatter::pad@fmt/mod.rs", [PAD]],
  ["a name with its crate's other hash", "core[1]::fmt::Formatter::pad", [PAD, LEGACY_PAD]],
  ["part of a path", "Formatter::pad", []],
  ["brackets that do not match", "<<core::fmt::Formatter::pad", []],
])("%s", (_, query, found) => {
  expect(names(query).sort()).toEqual([...found].sort());
});

describe.each([
  ["rustfilt", []],
  ["rustfilt", ["-h"]],
  ["c++filt", ["-s", "rust"]],
] as const)("what %s %s prints", (command, args) => {
  test.each(RUST)("finds %s", (name) => {
    const printed = tool(command, [...args], name)
      .toString()
      .trimEnd();
    expect(printed).not.toBe(name);
    expect(names(printed)).toContain(name);
  });
});

test("a name that is not in the table gets the closest demangled names", () => {
  expect(lookUp(searched, "core::fmt::Formatter::pda").closest[0]).toBe("core::fmt::Formatter::pad");
  expect(lookUp(searched, "k::one::COUMT").closest).toEqual(["k::one::COUNT"]);
});

test("an exact look-up suggests the mangled name", () => {
  const { match, closest } = lookUpExactly(searched, "<core::fmt::Formatter>::pad");
  expect({ match, closest }).toEqual({ match: null, closest: [PAD] });
});

test("the whole mangled name finds its symbol", () => {
  for (const name of RUST) expect(lookUp(searched, name)).toMatchObject({ match: "name", rows: [{ name }] });
});
