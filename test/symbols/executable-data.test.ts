// Data in an executable section, as x86's .data is from Linux 7.2 on: nm says `t` for it.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { tableRows } from "../commands/program.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

const directory = temporaryDirectory();
const path = (name: string) => join(directory, name);
const IMAGE = path("vmlinux");
const LISTING = path("nm");

const source = (unit: string) => `
static int state = 1;
int *state_of_${unit}(void) { return &state; }
__attribute__((noinline, used)) static int twin(int a) { return a + state; }
__attribute__((weak)) int weak_${unit}(void) { return 2; }
asm(".pushsection .data; state_label: .long 1; .popsection");
`;

const SCRIPT = `
PHDRS { all PT_LOAD FLAGS(7); }
SECTIONS {
  . = 0xffffffff81000000;
  .text : { _text = .; _stext = .; *(.text*) _etext = .; } :all
  .data : { _sdata = .; *(.data*) _edata = .; } :all
  .bss : { *(.bss*) *(COMMON) } :all
}
`;

beforeAll(() => {
  const objects = ["first", "second"].map((unit) => {
    writeFileSync(path(`${unit}.c`), source(unit));
    tool("gcc", [
      "-g",
      "-O2",
      "-fno-pic",
      "-mcmodel=kernel",
      "-c",
      "-o",
      path(`${unit}.o`),
      path(`${unit}.c`),
    ]);
    const flags = "alloc,load,contents,data,code";
    tool("objcopy", ["--set-section-flags", `.data=${flags}`, path(`${unit}.o`)]);
    return path(`${unit}.o`);
  });
  writeFileSync(path("vmlinux.lds"), SCRIPT);
  tool("ld", ["-T", path("vmlinux.lds"), "-e", "0", "-o", IMAGE, ...objects]);
  writeFileSync(LISTING, tool("nm", ["-n", IMAGE]));
});

/** The symbols that are in a run's table: kind and name, once each. */
function tableOf(...args: string[]): string[] {
  const rows = tableRows(["vmlinux", ...args, "--table-scope", "all"]);
  const texts = rows.map(({ kind, name, alias }) => `${kind} ${name}${alias === null ? "" : " aliased"}`);
  return [...new Set(texts)].sort();
}

const FUNCTIONS = [
  "function state_of_first",
  "function state_of_second",
  "function twin aliased",
  "function weak_first",
  "function weak_second",
];

test("nm says t", () => {
  expect(tool("nm", [IMAGE]).toString()).toMatch(/ t state\n/);
});

test.each([
  { from: "an image", args: [IMAGE] },
  { from: "a listing, by its bounds", args: ["--nm", LISTING, IMAGE] },
])("$from: only functions are taken for functions", ({ args }) => {
  expect(tableOf(...args)).toEqual(expect.arrayContaining(FUNCTIONS));
  expect(tableOf(...args).filter((row) => row.includes("state") && !row.includes("state_of"))).toEqual([]);
});

test("a listing without bounds: the image's types decide", () => {
  const unbound = path("unbound");
  writeFileSync(unbound, tool("grep", ["-v", "_sdata", LISTING]));
  expect(tableOf("--nm", unbound, IMAGE).filter((row) => row.includes(" state"))).toEqual([
    "function state_of_first",
    "function state_of_second",
  ]);
});

test("with --data it is an object", () => {
  expect(tableOf(IMAGE, "--data")).toEqual(expect.arrayContaining(["object state aliased", ...FUNCTIONS]));
});
