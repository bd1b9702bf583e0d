// `npm run fuzz`: runs the program on many damaged inputs and checks what it does. docs/reliability.md explains it.
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CACHE, ensurePackages } from "./apt.mjs";
import { ensureDependencies, main, run, temporaryDirectory } from "./setup.mjs";

const TOOLS = {
  nm: "binutils",
  gcc: "gcc",
  clang: "clang",
  "ld.lld": "lld",
  xz: "xz-utils",
  zstd: "zstd",
};

await main(async () => {
  await ensureDependencies();
  await ensurePackages(TOOLS);
  // A file system in memory is faster.
  const TMPDIR = temporaryDirectory(existsSync("/dev/shm") ? "/dev/shm" : tmpdir());
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  const args = ["--import", "./scripts/typescript.mjs", "test/fuzz/main.ts", "--state", join(CACHE, "fuzz")];
  const { status } = await run(process.execPath, [...args, ...process.argv.slice(2)], {
    env: { ...env, TMPDIR },
    stdio: "inherit",
  });
  return status;
});
