import { expect, test } from "vitest";
import { lookupAsJson } from "../../src/report/lookup-json.ts";
import { lookupAsText } from "../../src/report/lookup-text.ts";
import { row } from "../table/tables.ts";

const image = row({
  name: "name_show",
  address: "ffffffff819b8c50",
  file: "drivers/rtc/sysfs.c",
  line: 26,
  sympos: 5,
});
const module = row({
  name: "init",
  object: "rtc",
  section: ".text",
  address: "0000000000000010",
  file: "a.c",
  line: null,
});
const unknown = row({
  name: "memcpy",
  object: "rtc",
  section: ".text",
  address: "0000000000000000",
  file: null,
  line: null,
});

test("one line per symbol, in columns; an address in a module is the offset in its section", () => {
  expect(lookupAsText([image, module, unknown])).toBe(
    [
      "name_show@drivers_rtc_sysfs_c_26  ffffffff819b8c50  drivers/rtc/sysfs.c:26  vmlinux  sympos 5\n",
      "init                              .text+0x10        a.c                     rtc      sympos 0\n",
      "memcpy                            .text+0x0         ??:0                    rtc      sympos 0\n",
    ].join(""),
  );
});

test("Rust's names are also demangled", () => {
  const rust = row({
    name: "_RNvMs9_NtCs2lKf6AS60Zg_4core3fmtNtB5_9Formatter3pad",
    file: "fmt/mod.rs",
    line: 9,
  });
  const plain = { ...rust, name: "pad", sympos: 12 };
  expect(lookupAsText([rust, plain])).toBe(
    [
      `${rust.name}  0  fmt/mod.rs:9  vmlinux  sympos 0   <core::fmt::Formatter>::pad\n`,
      `${"pad".padEnd(rust.name.length)}  0  fmt/mod.rs:9  vmlinux  sympos 12\n`,
    ].join(""),
  );
});

test("an empty result has no lines", () => {
  expect(lookupAsText([])).toBe("");
});

test("as JSON, with all columns", () => {
  const json = lookupAsJson("init", { match: "name", rows: [module], closest: [] });
  expect(json.endsWith("}\n")).toBe(true);
  expect(JSON.parse(json)).toEqual({ query: "init", match: "name", symbols: [module], closest: [] });
});
