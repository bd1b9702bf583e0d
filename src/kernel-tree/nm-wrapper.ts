import { createHash } from "node:crypto";
import { VERSION } from "../version.ts";
import { kernelFile } from "./kernel-files.ts";

/** What a wrapper of nm runs. */
export interface WrapperOptions {
  /** Path of Node.js, used unless NODE is set. */
  readonly node: string;
  /** Absolute path of the program. */
  readonly program: string;
  /** SHA-256 of the program, in hex. */
  readonly programHash: string;
  /** Command of nm; undefined: the one that the kernel's Makefile would select. */
  readonly nm: string | undefined;
  /** Further arguments of `kas-alias vmlinux`. */
  readonly arguments: readonly string[];
  /** SHA-256 of the file of --symbol-frequency, in hex; undefined if there is none. */
  readonly frequencyHash: string | undefined;
}

/**
 * A shell script that wraps nm in a kernel's build (`make NM=…`). It adds aliases to the listings from which
 * scripts/link-vmlinux.sh makes the kernel's symbol table: those of `nm -n` for a temporary or the final image, in Linux 5.10 to 7.3. nm
 * itself does everything else.
 */
export function nmWrapper(options: WrapperOptions): string {
  const { node, program, nm, arguments: args } = options;
  return `#!/bin/sh
# Wraps nm in a kernel's build: make NM=<this file>
# Made by kas-alias ${VERSION}.

program=${quoted(program)}
[ -n "\${NODE}" ] || NODE=${quoted(node)}
nm=${nm === undefined ? "" : quoted(nm)}
stamp=${wrapperStamp(options)}
alias_with_options() { alias_listing "$@" ${args.map(quoted).join(" ")}; }

${kernelFile("scripts/kas-alias/aliases.sh")}${kernelFile("nm.sh")}`;
}

/** What the aliases of a build depend on, as one word. The wrapper writes it to the build directory. */
function wrapperStamp({ programHash, nm, arguments: args, frequencyHash }: WrapperOptions): string {
  return createHash("sha256")
    .update(JSON.stringify([programHash, nm, args, frequencyHash]))
    .digest("hex");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
