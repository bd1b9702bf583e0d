import { execFileSync } from "node:child_process";
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

/** Builds the sample kernel to the file `out`. */
export function buildSample(out: string, build: SampleBuild): string {
  execFileSync(join(SAMPLES, "build.sh"), [], { env: { ...process.env, ...build, OUT: out }, stdio: "pipe" });
  return out;
}
