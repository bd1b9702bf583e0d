// Units and variables as rustc describes them, in assembly: the name of a unit contains its codegen unit, and LLVM has split a variable.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tableRows } from "../commands/program.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

const directory = temporaryDirectory();
const SHARED = "_RNvMsB_NtCs2lKf6AS60Zg_4core3numx14from_str_radix";
const COUNT = "_RNvNtCsb5MLIFMWygY_6kernel5print5COUNT";

interface UnitPlan {
  /** The source file, in DW_AT_name. */
  readonly source: string;
  /** The codegen unit, in DW_AT_name and as STT_FILE symbol. */
  readonly codegenUnit: string;
}

/** A unit with a function of another file, and a variable at line 7 of its own. */
function assembled({ source, codegenUnit }: UnitPlan, index: number): string {
  const path = join(directory, `unit-${index}.s`);
  const object = join(directory, `unit-${index}.o`);
  const variable = `${COUNT}${index}`;
  writeFileSync(
    path,
    `
    .file "${codegenUnit}"
    .file 1 "/rust/library/core/src/num/mod.rs"
    .file 2 "/build/linux/${source}"
    .text
.Lstart:
    .type ${SHARED}, @function
${SHARED}:
    .loc 1 1399
    ret
    .size ${SHARED}, . - ${SHARED}
.Lend:
    .data
    .type ${variable}.0, @object
    .size ${variable}.0, 4
${variable}.0: .long 1
    .type ${variable}.1, @object
    .size ${variable}.1, 4
${variable}.1: .long 1
    .section .debug_abbrev, "", @progbits
    .uleb128 1, 0x11; .byte 1
    .uleb128 0x03, 0x08, 0x1b, 0x08, 0x10, 0x17, 0x11, 0x01, 0x12, 0x07, 0, 0
    .uleb128 2, 0x34; .byte 0
    .uleb128 0x03, 0x08, 0x6e, 0x08, 0x3a, 0x0b, 0x3b, 0x0b, 0x02, 0x18, 0, 0
    .byte 0
    .section .debug_line, "", @progbits
.Lline:
    .section .debug_info, "", @progbits
    .long 2f - 1f
1:  .short 4
    .long .debug_abbrev
    .byte 8
    .uleb128 1
    .asciz "${source}/@/${codegenUnit}"
    .asciz "/build/linux"
    .long .Lline
    .quad .Lstart, .Lend - .Lstart
    .uleb128 2
    .asciz "COUNT"
    .asciz "${variable}"
    .byte 2, 7
    .uleb128 4f - 3f
3:  .byte 3
    .quad ${variable}.0
    .byte 0x93, 4, 3
    .quad ${variable}.1
    .byte 0x93, 4
4:  .byte 0
2:
`,
  );
  tool("as", ["-o", object, path]);
  return object;
}

function linked(plans: readonly UnitPlan[]): string {
  const image = join(directory, `vmlinux-${plans.map(({ codegenUnit }) => codegenUnit).join()}`);
  tool("ld", ["-Ttext=0xffffffff81000000", "-e", "0", "-o", image, ...plans.map(assembled)]);
  return image;
}

const KERNEL = { source: "rust/kernel/lib.rs", codegenUnit: "kernel.8135fdc6fc107636-cgu.0" };
const CORE = { source: "/rust/library/core/src/lib.rs", codegenUnit: "core.1b6169c1cdb4b588-cgu.0" };
const image = linked([KERNEL, CORE]);

const isFunction = ({ name }: { name: string }) => name === SHARED;

test("the name of a unit is its source file, without the codegen unit", () => {
  const dumped = tool("readelf", ["--debug-dump=info", image]).toString();
  expect(dumped).toMatch(/DW_AT_name +: rust\/kernel\/lib\.rs\/@\/kernel\.8135fdc6fc107636-cgu\.0\n/);
  const rows = tableRows(["vmlinux", image]).filter(isFunction);
  expect(rows.map(({ alias, unit }) => ({ alias, unit }))).toEqual([
    {
      alias: `${SHARED}@rust_library_core_src_num_mod_rs_1399@rust_kernel_lib_rs`,
      unit: "rust/kernel/lib.rs",
    },
    {
      alias: `${SHARED}@rust_library_core_src_num_mod_rs_1399@rust_library_core_src_lib_rs`,
      unit: "rust/library/core/src/lib.rs",
    },
  ]);
});

test("the source root of an absolute path is removed", () => {
  const rows = tableRows(["vmlinux", image, "--source-root", "/rust/library"]).filter(isFunction);
  expect(rows.map(({ file, unit }) => `${file} ${unit}`)).toEqual([
    "core/src/num/mod.rs rust/kernel/lib.rs",
    "core/src/num/mod.rs core/src/lib.rs",
  ]);
});

test("symbols that only their codegen units distinguish get ordinals", () => {
  const two = linked([KERNEL, { ...KERNEL, codegenUnit: "kernel.8135fdc6fc107636-cgu.1" }]);
  const aliases = tableRows(["vmlinux", two])
    .filter(isFunction)
    .map(({ alias }) => alias);
  const first = `${SHARED}@rust_library_core_src_num_mod_rs_1399@rust_kernel_lib_rs`;
  expect(aliases).toEqual([first, `${first}_2`]);
});

test("the pieces of a split variable have its declaration", () => {
  const rows = tableRows(["vmlinux", image, "--data"]).filter(({ name }) => name.startsWith(COUNT));
  expect(rows.map(({ name, file, line, unit, via }) => `${name} ${file}:${line} ${unit} ${via}`)).toEqual([
    `${COUNT}0.0 rust/kernel/lib.rs:7 rust/kernel/lib.rs decl`,
    `${COUNT}0.1 rust/kernel/lib.rs:7 rust/kernel/lib.rs decl`,
    `${COUNT}1.0 rust/library/core/src/lib.rs:7 rust/library/core/src/lib.rs decl`,
    `${COUNT}1.1 rust/library/core/src/lib.rs:7 rust/library/core/src/lib.rs decl`,
  ]);
});

test("without debug information, the place is the crate of the STT_FILE symbol", () => {
  const [withUnit = "", without = ""] = [KERNEL, CORE].map(assembled);
  tool("objcopy", ["--remove-section=.debug_*", "--remove-section=.rela.debug_*", without]);
  const image = join(directory, "half");
  tool("ld", ["-Ttext=0xffffffff81000000", "-e", "0", "-o", image, withUnit, without]);
  expect(tool("readelf", ["-sW", image]).toString()).toContain(CORE.codegenUnit);
  const aliases = tableRows(["vmlinux", image])
    .filter(isFunction)
    .map(({ alias }) => alias);
  expect(aliases[1]).toBe(`${SHARED}@core`);
});
