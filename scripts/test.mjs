// `npm test`, `npm run test:kernels`, `test:boot` and `test:nodes`: sets up and runs Vitest; the last line is `N passed, M failed`, from Vitest's report.
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CACHE, ensurePackages } from "./apt.mjs";
import { fetchArchitectures } from "./architectures.mjs";
import { fetchSources } from "./kernel-sources.mjs";
import { fetchKernels } from "./kernels.mjs";
import { fetchNewerTools } from "./newer-tools.mjs";
import { fetchNodes } from "./nodes.mjs";
import { ensureDependencies, main, ROOT, run, temporaryDirectory } from "./setup.mjs";

const TOOLS = {
  nm: "binutils",
  gcc: "gcc",
  "/usr/include/stdio.h": "libc6-dev",
  clang: "clang",
  "ld.lld": "lld",
  "clang-19": "clang-19",
  "ld.lld-19": "lld-19",
  "llvm-addr2line": "llvm",
  "llvm-symbolizer-19": "llvm-19",
  "eu-addr2line": "elfutils",
  "s390x-linux-gnu-gcc": "gcc-s390x-linux-gnu",
  dwz: "dwz",
  "/usr/bin/time": "time",
  "mips-linux-gnu-nm": "binutils-mips-linux-gnu",
  "mips64-linux-gnuabi64-nm": "binutils-mips64-linux-gnuabi64",
  "aarch64-linux-gnu-nm": "binutils-aarch64-linux-gnu",
  "arm-linux-gnueabihf-nm": "binutils-arm-linux-gnueabihf",
  "powerpc64le-linux-gnu-nm": "binutils-powerpc64le-linux-gnu",
  openssl: "openssl",
  "/usr/sbin/modinfo": "kmod",
  pahole: "dwarves",
  rustfilt: "rustfilt",
  "/usr/lib/linux-kbuild-6.1/scripts/sign-file": "linux-kbuild-6.1",
  gdb: "gdb",
  bpftrace: "bpftrace",
  xz: "xz-utils",
  zstd: "zstd",
  script: "bsdutils",
  "/usr/bin/chromium": "chromium",
  "riscv64-linux-gnu-nm": "binutils-riscv64-linux-gnu",
  "alpha-linux-gnu-nm": "binutils-alpha-linux-gnu",
  "arc-linux-gnu-nm": "binutils-arc-linux-gnu",
  "hppa-linux-gnu-nm": "binutils-hppa-linux-gnu",
  "hppa64-linux-gnu-nm": "binutils-hppa64-linux-gnu",
  "ia64-linux-gnu-nm": "binutils-ia64-linux-gnu",
  "m68k-linux-gnu-nm": "binutils-m68k-linux-gnu",
  "or1k-elf-nm": "binutils-or1k-elf",
  "sh4-linux-gnu-nm": "binutils-sh4-linux-gnu",
  "sparc64-linux-gnu-nm": "binutils-sparc64-linux-gnu",
  "xtensa-lx106-elf-nm": "binutils-xtensa-lx106",
};

const KERNEL_TOOLS = {
  "/usr/include/elfutils/libdw.h": "libdw-dev",
};

const BOOT_TOOLS = {
  make: "make",
  bc: "bc",
  flex: "flex",
  bison: "bison",
  "/usr/include/gelf.h": "libelf-dev",
  "/usr/include/openssl/opensslv.h": "libssl-dev",
  pahole: "dwarves",
  cpio: "cpio",
  "/bin/busybox": "busybox-static",
  "qemu-system-x86_64": "qemu-system-x86",
  gawk: "gawk",
  "/usr/sbin/depmod": "kmod",
};

await main(async () => {
  const kernels = process.argv[2] === "--kernels";
  const boot = process.argv[2] === "--boot";
  const nodes = process.argv[2] === "--nodes";
  const args = process.argv.slice(kernels || boot || nodes ? 3 : 2);
  const all = args.includes("--all");
  await ensureDependencies();
  await ensurePackages({ ...TOOLS, ...(kernels && KERNEL_TOOLS), ...(boot && BOOT_TOOLS) });

  const report = join(temporaryDirectory(tmpdir()), "report.json");
  const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const {
    KAS_ALIAS_KERNELS: _,
    KAS_ALIAS_BOOT: __,
    KAS_ALIAS_NODES: ___,
    KAS_ALIAS_ALL: ____,
    KAS_ALIAS_BOOT_TOOLS: _____,
    ...env
  } = process.env;
  // Node 20 parses these certificates at every start, and the tests start it a thousand times.
  delete env.NODE_EXTRA_CA_CERTS;
  if (kernels) {
    await fetchKernels();
    await fetchArchitectures(all ? "all" : process.env.KAS_ARCHES);
    env.KAS_ALIAS_KERNELS = CACHE;
  }
  if (boot) env.KAS_ALIAS_BOOT = await fetchSources(all);
  if (all) env.KAS_ALIAS_ALL = "1";
  if (boot && all) env.KAS_ALIAS_BOOT_TOOLS = await fetchNewerTools();
  if (nodes) env.KAS_ALIAS_NODES = await fetchNodes();
  const selected = args.filter((arg) => arg !== "--all");
  const { status } = await run(process.execPath, [vitest, "run", ...reporters, ...selected], {
    env,
    stdio: "inherit",
  });

  // Arguments select tests; Vitest reports the others as skipped.
  const { passed, failed } = count(report, selected.length === 0, status);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return passed > 0 && failed === 0 ? 0 : 1;
});

/**
 * Counts results. A test that did not run has not passed. A file that does not load, or an error outside the tests, is a failure.
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
 * @returns {{ status: string, assertionResults: { status: string }[] }[]} one item per test file
 */
function readReport(report) {
  try {
    return JSON.parse(readFileSync(report, "utf8")).testResults;
  } catch {
    return [];
  }
}
