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

test("an empty result has no lines", () => {
  expect(lookupAsText([])).toBe("");
});

test("as JSON, with all columns", () => {
  const json = lookupAsJson("init", { match: "name", rows: [module], closest: [] });
  expect(json.endsWith("}\n")).toBe(true);
  expect(JSON.parse(json)).toEqual({ query: "init", match: "name", symbols: [module], closest: [] });
});
