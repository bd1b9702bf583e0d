// The hook in a kernel that clang's ThinLTO links, without BTF: the aliases come from vmlinux.o.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { TableRow } from "../../../src/table/alias-table.ts";
import { defined } from "../../defined.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";
import { tool } from "../../tool.ts";
import { boot } from "../guest.ts";
import { copyOf, KernelBuild, restoreTree, sourceOf } from "../kernel-build.ts";
import { linesOf, rowsOf, succeed } from "../stock-kernel.ts";

const source = copyOf(sourceOf("7.3"), "thinlto");
const build = new KernelBuild(source, { config: "config-thinlto", compiler: "clang-19", args: ["LLVM=-19"] });
const directory = temporaryDirectory();
let rows: TableRow[] = [];
let guest: Map<string, string>;

beforeAll(() => {
  restoreTree(source);
  succeed("kernel", "install", source.tree);
  build.configure("-e", "KALLSYMS_ALIAS_SRCLINE");
  build.must("bzImage");
  rows = rowsOf(build.path(".tmp_vmlinux.aliases")).filter(({ alias }) => alias !== null);
  guest = boot(build.path("arch/x86/boot/bzImage"), "nokaslr", [], directory);
}, 3_600_000);

const aliased = () =>
  linesOf(readFileSync(build.path(".tmp_vmlinux2.syms.aliased"), "utf8")).filter((line) =>
    line.includes("@"),
  );

test("no alias has a hash, though names do", () => {
  expect(rows.length).toBeGreaterThan(200);
  const names = rows.filter(({ name }) => name.includes(".llvm."));
  expect(names.length).toBeGreaterThan(10);
  for (const { alias } of rows) expect(alias).not.toMatch(/llvm|[0-9]{9}/);
  expect(new Set(rows.map(({ alias }) => alias)).size).toBe(rows.length);
});

test("the lines are those that llvm-addr2line gives in the final image", () => {
  const lines = aliased().map((line) => line.split(" "));
  expect(lines).toHaveLength(rows.length);
  const addresses = lines.map(([address]) => `0x${address}`).join("\n");
  const command = ["-e", build.path("vmlinux"), "--relativenames"];
  const answers = linesOf(tool("llvm-addr2line-19", command, addresses).toString());
  const rowOf = new Map(rows.map((row) => [defined(row.alias ?? undefined, "alias"), row]));
  const differing = lines.flatMap(([, , alias = ""], i) => {
    const { file, line, via } = defined(rowOf.get(alias), alias);
    const answer = defined(answers[i], `answer for ${alias}`)
      .replace(/ \(.*/, "")
      .replace(`${source.tree}/`, "");
    return via === "line" && join(answer) !== `${file}:${line}` ? [`${alias}: ${answer}`] : [];
  });
  expect(differing).toEqual([]);
});

test("/proc/kallsyms of the booted kernel has every alias directly after its original", () => {
  const lines = linesOf(defined(guest.get("aliases"), "the guest's section `aliases`"));
  const pairs = aliased().flatMap((line) => {
    const [address, type, alias = ""] = line.split(" ");
    const { name } = defined(
      rows.find((row) => row.alias === alias),
      alias,
    );
    return [`${address} ${type} ${name}`, line];
  });
  expect(lines).toEqual(pairs);
});

test("a probe of an alias is accepted where its name is refused, and fires only for its function", () => {
  expect(guest.get("bare")).toBe("refused");
  expect(guest.get("alias")).toBe("accepted");
  expect(guest.get("namesake read")).toBe("0");
  expect(guest.get("read")).toBe("1");
});
