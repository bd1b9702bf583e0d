// Probes of all aliases of a real kernel, with the /proc/kallsyms that it would have, compared with nm.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { TableRow } from "../../src/table/alias-table.ts";
import { kasAlias } from "../commands/program.ts";
import { defined } from "../defined.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { kernels } from "./kernels.ts";

const SLIDE = 0x1a400000n;

describe.each(kernels)("probes of $package $version", ({ vmlinux, systemMap }) => {
  const directory = temporaryDirectory();
  const table = join(directory, "aliases.jsonl");
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = kasAlias(args);
    expect({ status, stderr: stderr.replace(/^.* is in \.init\.text, .*\n/gm, "") }).toEqual({
      status: 0,
      stderr: "",
    });
    return stdout.trimEnd().split("\n");
  };
  run("vmlinux", vmlinux, "--table", table, "--quiet");
  const lines = readFileSync(table, "utf8").trimEnd().split("\n").slice(1);
  const rows: TableRow[] = lines.map((line) => JSON.parse(line));
  const aliases = rows.map(({ alias, name }) => defined(alias, `alias of ${name}`));

  /** The listing that the running kernel prints: KASLR moves all but per-CPU symbols. */
  const kallsyms = join(directory, "kallsyms");
  const nm = execFileSync("nm", ["-n", vmlinux], { maxBuffer: 1 << 30, encoding: "utf8" });
  const text = BigInt(`0x${defined(/^([0-9a-f]{16}) T _text$/m.exec(nm)?.[1], "_text in nm's lines")}`);
  writeFileSync(
    kallsyms,
    nm
      .split("\n")
      .filter((line) => /^[0-9a-f]{16} [^aNUw] /.test(line))
      .map((line) => {
        const address = BigInt(`0x${line.slice(0, 16)}`);
        const now = address < text ? address : address + SLIDE;
        return `${now.toString(16).padStart(16, "0")}${line.slice(16)}\n`;
      })
      .join(""),
  );

  test("have nm's addresses, as offsets from _text, also after KASLR", () => {
    const events = run("probe", ...aliases, "--table", table, "--kallsyms", kallsyms, "--notes", vmlinux);
    const addresses = run(
      "probe",
      ...aliases,
      "--table",
      table,
      "--kallsyms",
      kallsyms,
      "--format",
      "address",
    );
    expect(events).toHaveLength(rows.length);
    expect(rows.length).toBeGreaterThan(400);
    expect(new Set(events.map((line) => line.split(" ")[0])).size).toBe(rows.length);
    rows.forEach(({ address, name }, i) => {
      expect(nm).toContain(`${address} t ${name}\n`.replace(" t ", rows[i]?.type === "T" ? " T " : " t "));
      const at = BigInt(`0x${address}`);
      expect(events[i]).toMatch(
        new RegExp(`^p:kas/[A-Za-z_]\\w{0,62} _text\\+0x${(at - text).toString(16)}$`),
      );
      expect(BigInt(defined(addresses[i], `address of ${name}`))).toBe(at + SLIDE);
    });
  });

  test("are the same with System.map", () => {
    const by = (path: string) => run("probe", ...aliases, "--table", table, "--kallsyms", path);
    expect(by(systemMap)).toEqual(by(kallsyms));
  });

  test("with another kernel's kallsyms are refused", () => {
    const other = defined(
      kernels.find((kernel) => kernel.vmlinux !== vmlinux),
      "another kernel",
    );
    const { status, stderr } = kasAlias([
      "probe",
      defined(aliases[0], "alias"),
      "--table",
      table,
      "--kallsyms",
      other.systemMap,
    ]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^kas-alias: [^\n]+; give the table of the running kernel\n$/);
  });
});
