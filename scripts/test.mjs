// `npm test` and `npm run test:kernels`: set-up, Vitest, and one last line `N passed, M failed` from its report.
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CACHE, fetchKernels } from "./kernels.mjs";
import { ensureDependencies, ensurePackages, main, ROOT, run, temporaryDirectory } from "./setup.mjs";

const TOOLS = {
  nm: "binutils",
  gcc: "gcc",
  "/usr/include/stdio.h": "libc6-dev",
  clang: "clang",
  "ld.lld": "lld",
  "llvm-addr2line": "llvm",
  "eu-addr2line": "elfutils",
  "s390x-linux-gnu-gcc": "gcc-s390x-linux-gnu",
  dwz: "dwz",
  "/usr/bin/time": "time",
  "mips-linux-gnu-nm": "binutils-mips-linux-gnu",
  "mips64-linux-gnuabi64-nm": "binutils-mips64-linux-gnuabi64",
  "aarch64-linux-gnu-nm": "binutils-aarch64-linux-gnu",
  "arm-linux-gnueabihf-nm": "binutils-arm-linux-gnueabihf",
  "powerpc64le-linux-gnu-nm": "binutils-powerpc64le-linux-gnu",
  "riscv64-linux-gnu-nm": "binutils-riscv64-linux-gnu",
};

await main(async () => {
  const kernels = process.argv[2] === "--kernels";
  const args = process.argv.slice(kernels ? 3 : 2);
  await ensureDependencies();
  await ensurePackages(TOOLS);
  if (kernels) await fetchKernels();

  const report = join(temporaryDirectory(tmpdir()), "report.json");
  const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const { KAS_ALIAS_KERNELS: _, ...env } = process.env;
  const { status } = await run(process.execPath, [vitest, "run", ...reporters, ...args], {
    env: kernels ? { ...env, KAS_ALIAS_KERNELS: CACHE } : env,
    stdio: "inherit",
  });

  // With arguments somebody chose some tests; Vitest calls the others skipped.
  const { passed, failed } = count(report, args.length === 0, status);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return passed > 0 && failed === 0 ? 0 : 1;
});

/**
 * A test that did not run has not passed; a file that does not load, or a run that goes wrong outside its tests, is a failure.
 * @param {string} report path of Vitest's JSON report
 * @param {boolean} wholeRun
 * @param {number} status Vitest's exit status
 */
function count(report, wholeRun, status) {
  let passed = 0;
  let failed = 0;
  for (const { status: fileStatus, assertionResults } of readReport(report)) {
    const tests = assertionResults.map((test) => test.status);
    const bad = tests.filter((test) => test === "failed" || (wholeRun && test !== "passed")).length;
    passed += tests.filter((test) => test === "passed").length;
    failed += fileStatus === "failed" && !tests.includes("failed") ? bad + 1 : bad;
  }
  return { passed, failed: status !== 0 && failed === 0 ? 1 : failed };
}

/**
 * @param {string} report
 * @returns {{ status: string, assertionResults: { status: string }[] }[]} one item a test file
 */
function readReport(report) {
  try {
    return JSON.parse(readFileSync(report, "utf8")).testResults;
  } catch {
    return [];
  }
}
