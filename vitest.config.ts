// Which tests run: those on real kernels when KAS_ALIAS_KERNELS names their directory, all others otherwise.
import { defineConfig } from "vitest/config";

const onKernels = process.env.KAS_ALIAS_KERNELS !== undefined;

export default defineConfig({
  test: {
    include: onKernels ? ["test/kernel/**/*.test.ts"] : ["test/**/*.test.ts"],
    exclude: onKernels ? [] : ["test/kernel/**"],
    globalSetup: "test/global-setup.ts",
    testTimeout: 120_000,
    hookTimeout: 600_000,
  },
});
