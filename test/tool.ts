import { spawnSync } from "node:child_process";

/** Runs one of the tools that tell the truth, in the C locale, and gives what it prints; its failure fails the test. */
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
