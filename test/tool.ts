import { spawnSync } from "node:child_process";

/** Runs a reference tool in the C locale; its failure fails the test. @returns its output */
export function tool(command: string, args: readonly string[], input = ""): Buffer {
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    input,
    env: { ...process.env, LC_ALL: "C" },
    maxBuffer: 1 << 28,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: status ${status}: ${stderr}`);
  return stdout;
}
