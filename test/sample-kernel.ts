import { execFileSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SAMPLES = fileURLToPath(new URL("../samples", import.meta.url));

/** The sample kernel as it is committed: x86-64, GCC, DWARF 5. */
export const SAMPLE = join(SAMPLES, "vmlinux");

/** The variables of samples/build.sh. */
export interface SampleBuild {
  readonly CC?: string;
  readonly CFLAGS?: string;
  readonly LD?: string;
  readonly LDFLAGS?: string;
  readonly TEXT_BASE?: string;
}

/** The files that this test file has built, by their variables. */
const built = new Map<string, string>();

/** Builds the sample kernel to the file `out`; a second time with the same variables, it copies the first one. */
export function buildSample(out: string, build: SampleBuild): string {
  const variables = JSON.stringify(build);
  const first = built.get(variables);
  if (first === undefined) {
    const env = { ...process.env, ...build, OUT: out };
    execFileSync(join(SAMPLES, "build.sh"), [], { env, stdio: "pipe" });
    built.set(variables, out);
  } else copyFileSync(first, out);
  return out;
}
