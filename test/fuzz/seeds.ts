// Intact inputs, from which the others are made: small, and of every kind of file that the program reads.
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { constants, gzipSync } from "node:zlib";
import { buildModules, MODULES } from "../commands/module-objects.ts";
import { buildNextSample } from "../commands/next-sample.ts";
import { SERIES, treeFiles } from "../kernel-tree/trees.ts";
import { buildLivePatch } from "../livepatch/live-patch.ts";
import { buildSample, SAMPLE, type SampleBuild } from "../sample-kernel.ts";
import { buildProgram } from "../source-lines/declared-program.ts";
import { tool } from "../tool.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAM = join(ROOT, "dist/kas-alias.mjs");

/** The sample kernel, by its variables. */
const SAMPLES: Readonly<Record<string, SampleBuild>> = {
  gcc: {},
  dwarf4: { CFLAGS: "-gdwarf-4" },
  // The identifiers that GCC gives to .dwo files depend on the directory.
  split: { CC: "clang", CFLAGS: "-gsplit-dwarf" },
  mips: { CC: "clang", LD: "ld.lld", CFLAGS: "--target=mips-linux-gnu" },
  mips64: { CC: "clang", LD: "ld.lld", CFLAGS: "--target=mips64-linux-gnuabi64" },
  i386: { CC: "clang", LD: "ld.lld", CFLAGS: "--target=i386-linux-gnu -gdwarf-4" },
};

/** Where a file is compressed: its first bytes, as the kernel's build makes them. */
const PACKERS: Readonly<Record<string, readonly string[]>> = {
  gz: ["gzip", "-9n"],
  xz: ["xz", "--check=crc32", "--lzma2=dict=2MiB"],
  zst: ["zstd", "-q"],
};

const BUILT = ["drivers/beta/beta", "lib/gamma"];
const EVERYTHING = ["--table-scope=all", "--data", "--signatures", "--quiet"];
const ALIASES = ["name_show@drivers_rtc_sysfs_c_26", "name_show@kernel_irq_irqdesc_c_11"];

/**
 * Builds the seeds below an empty directory, a folder for each kind of file. The same compilers make the same bytes.
 *
 * image/NAME has its `nm -n` in listing/NAME and its table in table/NAME.
 */
export function buildSeeds(directory: string): void {
  const path = (name: string) => {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    return join(directory, name);
  };
  const work = mkdtempSync(join(tmpdir(), "kas-alias-seeds-"));
  try {
    buildImages(path, work);
    buildElfObjects(path, join(work, "modules"));
    buildTexts(path);
  } finally {
    rmSync(work, { recursive: true });
  }
}

type PathOf = (name: string) => string;

function kasAlias(...args: string[]): void {
  tool(process.execPath, [PROGRAM, ...args]);
}

function buildImages(path: PathOf, work: string): void {
  for (const [name, variables] of Object.entries(SAMPLES)) {
    const image = path(`image/${name}`);
    if (name === "gcc") copyFileSync(SAMPLE, image);
    else copyFileSync(buildSample(join(work, name), variables), image);
  }
  for (const compression of ["zlib", "zstd"])
    tool("objcopy", [`--compress-debug-sections=${compression}`, SAMPLE, path(`image/${compression}`)]);
  const lto = { compiler: "gcc", flags: ["-g", "-flto", `-ffile-prefix-map=${ROOT}=/src`] };
  buildProgram(path("image/lto"), lto);
  const next = join(work, "next");
  mkdirSync(next);
  copyFileSync(buildNextSample(next), path("image/next"));
  for (const name of readdirSync(dirname(path("image/gcc")))) {
    const image = path(`image/${name}`);
    writeFileSync(path(`listing/${name}`), tool("nm", ["-n", image]));
    const release = name === "next" ? ["--kernel-release=6.13.0-sample"] : [];
    kasAlias("vmlinux", image, "--table", path(`table/${name}`), ...EVERYTHING, ...release);
  }
}

