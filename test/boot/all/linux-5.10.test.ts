import { cpSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EDITS } from "../../../src/kernel-tree/edits.ts";
import { kasAlias } from "../../commands/program.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";
import { sourceOf } from "../kernel-build.ts";
import { linesOf } from "../stock-kernel.ts";
import { testWrapper } from "./nm-wrapper.ts";

const source = sourceOf("5.10");
// Before 5.18, it has a prompt of its own.
const DEBUG_INFO = ["-e", "DEBUG_INFO"];
testWrapper(source, [".tmp_vmlinux.kallsyms1", ".tmp_vmlinux.kallsyms2"], true, ...DEBUG_INFO);

test("the hook names the places that do not fit, and changes nothing", () => {
  const tree = join(temporaryDirectory(), "tree");
  for (const { file } of EDITS) cpSync(join(source.tree, file), join(tree, file));
  const { status, stderr } = kasAlias(["kernel", "install", tree]);
  expect(status).toBe(1);
  const [found, ...misfits] = linesOf(stderr.replaceAll(tree, "TREE"));
  expect(found).toMatch(
    /^kas-alias: TREE: is Linux 5\.10\.\d+, and the hook is tested on .*; found init\/Kconfig:\d+, Makefile:\d+/,
  );
  expect(misfits.map((line) => line.replace(/has no .*/, ""))).toEqual([
    "kas-alias: TREE/scripts/link-vmlinux.sh: ",
    "kas-alias: TREE/scripts/link-vmlinux.sh: ",
    expect.stringContaining("2 places do not fit, and nothing was changed"),
  ]);
});
