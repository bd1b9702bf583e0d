import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { kasAlias } from "../commands/program.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { kernels } from "./kernels.ts";

describe.each(kernels)("the table of Debian's $series", ({ vmlinux, systemMap }) => {
  const directory = temporaryDirectory();
  const table = join(directory, "table.jsonl");
  const aliased = join(directory, "aliased");
  const { status } = kasAlias(["vmlinux", vmlinux, "--table", table, "-o", aliased]);

  test("gives the same aliases again for nm's output", () => {
    expect(status).toBe(0);
    const nm = tool("nm", ["-n", vmlinux]);
    const again = kasAlias(["vmlinux", "--nm", "-", "--reuse-table", table], nm);
    expect({ ...again, stdout: again.stdout === readFileSync(aliased, "utf8") }).toEqual({
      status: 0,
      stdout: true,
      stderr: "",
    });
  });

  test("gives them for System.map, which the kernel's build filters, at moved addresses", () => {
    // KASLR moves all but the per-CPU symbols.
    const moved = readFileSync(systemMap, "latin1").replace(/^ffffffff[89a-f][0-9a-f]{7}/gm, (digits) =>
      (BigInt(`0x${digits}`) + 0x200000n).toString(16),
    );
    const path = join(directory, "moved");
    writeFileSync(path, moved, "latin1");
    const { status, stdout, stderr } = kasAlias(["vmlinux", "--nm", path, "--reuse-table", table]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const names = (text: string) => (text.match(/^.*@.*$/gm) ?? []).map((line) => line.slice(17));
    expect(names(stdout)).toEqual(names(readFileSync(aliased, "utf8")));
    expect(names(stdout).length).toBeGreaterThan(400);
    expect(stdout.replace(/^.*@.*\n/gm, "")).toBe(moved);
  });
});
