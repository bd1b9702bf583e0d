import { spawnSync } from "node:child_process";

/** Runs a program in the C locale. @returns its exit status and its output */
export function outcome(command: string, args: readonly string[], input: string | Uint8Array = "") {
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    input,
    env: { ...process.env, LC_ALL: "C" },
    maxBuffer: 1 << 28,
  });
  if (error !== undefined) throw error;
  return { status, stdout, stderr: stderr.toString() };
}

/** Runs a reference tool in the C locale; its failure fails the test. @returns its output */
export function tool(command: string, args: readonly string[], input: string | Uint8Array = ""): Buffer {
  const { status, stdout, stderr } = outcome(command, args, input);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: status ${status}: ${stderr}`);
  return stdout;
}
