// Builds small kernels; `npm run test:boot` fetches their sources and passes their location.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Source } from "../../scripts/kernel-sources.mjs";
import { EDITS } from "../../src/kernel-tree/edits.ts";
import { defined } from "../defined.ts";
import { tool } from "../tool.ts";

const list = process.env.KAS_ALIAS_BOOT;
if (list === undefined) throw new Error("KAS_ALIAS_BOOT is not set: use npm run test:boot");

const sources: readonly Source[] = JSON.parse(readFileSync(list, "utf8"));

/** The source of a series. */
export function sourceOf(series: string): Source {
  const source = sources.find((each) => each.series === series);
  if (source === undefined) throw new Error(`no source of Linux ${series}`);
  return source;
}

/** A tree of its own with the same files, for tests that run beside others. */
export function copyOf(source: Source, name: string): Source {
  const home = join(source.home, name);
  mkdirSync(home, { recursive: true });
  const tree = join(home, "tree");
  // Nothing writes into the files: the hook and the restoring of a tree replace them.
  if (!existsSync(tree)) tool("cp", ["-al", source.tree, tree]);
  return { ...source, home, tree };
}

/** A configuration, and how it is built. */
export interface Variant {
  /** A file beside this one. */
  readonly config: string;
  readonly compiler: string;
  /** Arguments of every make. */
  readonly args: readonly string[];
}

const GCC: Variant = { config: "config", compiler: "gcc", args: [] };
const SAMPLES = fileURLToPath(new URL("../../samples", import.meta.url));

/** A run of make. */
export interface Made {
  readonly status: number | null;
  /** Standard output and standard error. */
  readonly output: string;
  readonly seconds: number;
}

/** A build directory of a kernel; it is kept between test runs. */
export class KernelBuild {
  readonly source: Source;
  readonly directory: string;
  readonly #args: readonly string[];
  #isConfigured = false;

  constructor(source: Source, { config, compiler: command, args }: Variant = GCC) {
    const fragment = readFileSync(fileURLToPath(new URL(config, import.meta.url)), "utf8");
    const compiler = tool(command, ["--version"]).toString();
    this.#args = args;
    const key = createHash("sha256").update(fragment).update(compiler).digest("hex").slice(0, 12);
    this.source = source;
    this.directory = join(source.home, `build-${key}`);
    mkdirSync(this.directory, { recursive: true });
    writeFileSync(join(this.directory, "fragment"), fragment);
    // pahole's output with -j, which 6.1 asks for, is another each time.
    const pahole = '#!/bin/sh\nfor a; do shift; [ "$a" = -j ] || set -- "$@" "$a"; done\nexec pahole "$@"\n';
    writeFileSync(this.path("pahole"), pahole, { mode: 0o755 });
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** Makes the configuration from the fragment, the first time, and changes options in it. An earlier run may have left others. */
  configure(...options: string[]): void {
    if (!this.#isConfigured) {
      this.#isConfigured = true;
      this.must("tinyconfig");
      const merge = join(this.source.tree, "scripts/kconfig/merge_config.sh");
      tool("sh", [merge, "-m", "-O", this.directory, this.path(".config"), this.path("fragment")]);
    }
    if (options.length > 0) {
      tool(join(this.source.tree, "scripts/config"), ["--file", this.path(".config"), ...options]);
    }
    this.must("olddefconfig");
  }

  make(...args: string[]): Made {
    const options = [
      `-j${availableParallelism()}`,
      `O=${this.directory}`,
      `PAHOLE=${this.path("pahole")}`,
      ...this.#args,
    ];
    const start = performance.now();
    const { status, stdout } = spawnSync("sh", ["-c", 'exec "$@" 2>&1', "sh", "make", ...options, ...args], {
      cwd: this.source.tree,
      stdio: ["ignore", "pipe", "inherit"],
      encoding: "utf8",
      maxBuffer: 1 << 28,
      env: {
        ...process.env,
        LC_ALL: "C",
        KBUILD_BUILD_TIMESTAMP: "2024-01-01",
        KBUILD_BUILD_VERSION: "1",
        KBUILD_BUILD_USER: "user",
        KBUILD_BUILD_HOST: "host",
      },
    });
    return { status, output: stdout, seconds: (performance.now() - start) / 1000 };
  }

  must(...args: string[]): Made {
    const made = this.make(...args);
    if (made.status !== 0) throw new Error(`make ${args.join(" ")}: status ${made.status}\n${made.output}`);
    return made;
  }

  /** The link of vmlinux anew, with nothing else to do. */
  relink(...args: string[]): Made {
    // Linux 7.x links vmlinux.unstripped.
    for (const name of ["vmlinux", "vmlinux.unstripped"]) rmSync(this.path(name), { force: true });
    return this.must("vmlinux", ...args);
  }

  /**
   * The link of vmlinux as scripts/link-vmlinux.sh does it with other options, with the objects as they are: compiling them anew
   * would take as long as the first build.
   */
  relinkWith(options: Readonly<Record<string, boolean>>): Made {
    // Before 6.11, BTF is made from it.
    if (options.DEBUG_INFO_BTF === false) rmSync(this.path(".tmp_vmlinux.btf"), { force: true });
    const path = join(this.source.tree, "scripts/link-vmlinux.sh");
    const script = readFileSync(path, "utf8");
    const head = "is_enabled() {\n";
    if (!script.includes(head)) throw new Error(`${path} has no is_enabled()`);
    const lines = Object.entries(options).map(
      ([name, value]) => `\t[ "$1" != CONFIG_${name} ] || return ${value ? 0 : 1}\n`,
    );
    // Other trees may share the file.
    const write = (text: string) => {
      rmSync(path);
      writeFileSync(path, text, { mode: 0o755 });
    };
    write(script.replace(head, `${head}${lines.join("")}`));
    try {
      return this.relink();
    } finally {
      write(script);
    }
  }

  sha256(name: string): string {
    return createHash("sha256")
      .update(readFileSync(this.path(name)))
      .digest("hex");
  }
}

/** Modules outside the tree, built against a kernel. */
export class OutsideModule {
  readonly directory: string;
  readonly #build: KernelBuild;

  /**
   * @param sample a directory of samples/
   * @param directory a new one, for a copy of it
   */
  constructor(build: KernelBuild, sample: string, directory: string) {
    cpSync(join(SAMPLES, sample), directory, { recursive: true });
    this.directory = directory;
    this.#build = build;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  must(...targets: string[]): Made {
    return this.#build.must(`M=${this.directory}`, ...targets);
  }
}

/** The steps in make's short output, such as `ALIAS .tmp_vmlinux1.syms.aliased`. */
export function steps({ output }: Made, ...names: string[]): string[] {
  const told = output.matchAll(/^ {2}([A-Z]+)(?: \[M\])? +(\S+)$/gm);
  return Array.from(told, ([, name, target]) => `${name} ${target}`).filter((step) =>
    names.includes(defined(step.split(" ", 1)[0], "name of a step")),
  );
}

/** Restores the tree after an interrupted run: the files that the hook changes, and those that it adds. */
export function restoreTree({ tree, pristine }: Source): void {
  for (const { file } of EDITS) {
    if (readFileSync(join(tree, file)).equals(readFileSync(join(pristine, file)))) continue;
    rmSync(join(tree, file));
    copyFileSync(join(pristine, file), join(tree, file));
  }
  for (const name of ["kas-alias", "kas-alias.mjs", "Makefile.modalias"]) {
    rmSync(join(tree, "scripts", name), { recursive: true, force: true });
  }
}