function buildElfObjects(path: PathOf, tree: string): void {
  const flags = { "": [], "4": ["-gdwarf-4"], z: ["-gz=zlib"], s: ["-ffunction-sections"] };
  for (const [suffix, more] of Object.entries(flags)) {
    buildModules(`${tree}${suffix}`, `-fdebug-prefix-map=${tree}${suffix}=/src`, ...more);
    for (const module of MODULES.slice(0, suffix === "" ? undefined : 1))
      copyFileSync(`${tree}${suffix}/${module}.ko`, path(`module/${module.replace(/.*\//, "")}${suffix}.ko`));
  }
  // A kernel's build directory, with some of its modules.
  for (const module of BUILT) copyFileSync(`${tree}/${module}.ko`, path(`build/6.12/${module}.ko`));
  copyFileSync(path("image/gcc"), path("build/6.12/vmlinux"));
  writeFileSync(path("build/6.12/modules.order"), BUILT.map((module) => `${module}.o\n`).join(""));
  writeFileSync(path("build/6.12/include/config/kernel.release"), "6.12.7\n");
  writeFileSync(path("build/6.12/.config"), "CONFIG_MODULES=y\n");
  buildProgram(path("module/mips.ko"), {
    compiler: "clang",
    flags: ["-g", "--target=mips64-linux-gnuabi64", "-ffreestanding", `-ffile-prefix-map=${ROOT}=/src`],
    link: false,
  });
  const core = path("module/alpha-core.ko");
  for (const [suffix, [command = "", ...args]] of Object.entries(PACKERS)) {
    for (const [name, file] of Object.entries({ module: core, image: path("image/gcc") }))
      writeFileSync(path(`packed/${name}.${suffix}`), tool(command, [...args, "-c", file]));
  }
  const zeros = Buffer.concat([readFileSync(core), Buffer.alloc(1 << 26)]);
  for (const [suffix, [command = "", ...args]] of Object.entries(PACKERS))
    writeFileSync(path(`packed/bomb.${suffix}`), tool(command, args, zeros));
  writeFileSync(
    path("packed/stored.gz"),
    gzipSync(readFileSync(core), { level: constants.Z_NO_COMPRESSION }),
  );
  buildLivePatch(path("patch/plain.ko"), {
    functions: [
      { name: "name_show", position: 3 },
      { object: "rtc", name: "show", position: 1 },
    ],
  });
  buildLivePatch(path("patch/relocated.ko"), {
    functions: [{ name: "name_show", position: 2 }],
    relocations: {
      ".klp.rela.vmlinux..text": [".klp.sym.vmlinux.name_show,1", ".klp.sym.vmlinux.since_epoch_show,2"],
    },
    positions: { vmlinux: [["name_show", 2]] },
    calls: ["name_show"],
  });
  const modules = MODULES.map((module) => path(`module/${module.replace(/.*\//, "")}.ko`));
  const outputs = ["--table", path("table/modules"), "--symbol-frequency", path("frequency/modules")];
  kasAlias("modules", ...modules, "--vmlinux", path("image/gcc"), ...EVERYTHING, ...outputs);
}

function buildTexts(path: PathOf): void {
  const listing = readFileSync(path("listing/gcc"), "latin1");
  const loaded =
    "ffffffffc0000000 t begin\t[alpha_core]\nffffffffc0000010 t show\t[alpha_core]\nffffffffc0001000 t show\t[beta]\n";
  writeFileSync(path("kallsyms/gcc"), listing + loaded);
  writeFileSync(path("kallsyms/moved"), listing.replaceAll("ffffffff81", "ffffffff9a") + loaded);
  writeFileSync(
    path("order/modules"),
    readdirSync(dirname(path("module/x")))
      .map((name) => `seeds/module/${name}\n`)
      .join(""),
  );
  writeFileSync(path("names/aliases"), ALIASES.map((alias) => `${alias}\n`).join(""));
  writeFileSync(
    path("script/trace.bt"),
    `#!/usr/bin/bpftrace\n${ALIASES.map((alias) => `kprobe:"${alias}" { @["${alias}"] = count(); }\n`).join("")}`,
  );
  for (const series of SERIES) {
    for (const [name, text] of treeFiles(series)) writeFileSync(path(`tree/${series}/${name}`), text);
  }
}
