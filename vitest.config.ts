// Which tests run: those on real kernels when KAS_ALIAS_KERNELS names their directory, those that build and boot kernels when
// KAS_ALIAS_BOOT names a list of sources (those in test/boot/all only with KAS_ALIAS_ALL), those on other versions of Node.js when KAS_ALIAS_NODES names a list of them, all others otherwise.
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const special =
  process.env.KAS_ALIAS_KERNELS !== undefined
    ? "test/kernel/**"
    : process.env.KAS_ALIAS_BOOT !== undefined
      ? "test/boot/**"
      : process.env.KAS_ALIAS_NODES !== undefined
        ? "test/nodes/**"
        : undefined;

export default defineConfig({
  test: {
    include: [`${special ?? "test/**"}/*.test.ts`],
    exclude:
      special === undefined
        ? ["test/kernel/**", "test/boot/**", "test/nodes/**"]
        : process.env.KAS_ALIAS_ALL === undefined
          ? ["test/boot/all/**"]
          : [],
    // The tests mostly wait for the programs that they run, some of which also wait; those on kernels need the memory.
    maxWorkers: availableParallelism() + (special === undefined ? 1 : 0),
    globalSetup: "test/global-setup.ts",
    testTimeout: 120_000,
    hookTimeout: 600_000,
  },
});
