import { type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { TableRow } from "../../src/table/alias-table.ts";

/** The bundle that test/global-setup.ts builds. */
export const PROGRAM = fileURLToPath(new URL("../../dist/kas-alias.mjs", import.meta.url));

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program to its end. */
export function kasAlias(args: readonly string[], input: string | Buffer = "", cwd?: string): Ended {
  const { error, status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
    input,
    maxBuffer: 1 << 28,
    ...(cwd === undefined ? {} : { cwd }),
  });
  if (error !== undefined) throw error;
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** Runs a command that must succeed in silence. @returns the rows of its table */
export function tableRows(args: readonly string[], cwd?: string): TableRow[] {
  const { status, stdout, stderr } = kasAlias([...args, "--table", "-"], "", cwd);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const [, ...rows] = stdout.trimEnd().split("\n");
  return rows.map((row) => JSON.parse(row));
}

/** Starts the program; `ended` gives its exit status and its output on streams that are pipes. */
export function start(args: readonly string[], options: SpawnOptions) {
  const child = spawn(process.execPath, [PROGRAM, ...args], options);
  let stderr = "";
  child.stderr?.on("data", (data) => {
    stderr += data;
  });
  const ended = new Promise<Omit<Ended, "stdout"> & { signal: string | null }>((resolve) => {
    child.on("close", (status, signal) => resolve({ status, signal, stderr }));
  });
  return { child, ended };
}
