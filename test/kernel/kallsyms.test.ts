// The kernel's own scripts/kallsyms, compiled, on the aliased listing, called as scripts/link-vmlinux.sh calls it.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { TableRow } from "../../src/table/alias-table.ts";
import { kasAlias } from "../commands/program.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { kernels } from "./kernels.ts";

/** The output of scripts/kallsyms for the assembler. */
interface Kallsyms {
  readonly count: number;
  /** In the kernel's order, each with its type first; decompressed as in kernel/kallsyms.c. */
  readonly names: readonly string[];
  readonly offsets: readonly string[];
}

/** The lines of one label of the assembly text, without their comments. */
function linesBehind(assembly: string, label: string): string[] {
  const start = assembly.indexOf(`${label}:\n`) + label.length + 2;
  return assembly
    .slice(start, assembly.indexOf("\n\n", start))
    .replace(/\s*\/\*.*\*\/$/gm, "")
    .split("\n");
}

function readKallsyms(assembly: string): Kallsyms {
  const tokens = linesBehind(assembly, "kallsyms_token_table").map((line) =>
    line.slice('\t.asciz\t"'.length, -1),
  );
  const names = linesBehind(assembly, "kallsyms_names").map((line) => {
    const bytes = line.replace("\t.byte ", "").split(", ").map(Number);
    return bytes
      .slice((bytes[0] ?? 0) < 0x80 ? 1 : 2)
      .map((byte) => tokens[byte])
      .join("");
  });
  return {
    count: Number(linesBehind(assembly, "kallsyms_num_syms")[0]?.replace("\t.long\t", "")),
    names,
    offsets: linesBehind(assembly, "kallsyms_offsets"),
  };
}

describe.each(kernels)("$package $version", ({ vmlinux, source }) => {
  const directory = temporaryDirectory();
  const file = (name: string) => join(directory, name);
  const script = (name: string) => join(source, "scripts", name);
  let rows: TableRow[];
  let plain: Kallsyms;
  let aliased: Kallsyms;
  let talk = "";

  /** Runs scripts/mksysmap and scripts/kallsyms on a listing. */
  function kallsyms(listing: string): Kallsyms {
    const filtered = file("filtered");
    // mksysmap is a script for sed since 6.4; before, a script for sh that calls nm.
    if (readFileSync(script("mksysmap"), "utf8").startsWith("#!/bin/sed")) {
      writeFileSync(filtered, tool("sed", ["-f", script("mksysmap"), listing]));
    } else {
      tool("env", [`NM=${file("nm")}`, "sh", script("mksysmap"), listing, filtered]);
    }
    const baseRelative = readFileSync(script("kallsyms.c"), "utf8").includes('"base-relative"');
    const options = ["--all-symbols", "--absolute-percpu", ...(baseRelative ? ["--base-relative"] : [])];
    const { status, stdout, stderr } = spawnSync(file("kallsyms"), [...options, filtered], {
      maxBuffer: 1 << 28,
    });
    talk += stderr;
    expect(status).toBe(0);
    return readKallsyms(stdout.toString("latin1"));
  }

  beforeAll(() => {
    writeFileSync(file("nm"), '#!/bin/sh\n[ "$1" = -n ] && exec cat "$2"\n');
    chmodSync(file("nm"), 0o755);
    const include = existsSync(script("include")) ? ["-I", script("include")] : [];
    tool("gcc", ["-O2", ...include, "-o", file("kallsyms"), script("kallsyms.c")]);
    writeFileSync(file("plain"), tool("nm", ["-n", vmlinux]));
    expect(kasAlias(["vmlinux", vmlinux, "-o", file("aliased"), "--table", file("table")]).status).toBe(0);
    const lines = readFileSync(file("table"), "utf8").trimEnd().split("\n").slice(1);
    rows = lines.map((row): TableRow => JSON.parse(row));
    plain = kallsyms(file("plain"));
    aliased = kallsyms(file("aliased"));
  });

  test("accepts the aliased listing without a message", () => {
    expect(talk).toBe("");
  });

  test("has one more symbol for each alias", () => {
    expect(rows.length).toBeGreaterThan(400);
    expect(plain.count).toBe(plain.names.length);
    expect(aliased.count).toBe(aliased.names.length);
    expect(aliased.count - plain.count).toBe(rows.length);
  });

  test("puts each alias directly after its symbol, at the same address", () => {
    const pairs = aliased.names.flatMap((name, i) =>
      name.includes("@")
        ? [
            {
              name,
              original: aliased.names[i - 1],
              sameAddress: aliased.offsets[i] === aliased.offsets[i - 1],
            },
          ]
        : [],
    );
    const expected = rows.map(({ type, name, alias }) => ({
      name: `${type}${alias}`,
      original: `${type}${name}`,
      sameAddress: true,
    }));
    expect(pairs).toEqual(expected);
  });

  test("does not change the other symbols", () => {
    const left = (column: readonly string[]) => column.filter((_, i) => !aliased.names[i]?.includes("@"));
    expect(left(aliased.names).join("\n") === plain.names.join("\n")).toBe(true);
    expect(left(aliased.offsets).join("\n") === plain.offsets.join("\n")).toBe(true);
  });

  test("walks namesakes in the order of the table's positions", () => {
    const walked = new Map<string, string[]>();
    plain.names.forEach((typed, i) => {
      const name = typed.slice(1);
      walked.set(name, [...(walked.get(name) ?? []), plain.offsets[i] ?? ""]);
    });
    const offsetOf = new Map(aliased.names.map((name, i) => [name.slice(1), aliased.offsets[i]]));
    const wrong = rows.filter(
      ({ name, alias, sympos }) => walked.get(name)?.[sympos - 1] !== offsetOf.get(alias ?? ""),
    );
    expect(wrong).toEqual([]);
  });
});
